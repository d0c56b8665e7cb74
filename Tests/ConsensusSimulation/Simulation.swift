import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import TestFixtures
import WalProposer

/// Safekeepers, proposers, disks and a network in one thread: the same seed gives the same run, step by step.
///
/// The state machines and the storage are the real ones. Time is a number; what happens next is the earliest of what was
/// scheduled. Connections break, messages take any time, come twice, in another order or never, old connections deliver
/// late; nodes are busy and then take together what waits; they crash inside any file operation and come back after a
/// kill or a power loss; disks fail and fill up; proposers die and compete; safekeepers are exchanged for others.
package final class Simulation {
    enum Event {
        case arrive(link: Int)
        case toNode(link: Int, [UInt8])
        case process(link: Int)
        case toProposer(link: Int, AcceptorMessage)
        case closedAtNode(link: Int)
        case closedAtProposer(link: Int, String)
        case established(link: Int)
        case flush(link: Int)
        case timer(proposer: Int, Duration)
        case write(proposer: Int)
        case startProposer
        case crash
        case restart(node: Int)
        case spoilDisk
        case freeDisk(node: Int)
        case breakLink
        case partition
        case exchange
        case continueExchange
    }

    /// Where the timeline begins: near the end of a segment.
    static let start = LSN(0x1F_C150)

    package let seed: UInt64
    let fault: PlantedFault?
    var random: SeededGenerator
    var nodes: [SimulatedNode] = []
    var proposers: [Int: SimulatedProposer] = [:]
    var nextProposer = 0
    var links: [SimulatedLink] = []
    private var queue: [(time: Duration, order: Int, event: Event)] = []
    private var scheduled = 0
    private(set) var now = Duration.zero
    var judge = Judge(start: start)
    /// Nodes that a proposer can't reach: serial and index.
    var cut: Set<[Int]> = []
    /// Whether nothing goes wrong any more.
    private(set) var isHealed = false
    /// Who has the timeline, and who is to have it.
    var membership: MembershipConfiguration
    /// The change of the membership that is under way.
    var exchange: MembershipExchange?
    let addresses: [String]
    /// What happened, newest last.
    package private(set) var trace: [String] = []
    /// Steps so far.
    package private(set) var steps = 0
    /// How often safekeepers were exchanged, and disks went wrong.
    package internal(set) var exchangeCount = 0, spoiledCount = 0

    package init(seed: UInt64, fault: PlantedFault? = nil) throws {
        self.seed = seed
        self.fault = fault
        random = SeededGenerator(seed: seed)
        let scene = Scene(seed: seed, fault: fault, random: &random)
        addresses = (1...scene.nodeCount).map(Self.address)
        membership = try scene.membership()
        for id in 1...UInt64(scene.nodeCount) {
            let node = SimulatedNode(id: id, seed: random.next(), fault: fault)
            if membership.contains(node.id) { try node.create(in: membership) }
            nodes.append(node)
        }
        schedule(.startProposer, after: .zero)
        schedule(.crash, within: 400)
        schedule(.spoilDisk, within: 600)
        schedule(.breakLink, within: 400)
        schedule(.partition, within: 800)
        if scene.hasExchanges { schedule(.exchange, within: 600) }
    }

    static func address(_ number: Int) -> String { "sk-\(number):5454" }

    // MARK: Running

    /// Runs for a number of steps with everything that goes wrong, then heals all and expects WAL to be committed.
    ///
    /// - Throws: ``Violation``.
    package func run(steps count: Int) throws {
        while steps < count { try step() }
        try heal()
    }

    private func step() throws {
        let next = queue.indices.min { (queue[$0].time, queue[$0].order) < (queue[$1].time, queue[$1].order) }
        guard let next else { throw Violation("nothing will ever happen again") }
        let (time, _, event) = queue.remove(at: next)
        now = max(now, time)
        steps += 1
        try perform(event)
        for node in nodes { try node.check() }
    }

    func log(_ text: @autoclosure () -> String) {
        trace.append("\(steps) \(now): \(text())")
    }

    func schedule(_ event: Event, after delay: Duration) {
        queue.append((now + delay, scheduled, event))
        scheduled += 1
    }

    func schedule(_ event: Event, within milliseconds: Int) {
        schedule(event, after: .milliseconds(Int.random(in: 1...milliseconds, using: &random)))
    }

    private func perform(_ event: Event) throws {
        switch event {
        case .startProposer: try startProposer()
        case .timer(let serial, let time): try timer(serial, time)
        case .write(let serial): try write(serial)
        case .arrive(let link): arrive(link)
        case .established(let link): try tell(link) { .connected($0) }
        case .toNode(let link, let bytes): try receive(bytes, over: link)
        case .process(let link): try process(link)
        case .toProposer(let link, let message): try tell(link) { .received($0, message) }
        case .flush(let link): try flush(link)
        case .closedAtNode(let link): links[link].isOpenAtNode = false
        case .closedAtProposer(let link, let reason): try tell(link) { .disconnected($0, reason: reason) }
        case .crash: crash()
        case .restart(let node): try restart(node)
        case .spoilDisk: spoilDisk()
        case .freeDisk(let node): freeDisk(node)
        case .breakLink: breakLink()
        case .partition: partition()
        case .exchange: try beginExchange()
        case .continueExchange: try continueExchange()
        }
    }

    // MARK: The end

    /// Everything works again, after all machines have lost power at once: WAL is committed, and all members get it.
    private func heal() throws {
        isHealed = true
        cut = []
        log("all is healed")
        for index in nodes.indices where nodes[index].exists {
            if nodes[index].isUp { stop(index) }
            freeDisk(index)
            try start(index, after: .powerLoss)
        }
        for serial in proposers.keys.sorted() { end(serial) }
        queue.removeAll { if case .startProposer = $0.event { true } else { false } }
        schedule(.startProposer, after: .zero)
        let before = judge.committedLSN
        let limit = steps + 20_000
        func isDone() -> Bool {
            judge.committedLSN > before && exchange == nil
                && nodes.allSatisfy { !membership.contains($0.id) || ($0.state?.commitLSN ?? .invalid) > before }
        }
        while !isDone() {
            try require(steps < limit, "nothing is committed beyond \(before) although all is healed")
            try step()
        }
        for node in nodes { try judge.check(node) }
    }

    /// How much went on: a simulation in which nothing happens proves nothing.
    package var activity: (elections: Int, committedBytes: Int, runs: Int) {
        (judge.electionCount, judge.committed.count, nodes.reduce(0) { $0 + $1.runCount })
    }
}

/// With whom a simulation begins.
private struct Scene {
    let nodeCount: Int
    let isJoint: Bool
    /// Whether safekeepers are exchanged on the way.
    let hasExchanges: Bool

    /// One set of three or five members, or two sets of three that share one, for good; or three of five that change.
    init(seed: UInt64, fault: PlantedFault?, random: inout SeededGenerator) {
        isJoint = fault == .oldMajorityInJointConfiguration || fault == nil && seed % 8 == 3
        hasExchanges = !isJoint && (fault == .exchangeWithoutCatchUp || seed % 2 == 1)
        nodeCount = isJoint || hasExchanges ? 5 : [3, 3, 5].randomElement(using: &random) ?? 3
    }

    func membership() throws -> MembershipConfiguration {
        if isJoint {
            return try MembershipConfiguration(
                generation: Generation(2),
                members: Simulation.memberSet(1...3),
                newMembers: Simulation.memberSet(3...5)
            )
        }
        let members = try Simulation.memberSet(1...UInt64(hasExchanges ? 3 : nodeCount))
        return try MembershipConfiguration(generation: Generation(1), members: members)
    }
}

extension Simulation {
    static func memberSet(_ ids: some Sequence<UInt64>) throws -> MemberSet {
        try MemberSet(ids.map { try SafekeeperMember(id: SafekeeperID($0), host: "sk-\($0)", port: 5454) })
    }
}
