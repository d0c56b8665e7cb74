import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing
import WalReceiver

/// The rules by which safekeepers are chosen.
struct ManagerTests {
    // MARK: The first connection

    @Test("the one that has committed the most; empty ones and those without news never")
    func best() {
        var run = ManagerRun()
        #expect(run.handle(.timer) == [])
        #expect(run.news(1, commit: .invalid) == [])
        #expect(run.news(2, commit: LSN(0x100)).connects == [2])
        #expect(run.manager.switches == [.noExistingConnection: 1])
        var other = ManagerRun()
        other.news(9, commit: LSN(0x900))
        other.news(1, commit: LSN(0x100))
        other.news(2, commit: LSN(0x300))
        other.news(3, commit: LSN(0x200))
        #expect(other.handle(.ended(attempt: 1)).connects == [2], "9 has to pause")
    }

    @Test("of a list, of which nothing is known, the first one; near ones before it")
    func list() {
        var run = ManagerRun()
        #expect(run.handle(.configured([sk(3), sk(2), sk(5)])).connects == [2])
        var settings = ManagerSettings()
        settings.availabilityZone = "b"
        var near = ManagerRun(settings)
        #expect(near.handle(.configured([sk(2, zone: "a"), sk(5, zone: "b")])).connects == [5])
    }

    @Test("known positions come before unknown ones")
    func known() {
        var run = ManagerRun()
        run.news(9, commit: LSN(0x900))
        _ = run.handle(.configured([sk(1), sk(2)]))
        run.news(2, commit: LSN(0x100))
        #expect(run.handle(.ended(attempt: 1)).connects == [2])
    }

    // MARK: Reasons to leave

    @Test("rule 1: nothing was heard for too long")
    func silence() {
        var run = ManagerRun()
        run.connect(to: 1, commit: LSN(0x1000))
        run.seconds = 10
        run.news(2, commit: LSN(0x10))
        #expect(run.handle(.timer) == [])
        run.seconds = 10.001
        #expect(run.handle(.timer) == [.disconnect(attempt: 1, .noKeepAlives)])
        #expect(run.handle(.timer) == [], "it is told once")
        #expect(run.handle(.ended(attempt: 1)).connects == [2])
        #expect(run.manager.switches[.noKeepAlives] == 1)
    }

    @Test("rule 1 with nobody else: the same one anew, which upstream never does")
    func silenceOfTheOnlyOne() {
        var run = ManagerRun()
        _ = run.handle(.configured([sk(1)]))
        run.status { $0.connect() }
        run.seconds = 10.5
        #expect(run.handle(.timer) == [.disconnect(attempt: 1, .noKeepAlives)])
        #expect(run.handle(.ended(attempt: 1)).connects == [1])
        #expect(run.manager.connection?.attempt.number == 2)
        // The second attempt does not even get a login: the same, with growing pauses.
        run.seconds = 21
        #expect(run.handle(.timer) == [.disconnect(attempt: 2, .noKeepAlives)])
        #expect(run.handle(.ended(attempt: 2)).connects == [1])
    }

    @Test("rule 1 does not hold while the sink is full")
    func paused() {
        var run = ManagerRun()
        run.connect(to: 1, commit: LSN(0x1000))
        run.status { $0.pause() }
        run.seconds = 100
        run.news(2, commit: LSN(0x2000))
        #expect(run.handle(.timer) == [])
    }

    @Test("rule 2: before the login there is only rule 1")
    func connecting() {
        var run = ManagerRun()
        run.news(1, commit: LSN(0x100))
        run.news(2, commit: LSN(0x4000_0000_0000))
        #expect(run.handle(.timer) == [])
    }

    @Test("rule 3: far ahead, at the limit and not below")
    func lag() {
        var run = ManagerRun()
        run.connect(to: 1, commit: LSN(0x1000))
        #expect(run.news(2, commit: LSN(0x1000 + (1 << 30) - 1)) == [])
        #expect(run.news(2, commit: LSN(0x1000 + (1 << 30))) == [.disconnect(attempt: 1, .laggingWAL)])
        #expect(run.handle(.ended(attempt: 1)).connects == [2])
        #expect(run.manager.switches[.laggingWAL] == 1)
    }

    @Test("rule 4: nearer and no worse")
    func zone() {
        var settings = ManagerSettings()
        settings.availabilityZone = "a"
        var run = ManagerRun(settings)
        run.connect(to: 1, commit: LSN(0x1000), zone: "b")
        #expect(run.news(2, commit: LSN(0x0FFF), zone: "a") == [], "worse")
        #expect(run.news(2, commit: LSN(0x1000), zone: "a") == [.disconnect(attempt: 1, .availabilityZone)])
        // Already there, or nobody knows where we are.
        var there = ManagerRun(settings)
        there.connect(to: 1, commit: LSN(0x1000), zone: "a")
        #expect(there.news(2, commit: LSN(0x1000), zone: "a") == [])
        var nowhere = ManagerRun()
        nowhere.connect(to: 1, commit: LSN(0x1000), zone: "b")
        #expect(nowhere.news(2, commit: LSN(0x1000), zone: "a") == [])
    }

    @Test("rule 5: another one has WAL that we have waited for")
    func stall() {
        var run = ManagerRun()
        run.lastRecord = LSN(0x1000)
        run.connect(to: 1, commit: LSN(0x1000))
        run.seconds = 1
        #expect(run.news(2, commit: LSN(0x1100)) == [])
        for second in 2...11 {
            run.seconds = Double(second)
            run.status { $0.hear(commit: LSN(0x1000)) }
            #expect(run.news(2, commit: LSN(0x1100)) == [], "second \(second)")
        }
        run.seconds = 11.1
        #expect(run.status { $0.hear(commit: LSN(0x1000)) } == [.disconnect(attempt: 1, .noWALTimeout)])
    }

    @Test("rule 5: what the connected one has by then is no reason")
    func noStall() {
        var run = ManagerRun()
        run.lastRecord = LSN(0x1000)
        run.connect(to: 1, commit: LSN(0x1000))
        run.seconds = 1
        run.news(2, commit: LSN(0x1100))
        run.seconds = 9
        run.status { $0.stream(to: LSN(0x1100), commit: LSN(0x1100)) }
        run.news(2, commit: LSN(0x1100))
        run.seconds = 15
        run.status { $0.hear(commit: LSN(0x1100)) }
        #expect(run.news(2, commit: LSN(0x1200)) == [], "newer WAL begins a new wait")
        run.seconds = 24.9
        run.status { $0.hear(commit: LSN(0x1100)) }
        #expect(run.news(2, commit: LSN(0x1200)) == [])
        run.seconds = 25.1
        #expect(run.status { $0.hear(commit: LSN(0x1100)) } == [.disconnect(attempt: 1, .noWALTimeout)])
    }

    @Test("rule 5: committed WAL that does not come, and another one has more")
    func stuck() {
        var run = ManagerRun()
        run.connect(to: 1, commit: LSN(0x1000))
        run.status { $0.stream(to: LSN(0x1000), commit: LSN(0x2000)) }
        run.seconds = 10.1
        run.status { $0.hear(commit: LSN(0x2000)) }
        #expect(run.news(2, commit: LSN(0x2000)) == [], "not more")
        #expect(run.news(2, commit: LSN(0x2001)) == [.disconnect(attempt: 1, .noWALTimeout)])
    }

    // MARK: Old news, pauses, the end

    @Test("old news goes; of a listed one only the position does")
    func oldNews() {
        var run = ManagerRun()
        run.news(9, commit: LSN(0x900))
        _ = run.handle(.configured([sk(1)]))
        run.news(1, commit: LSN(0x50))
        run.news(2, commit: LSN(0x100))
        run.seconds = 10
        #expect(run.handle(.ended(attempt: 1)).connects == [1], "the others are forgotten")
        #expect(run.manager.candidateEvents.added == 3 && run.manager.candidateEvents.removed == 2)
        #expect(run.manager.statusText.hasSuffix("[(1|-|-)]"))
    }

    @Test("pauses: 0.1 s, half as long again each time, at most 15 s, and forgotten once WAL has come")
    func pauses() {
        var run = ManagerRun()
        var expected = 0.1
        #expect(run.handle(.configured([sk(1)])).connects == [1])
        for attempt in UInt64(1)...15 {
            #expect(run.handle(.ended(attempt: attempt)) == [], "attempt \(attempt)")
            let due = run.seconds + expected
            let deadline = run.manager.nextDeadline(run.context)
            #expect(abs(deadline.map { $0 / .seconds(1) - due } ?? 9) < 0.0001, "attempt \(attempt)")
            run.seconds = due - 0.001
            #expect(run.handle(.timer) == [])
            run.seconds = due + 0.0015
            #expect(run.handle(.timer).connects == [1])
            expected = min(expected * 1.5, 15)
        }
        #expect(expected == 15)
        run.status {
            $0.connect()
            $0.processWAL()
        }
        run.seconds += 1
        // It has lived for longer than the first pause.
        #expect(run.handle(.ended(attempt: 16)).connects == [1])
    }

    @Test("a change waits for the end of the connection before")
    func oneConnection() {
        var run = ManagerRun()
        run.connect(to: 1, commit: LSN(0x1000))
        #expect(run.news(2, commit: LSN(0x1000 + (1 << 31))) == [.disconnect(attempt: 1, .laggingWAL)])
        #expect(run.news(3, commit: LSN(0x1000 + (1 << 32))) == [])
        run.seconds = 5
        #expect(run.handle(.ended(attempt: 7)) == [], "an end that is not its own")
        #expect(run.handle(.ended(attempt: 1)).connects == [2])
    }

    @Test("nobody known and somebody waits: asked at once, then once in ten seconds")
    func discovery() {
        var run = ManagerRun()
        #expect(run.handle(.timer) == [])
        run.hasWaiters = true
        #expect(run.handle(.timer) == [.discover])
        run.seconds = 9.9
        #expect(run.handle(.timer) == [])
        #expect(run.manager.nextDeadline(run.context) == .seconds(10))
        run.seconds = 10
        #expect(run.handle(.timer) == [.discover])
        #expect(run.news(1, commit: LSN(8)).connects == [1])
    }

    @Test("after the stop nothing is done")
    func stop() {
        var run = ManagerRun()
        run.connect(to: 1, commit: LSN(0x1000))
        #expect(run.handle(.stop) == [.disconnect(attempt: 1, nil)])
        #expect(run.handle(.ended(attempt: 1)) == [])
        #expect(run.news(2, commit: LSN(0x100)) == [])
        #expect(run.manager.nextDeadline(run.context) == nil)
    }

    @Test("what operators read")
    func texts() {
        var run = ManagerRun()
        #expect(run.manager.statusText == ": disconnected, safekeeper candidates (id|update_time|commit_lsn): []")
        run.news(7, commit: LSN(0x1000))
        let candidates = ", safekeeper candidates (id|update_time|commit_lsn): [(7|00:00:00|0/1000)]"
        #expect(
            run.manager.statusText
                == " (update 2000-01-01 00:00:00): initializing node 7 connection" + candidates
        )
        run.seconds = 86_400 * 60 - 1
        run.status { $0.connect() }
        #expect(
            run.manager.statusText.hasPrefix(" (update 2000-02-29 23:59:59): connecting to node 7, safekeeper")
        )
        run.status {
            $0.stream(to: LSN(0x1100), commit: LSN(0x1200))
            $0.processWAL()
        }
        #expect(run.manager.statusText.contains("streaming WAL from node 7, commit|streaming Lsn: 0/1200|0/1100, "))
    }

    @Test("dates", arguments: [(0, "2000-01-01"), (366, "2001-01-01"), (9154, "2025-01-23"), (-1, "1999-12-31")])
    func dates(days: Int, text: String) {
        var run = ManagerRun()
        run.seconds = Double(days) * 86_400
        run.news(7, commit: LSN(0x1000))
        #expect(run.manager.statusText.contains("(update \(text) 00:00:00)"))
    }

    @Test("whatever happens there is one connection, and one to come", arguments: 0..<300)
    func random(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var settings = ManagerSettings()
        if generator.chance(1, in: 2) { settings.availabilityZone = "a" }
        var run = ManagerRun(settings)
        if generator.chance(1, in: 2) { _ = run.handle(.configured((1...3).map { sk(UInt64($0)) })) }
        var open: Set<UInt64> = []
        func perform(_ actions: [ConnectionManager.Action]) {
            for action in actions {
                switch action {
                case .connect(let attempt):
                    #expect(open.isEmpty, "seed \(seed): a second connection")
                    open.insert(attempt.number)
                case .disconnect(let attempt, _):
                    #expect(open.contains(attempt), "seed \(seed): no such connection")
                case .discover:
                    #expect(open.isEmpty, "seed \(seed)")
                }
            }
        }
        if let attempt = run.manager.connection?.attempt.number { open.insert(attempt) }
        for _ in 0..<200 {
            run.seconds += Double.random(in: 0...4, using: &generator)
            let number = UInt64.random(in: 1...4, using: &generator)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0..<3:
                let zone = generator.chance(1, in: 2) ? "a" : nil
                perform(run.news(number, commit: LSN(generator.magnitude() >> 20), zone: zone))
            case 3, 4:
                let commit = LSN(generator.magnitude() >> 20)
                perform(
                    run.status {
                        $0.connect()
                        $0.hear(commit: commit)
                    }
                )
            case 5:
                guard let attempt = open.first else { continue }
                open.remove(attempt)
                perform(run.handle(.ended(attempt: attempt)))
            default:
                perform(run.handle(.timer))
            }
            if let deadline = run.manager.nextDeadline(run.context) {
                #expect(deadline > run.context.now.uptime, "seed \(seed)")
            }
        }
    }
}
