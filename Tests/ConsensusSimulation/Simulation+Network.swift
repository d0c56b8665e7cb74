import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import WalProposer

// Connections keep the order of what is sent, as TCP does; but now and then a message is lost, comes twice or overtakes
// others: no state machine may rely on what lies below it.
extension Simulation {
    /// How long a node is at something else before it takes messages: mostly not at all.
    var busyTime: Duration {
        random.chance(1, in: 3) ? .microseconds(Int.random(in: 1...30_000, using: &random)) : .zero
    }

    private enum Fate {
        case inOrder, lost, twice, overtaking
    }

    var delay: Duration {
        let slow = !isHealed && random.chance(1, in: 30)
        return .microseconds(Int.random(in: 50...(slow ? 400_000 : 4_000), using: &random))
    }

    private func fate() -> Fate {
        if isHealed || !random.chance(1, in: 40) { return .inOrder }
        return [.lost, .twice, .overtaking].randomElement(using: &random) ?? .inOrder
    }

    /// Schedules a message's arrival; `last` is when the one before arrives.
    private func deliver(_ event: Event, after last: inout Duration) {
        switch fate() {
        case .lost: break
        case .overtaking: schedule(event, after: delay)
        case .twice:
            schedule(event, after: delay * 10)
            fallthrough
        case .inOrder:
            last = max(last, now + delay)
            schedule(event, after: last - now)
        }
    }

    func send(_ message: ProposerMessage, over link: Int, source: ProposerWALSource?) throws {
        var wal: [UInt8] = []
        if case .append(let request) = message, !request.isHeartbeat {
            do {
                wal = try walForRequest(request, source, of: links[link].proposer)
            } catch let error as Unreadable {
                let event = ProposerEvent.walUnreadable(
                    links[link].connection,
                    source: source ?? .server,
                    reason: error.reason
                )
                return try handle(event, by: links[link].proposer)
            }
        }
        var output = OutputBuffer()
        switch message {
        case .greeting(let greeting): greeting.encode(into: &output, version: .v3)
        case .voteRequest(let request): request.encode(into: &output, version: .v3)
        case .elected(let elected): elected.encode(into: &output, version: .v3)
        case .append(let request): request.encode(into: &output, version: .v3, wal: wal.span.bytes)
        }
        deliver(.toNode(link: link, output.array), after: &links[link].lastAtNode)
    }

    private struct Unreadable: Error { let reason: String }

    private func walForRequest(
        _ request: AppendRequest,
        _ source: ProposerWALSource?,
        of serial: Int
    ) throws -> [UInt8] {
        if case .donor(let index) = source {
            // START_REPLICATION with a term: refused by a node that has moved on.
            let donor = nodes[index]
            guard let state = donor.state, state.persisted.term == request.term, state.flushLSN >= request.end else {
                throw Unreadable(reason: "the donor has moved on")
            }
            return try donor.wal(from: request.begin, to: request.end)
        }
        guard let log = judge.logs[request.term] else { throw Unreadable(reason: "no such WAL") }
        let first = Int(request.begin.rawValue - Self.start.rawValue)
        return Array(log[first..<first + Int(request.end.rawValue - request.begin.rawValue)])
    }

    func arrive(_ link: Int) {
        let node = links[link].node
        guard nodes[node].isUp, !cut.contains([links[link].proposer, node]) else {
            return schedule(.closedAtProposer(link: link, "refused"), after: delay)
        }
        links[link].isOpenAtNode = true
        links[link].lastAtProposer = now + delay
        schedule(.established(link: link), after: links[link].lastAtProposer - now)
    }

    func answer(_ message: AcceptorMessage, over link: Int) {
        var message = message
        if fault == .oldMajorityInJointConfiguration, case .greeting(let greeting) = message,
            let old = try? MembershipConfiguration(
                generation: greeting.membership.generation,
                members: greeting.membership.members
            )
        {
            message = .greeting(AcceptorGreeting(node: greeting.node, membership: old, term: greeting.term))
        }
        if fault == .earlierTermCommit, case .appendResponse(var response) = message,
            let election = proposers[links[link].proposer]?.machine.election
        {
            response.flush = max(response.flush, election.start)
            message = .appendResponse(response)
        }
        deliver(.toProposer(link: link, message), after: &links[link].lastAtProposer)
    }

    func close(_ link: Int, _ reason: String) {
        links[link].isOpenAtNode = false
        links[link].waiting = []
        schedule(.closedAtProposer(link: link, reason), after: max(links[link].lastAtProposer - now, .zero) + delay)
    }

    func breakLink() {
        if isHealed { return }
        if let link = links.indices.filter({ links[$0].isOpenAtNode }).randomElement(using: &random) {
            log("link \(link) breaks")
            close(link, "broken")
        }
        schedule(.breakLink, within: 400)
    }

    func partition() {
        cut = []
        if isHealed { return }
        for serial in proposers.keys.sorted() {
            for node in nodes.indices where random.chance(1, in: 4) { cut.insert([serial, node]) }
        }
        schedule(.partition, within: 800)
    }
}
