import PostgresWAL
import ReplicationProtocol
import SafekeeperServer

/// A change of the safekeepers that have a timeline, as whoever manages them does it: from the old set, over a joint
/// configuration, to the new one.
///
/// The new configuration alone is in force only when it can't lose anything: a majority of the old set is in the joint
/// one, so that nothing is committed without the new set any more; and a majority of the new set has the WAL and knows
/// the terms that the old one had by then.
///
/// Source: `safekeeper-core.md` §3.8 and §8.
struct MembershipExchange {
    /// What a safekeeper has when it is asked.
    struct Answer {
        let term: Term
        let lastLogTerm: Term
        let flush: LSN

        init(_ state: TimelineState) {
            term = state.persisted.term
            lastLogTerm = state.lastLogTerm
            flush = state.flushLSN
        }
    }

    let joint: MembershipConfiguration
    let goal: MembershipConfiguration
    /// What old members had once they were in the joint configuration.
    var old: [SafekeeperID: Answer] = [:]
    /// New members that are in the joint configuration and had what the old ones had.
    var ready: Set<SafekeeperID> = []
    /// Who has been told of the goal, once it is decided.
    var told: Set<SafekeeperID> = []
    var isDecided = false

    init(from current: MembershipConfiguration, to members: MemberSet) throws {
        guard let first = current.generation.next, let second = first.next else {
            throw Violation("no generation left")
        }
        joint = try MembershipConfiguration(generation: first, members: current.members, newMembers: members)
        goal = try MembershipConfiguration(generation: second, members: members)
    }

    /// The configuration that is in force.
    var current: MembershipConfiguration { isDecided ? goal : joint }

    var hasOldMajority: Bool { joint.members.hasMajority { old[$0] != nil } }

    var isReady: Bool { hasOldMajority && goal.members.hasMajority(ready.contains) }

    /// The highest term that an old member knew.
    var term: Term { old.values.map(\.term).max() ?? .initial }

    /// Whether a new member has all WAL that the old ones had.
    func hasAll(_ answer: Answer) -> Bool {
        old.values.allSatisfy { ($0.lastLogTerm, $0.flush) <= (answer.lastLogTerm, answer.flush) }
    }
}

extension Simulation {
    /// Begins to exchange one or more safekeepers; those that join begin without anything.
    func beginExchange() throws {
        if isHealed { return }
        schedule(.exchange, within: 1_200)
        guard exchange == nil else { return }
        let ids = nodes.indices.shuffled(using: &random).prefix(3).map { UInt64($0 + 1) }.sorted()
        let members = try Self.memberSet(ids)
        guard members != membership.members else { return }
        let exchange = try MembershipExchange(from: membership, to: members)
        log("safekeepers are exchanged: \(exchange.joint)")
        for node in nodes where !membership.contains(node.id) && exchange.joint.contains(node.id) {
            try node.create(in: exchange.joint)
        }
        self.exchange = exchange
        membership = exchange.joint
        schedule(.continueExchange, after: delay)
    }

    /// Talks to one of those concerned.
    func continueExchange() throws {
        guard var exchange else { return }
        let concerned = nodes.indices.filter { exchange.current.contains(nodes[$0].id) }
        if let index = concerned.randomElement(using: &random), nodes[index].isUp {
            do {
                try advance(&exchange, nodes[index])
            } catch let error as AcceptorError {
                log("node \(index + 1): \(error)")
                _ = stopIfCrashed(index)
            }
        }
        if !exchange.isDecided, exchange.isReady || fault == .exchangeWithoutCatchUp && exchange.hasOldMajority {
            exchange.isDecided = true
            membership = exchange.goal
            exchangeCount += 1
            log("safekeepers have been exchanged: \(membership)")
        }
        let isOver = exchange.isDecided && exchange.goal.members.members.allSatisfy { exchange.told.contains($0.id) }
        self.exchange = isOver ? nil : exchange
        if !isOver { schedule(.continueExchange, within: 40) }
    }

    private func advance(_ exchange: inout MembershipExchange, _ node: SimulatedNode) throws {
        let id = node.id
        guard let generation = try node.switchMembership(to: exchange.current) else { return }
        if exchange.isDecided {
            if generation >= exchange.goal.generation { exchange.told.insert(id) }
            return
        }
        guard generation == exchange.joint.generation else { return }
        if exchange.joint.members.contains(id), exchange.old[id] == nil, let state = node.state {
            exchange.old[id] = .init(state)
        }
        guard exchange.hasOldMajority, exchange.goal.members.contains(id) else { return }
        try node.bumpTerm(to: exchange.term)
        if let state = node.state, exchange.hasAll(.init(state)) { exchange.ready.insert(id) }
    }
}
