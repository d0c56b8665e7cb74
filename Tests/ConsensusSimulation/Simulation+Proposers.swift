import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import TestFixtures
import WalProposer

extension Simulation {
    func startProposer() throws {
        let serial = nextProposer
        nextProposer += 1
        // A proposer dies without a word; its messages are still under way.
        if proposers.count > 1, let victim = proposers.keys.sorted().first {
            log("proposer \(victim) dies")
            end(victim)
        }
        let configuration = try ProposerConfiguration(
            safekeepers: addresses.map { .init(address: $0) },
            generation: Generation(1),
            greeting: ProposerGreeting(
                tenant: SimulatedNode.tenant,
                timeline: SimulatedNode.timeline,
                serverVersionNumber: 160_002,
                systemID: 9,
                segmentSize: UInt32(SimulatedNode.segmentSize.bytes)
            ),
            startLSN: Self.start,
            serverFlush: LSN(.max)
        )
        log("proposer \(serial) starts")
        proposers[serial] = SimulatedProposer(serial: serial, machine: Proposer(configuration))
        try handle(.start, by: serial)
        // Somebody else takes over sooner or later, often while this one still works.
        if !isHealed { schedule(.startProposer, within: 1_500) }
    }

    /// A proposer is gone, and its connections with it.
    func end(_ serial: Int) {
        proposers[serial] = nil
        for link in links.indices where links[link].proposer == serial { close(link, "gone") }
    }

    func timer(_ serial: Int, _ time: Duration) throws {
        guard let proposer = proposers[serial], proposer.timer == time else { return }
        proposers[serial]?.timer = nil
        try handle(.tick, by: serial)
    }

    func handle(_ event: ProposerEvent, by serial: Int) throws {
        guard var proposer = proposers[serial] else { return }
        let actions = proposer.machine.handle(event, at: now)
        proposers[serial] = proposer
        for action in actions { try perform(action, of: serial) }
    }

    func tell(_ link: Int, _ event: (ProposerConnection) -> ProposerEvent) throws {
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

    func write(_ serial: Int) throws {
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
        guard let machine = proposers[serial]?.machine else { return }
        let nodes = nodes
        // The planted fault has the proposer count by a configuration that was never decided.
        let membership =
            fault == .oldMajorityInJointConfiguration ? self.membership : machine.membership
        try judge.committed(machine.term, upTo: end, membership: membership) { id in
            nodes.first { $0.id == id }?.promisedFlush(in: machine.membership.generation) ?? .invalid
        }
        log("term \(machine.term) commits up to \(end)")
    }
}
