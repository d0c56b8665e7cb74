import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import TestFixtures
import WalProposer

/// Safekeepers, proposers, disks and a network in one thread: the same seed gives the same run, step by step.
///
/// The state machines and the storage are the real ones. Time is a number; what happens next is the earliest of what was
/// scheduled. Connections break, messages take any time, old connections deliver late, nodes crash inside any file
/// operation and come back after a kill or a power loss, proposers die and compete.
package final class Simulation {
    private enum Event {
        case arrive(link: Int)
        case toNode(link: Int, [UInt8])
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
        case breakLink
        case partition
    }

    /// Where the timeline begins: near the end of a segment.
    static let start = LSN(0x1F_C150)

    package let seed: UInt64
    private let fault: PlantedFault?
    private var random: SeededGenerator
    private var nodes: [SimulatedNode] = []
    private var proposers: [Int: SimulatedProposer] = [:]
    private var nextProposer = 0
    private var links: [SimulatedLink] = []
    private var queue: [(time: Duration, order: Int, event: Event)] = []
    private var scheduled = 0
    private var now = Duration.zero
    private var judge = Judge(start: start)
    /// Nodes that a proposer can't reach: serial and index.
    private var cut: Set<[Int]> = []
    private var isHealed = false
    private let membership: MembershipConfiguration
    private let addresses: [String]
    /// What happened, newest last.
    package private(set) var trace: [String] = []
    /// Steps so far.
    package private(set) var steps = 0

    package init(seed: UInt64, fault: PlantedFault? = nil) throws {
        self.seed = seed
        self.fault = fault
        random = SeededGenerator(seed: seed)
        // One set of three or five members, or two sets of three that share one.
        let isJoint = fault == .oldMajorityInJointConfiguration || seed % 4 == 3
        let count = isJoint ? 5 : [3, 3, 5].randomElement(using: &random) ?? 3
        addresses = (1...count).map { "sk-\($0):5454" }
        func set(_ ids: ClosedRange<UInt64>) throws -> MemberSet {
            try MemberSet(ids.map { try SafekeeperMember(id: SafekeeperID($0), host: "sk-\($0)", port: 5454) })
        }
        membership =
            isJoint
            ? try MembershipConfiguration(generation: Generation(2), members: set(1...3), newMembers: set(3...5))
            : try MembershipConfiguration(generation: Generation(1), members: set(1...UInt64(count)))
        for id in 1...UInt64(count) {
            nodes.append(
                try SimulatedNode(id: id, seed: random.next(), fault: fault, membership: membership)
            )
        }
        schedule(.startProposer, after: .zero)
        schedule(.crash, within: 400)
        schedule(.breakLink, within: 400)
        schedule(.partition, within: 800)
    }

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

    private func log(_ text: @autoclosure () -> String) {
        trace.append("\(steps) \(now): \(text())")
    }

    private func schedule(_ event: Event, after delay: Duration) {
        queue.append((now + delay, scheduled, event))
        scheduled += 1
    }

    private func schedule(_ event: Event, within milliseconds: Int) {
        schedule(event, after: .milliseconds(Int.random(in: 1...milliseconds, using: &random)))
    }

    private var delay: Duration {
        let slow = !isHealed && random.chance(1, in: 30)
        return .microseconds(Int.random(in: 50...(slow ? 400_000 : 4_000), using: &random))
    }

    private func perform(_ event: Event) throws {
        switch event {
        case .startProposer: try startProposer()
        case .timer(let serial, let time):
            guard let proposer = proposers[serial], proposer.timer == time else { return }
            proposers[serial]?.timer = nil
            try handle(.tick, by: serial)
        case .write(let serial): try write(serial)
        case .arrive(let link): arrive(link)
        case .established(let link):
            try tell(link) { .connected($0) }
        case .toNode(let link, let bytes): try receive(bytes, over: link)
        case .toProposer(let link, let message):
            try tell(link) { .received($0, message) }
        case .flush(let link): try flush(link)
        case .closedAtNode(let link): links[link].isOpenAtNode = false
        case .closedAtProposer(let link, let reason):
            try tell(link) { .disconnected($0, reason: reason) }
        case .crash: try crash()
        case .restart(let node): try restart(node)
        case .breakLink:
            if let link = links.indices.filter({ links[$0].isOpenAtNode }).randomElement(using: &random) {
                log("link \(link) breaks")
                close(link, "broken")
            }
            if !isHealed { schedule(.breakLink, within: 400) }
        case .partition:
            cut = []
            if !isHealed {
                for serial in proposers.keys.sorted() {
                    for node in nodes.indices where random.chance(1, in: 4) { cut.insert([serial, node]) }
                }
                schedule(.partition, within: 800)
            }
        }
    }

    // MARK: Proposers

    private func startProposer() throws {
        let serial = nextProposer
        nextProposer += 1
        // A proposer dies without a word; its messages are still under way.
        if proposers.count > 1, let victim = proposers.keys.sorted().first {
            log("proposer \(victim) dies")
            proposers[victim] = nil
            for link in links.indices where links[link].proposer == victim { close(link, "gone") }
        }
        var greeting = ProposerGreeting(
            tenant: SimulatedNode.tenant,
            timeline: SimulatedNode.timeline,
            serverVersionNumber: 160_002,
            systemID: 9,
            segmentSize: UInt32(SimulatedNode.segmentSize.bytes)
        )
        greeting.membership = membership
        let configuration = try ProposerConfiguration(
            safekeepers: addresses.map { .init(address: $0) },
            generation: membership.generation,
            greeting: greeting,
            startLSN: Self.start,
            serverFlush: LSN(.max)
        )
        log("proposer \(serial) starts")
        proposers[serial] = SimulatedProposer(serial: serial, machine: Proposer(configuration))
        try handle(.start, by: serial)
        // Somebody else takes over sooner or later, often while this one still works.
        if !isHealed { schedule(.startProposer, within: 1_500) }
    }

    private func handle(_ event: ProposerEvent, by serial: Int) throws {
        guard var proposer = proposers[serial] else { return }
        let actions = proposer.machine.handle(event, at: now)
        proposers[serial] = proposer
        for action in actions { try perform(action, of: serial) }
    }

    private func tell(_ link: Int, _ event: (ProposerConnection) -> ProposerEvent) throws {
        guard !links[link].isClosedAtProposer else { return }
        try handle(event(links[link].connection), by: links[link].proposer)
    }

    private func perform(_ action: ProposerAction, of serial: Int) throws {
        switch action {
        case .connect(let connection, _):
            links.append(
                SimulatedLink(proposer: serial, connection: connection, node: connection.member)
            )
            schedule(.arrive(link: links.count - 1), after: delay)
        case .disconnect(let connection, let reason):
            guard let link = link(connection, of: serial) else { return }
            log("proposer \(serial) leaves node \(connection.member + 1): \(reason)")
            links[link].isClosedAtProposer = true
            // What was sent before still arrives.
            schedule(.closedAtNode(link: link), after: max(links[link].lastAtNode - now, .zero) + delay)
        case .send(let connection, let message, let source):
            guard let link = link(connection, of: serial) else { return }
            try send(message, over: link, source: source)
        case .elected(let election): try elected(election, serial)
        case .commitAdvanced(let end): try committed(upTo: end, by: serial)
        case .setTimer(let time):
            proposers[serial]?.timer = time
            schedule(.timer(proposer: serial, time), after: max(time - now, .zero))
        case .fail(let error):
            log("proposer \(serial) ends: \(error)")
            try require(error.mayRestart, "proposer \(serial): \(error)")
            proposers[serial] = nil
            if proposers.isEmpty { schedule(.startProposer, within: 200) }
        }
    }

    private func link(_ connection: ProposerConnection, of serial: Int) -> Int? {
        links.lastIndex { $0.proposer == serial && $0.connection == connection }
    }

    private func elected(_ election: ProposerElection, _ serial: Int) throws {
        log("proposer \(serial) is elected in term \(election.term) at \(election.start)")
        // What the donor had when it voted; by now another leader may have changed it.
        let previous = election.history.entries.dropLast().last?.term
        try judge.elected(election.term, at: election.start, continuing: previous)
        proposers[serial]?.generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v16,
            segmentSize: SimulatedNode.segmentSize,
            systemIdentifier: 9,
            startingAt: election.start
        )
        // Its server may have older WAL, or only what comes from now on.
        if random.chance(1, in: 2) { try handle(.walRemoved(before: election.start), by: serial) }
        schedule(.write(proposer: serial), after: delay)
    }

    private func write(_ serial: Int) throws {
        guard var proposer = proposers[serial], proposer.isElected else { return }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let size = [40, 40, 40, 40, 1_000, 9_000, 60_000].randomElement(using: &random) ?? 40
            let bytes = proposer.write(size: size)
            judge.written(proposer.machine.term, bytes)
        }
        proposers[serial] = proposer
        if let end = proposer.generator?.position { try handle(.walAvailable(upTo: end), by: serial) }
        schedule(.write(proposer: serial), within: 40)
    }

    private func committed(upTo end: LSN, by serial: Int) throws {
        guard let term = proposers[serial]?.machine.term else { return }
        let nodes = nodes
        try judge.committed(term, upTo: end, membership: membership) { id in
            nodes.first { $0.id == id }?.promisedFlush ?? .invalid
        }
        log("term \(term) commits up to \(end)")
    }

    // MARK: Network

    private func send(_ message: ProposerMessage, over link: Int, source: ProposerWALSource?) throws {
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
        links[link].lastAtNode = max(links[link].lastAtNode, now + delay)
        schedule(.toNode(link: link, output.array), after: links[link].lastAtNode - now)
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

    private func arrive(_ link: Int) {
        let node = links[link].node
        guard nodes[node].isUp, !cut.contains([links[link].proposer, node]) else {
            return schedule(.closedAtProposer(link: link, "refused"), after: delay)
        }
        links[link].isOpenAtNode = true
        links[link].lastAtProposer = now + delay
        schedule(.established(link: link), after: links[link].lastAtProposer - now)
    }

    private func answer(_ message: AcceptorMessage, over link: Int) {
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
        links[link].lastAtProposer = max(links[link].lastAtProposer, now + delay)
        schedule(.toProposer(link: link, message), after: links[link].lastAtProposer - now)
    }

    private func close(_ link: Int, _ reason: String) {
        links[link].isOpenAtNode = false
        schedule(.closedAtProposer(link: link, reason), after: max(links[link].lastAtProposer - now, .zero) + delay)
    }

    // MARK: Nodes

    private func receive(_ bytes: [UInt8], over link: Int) throws {
        let node = nodes[links[link].node]
        guard node.isUp, links[link].isOpenAtNode else { return }
        if cut.contains([links[link].proposer, links[link].node]) { return close(link, "cut off") }
        do {
            let reply = try node.process(bytes, from: links[link].proposer)
            if let reply { answer(reply, over: link) }
            if bytes.first == UInt8(ascii: "a"), !links[link].isDirty {
                links[link].isDirty = true
                schedule(.flush(link: link), within: 12)
            }
        } catch let error as AcceptorError {
            failed(link, "\(error)")
        }
    }

    private func flush(_ link: Int) throws {
        let node = nodes[links[link].node]
        guard node.isUp, links[link].isDirty else { return }
        links[link].isDirty = false
        do {
            if let reply = try node.flush(), links[link].isOpenAtNode { answer(reply, over: link) }
        } catch let error as AcceptorError {
            failed(link, "\(error)")
        }
    }

    /// A message was refused, or the disk failed, or the node died on the way.
    private func failed(_ link: Int, _ reason: String) {
        let index = links[link].node
        log("node \(index + 1): \(reason)")
        if nodes[index].disk.isCrashed { stop(index) } else { close(link, reason) }
    }

    private func stop(_ index: Int) {
        log("node \(index + 1) is down")
        nodes[index].stop()
        for link in links.indices where links[link].node == index && links[link].isOpenAtNode { close(link, "down") }
        schedule(.restart(node: index), within: isHealed ? 50 : 600)
    }

    private func crash() throws {
        if isHealed { return }
        schedule(.crash, within: 300)
        guard let index = nodes.indices.randomElement(using: &random), nodes[index].isUp else { return }
        let disk = nodes[index].disk
        if random.chance(1, in: 3) {
            stop(index)
        } else {
            // Inside one of the next operations.
            disk.crashOperation = disk.operationCount + Int.random(in: 0..<40, using: &random)
        }
    }

    private func restart(_ index: Int) throws {
        guard !nodes[index].isUp else { return }
        let kind: SimulatedFileSystem.Crash = random.chance(2, in: 3) ? .powerLoss : .kill
        log("node \(index + 1) starts after a \(kind)")
        try nodes[index].restart(after: kind)
        try judge.check(nodes[index])
    }

    // MARK: The end

    /// Everything works again, after all machines have lost power at once: WAL is committed, and all nodes get it.
    private func heal() throws {
        isHealed = true
        cut = []
        log("all is healed")
        for index in nodes.indices {
            if nodes[index].isUp { stop(index) }
            try nodes[index].restart(after: .powerLoss)
            try judge.check(nodes[index])
        }
        for serial in proposers.keys.sorted() {
            proposers[serial] = nil
            for link in links.indices where links[link].proposer == serial { close(link, "gone") }
        }
        queue.removeAll { if case .startProposer = $0.event { true } else { false } }
        schedule(.startProposer, after: .zero)
        let before = judge.committedLSN
        let limit = steps + 20_000
        func isDone() -> Bool {
            judge.committedLSN > before
                && nodes.allSatisfy { ($0.state?.commitLSN ?? .invalid) > before }
        }
        while !isDone() {
            try require(steps < limit, "nothing is committed beyond \(before) although all is healed")
            try step()
        }
        for node in nodes { try judge.check(node) }
    }

    /// How much went on: a simulation in which nothing happens proves nothing.
    package var activity: (elections: Int, committedBytes: Int) { (judge.electionCount, judge.committed.count) }
}
