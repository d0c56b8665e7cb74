import Glibc
import PostgresClient
import Synchronization
import Testing

/// Connections that share a thread with one another and with the actor that uses them.
@Suite(.mayBlock, .timeLimit(.minutes(1))) struct ConnectionLoopTests {
    /// Sends what comes in on one connection out on all.
    private actor Relay {
        private let loop: ConnectionLoop
        private var connections: [PostgresConnection] = []
        private(set) var threads: Set<UInt> = []
        private(set) var count = 0

        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

        init(_ loop: ConnectionLoop) {
            self.loop = loop
        }

        func run(_ servers: [ScriptedServer]) async throws {
            for server in servers {
                let connection = try await PostgresConnection(server.connectionString, on: loop)
                try await connection.startCopy("COPY please")
                connections.append(connection)
            }
            let tasks = connections.map { connection in
                Task(executorPreference: loop) { try await self.relay(from: connection) }
            }
            for task in tasks { try await task.value }
        }

        private func relay(from connection: PostgresConnection) async throws {
            threads.insert(UInt(pthread_self()))
            while let data = try await connection.receive() {
                threads.insert(UInt(pthread_self()))
                count += 1
                var bytes: [UInt8] = []
                data.withUnsafeBytes { bytes.append(contentsOf: $0) }
                for other in connections where try !other.trySend(bytes) { try await other.send(bytes) }
            }
            connection.endCopy()
        }

        /// Sets alarms, one after the other, in a job of the thread: none can ring in between.
        func set(_ alarms: [(name: String, delay: Duration)], clears: Bool = false, _ log: AlarmLog) {
            for (name, delay) in alarms {
                loop.setAlarm(at: .now + delay) {
                    self.assumeIsolated { _ in log.alarms.withLock { $0.append((name, .now)) } }
                }
            }
            if clears { loop.clearAlarm() }
        }
    }

    /// The alarms that have rung.
    private final class AlarmLog: Sendable {
        let alarms = Mutex<[(name: String, time: ContinuousClock.Instant)]>([])
    }

    /// What servers have received.
    private final class Log: Sendable {
        let messages = Mutex<[[UInt8]]>([])
    }

    /// Sends numbered messages and takes as many as all servers send, then ends the COPY.
    private func server(_ number: UInt8, of count: Int, messages: Int, _ received: Log) -> ScriptedServer {
        ScriptedServer { connection in
            connection.beginCopy()
            for message in 0..<messages { connection.send("d", [number, UInt8(message)]) }
            for _ in 0..<messages * count {
                guard let message = connection.receive(), message.tag == "d" else { return }
                received.messages.withLock { $0.append(message.body) }
            }
            connection.send("c")
            while let message = connection.receive(), message.tag != "c" {}
            connection.send("C", Array("COPY\u{0}".utf8))
            connection.send("Z", [UInt8(ascii: "I")])
            _ = connection.receive()
        }
    }

    @Test("All messages come through, in order and on one thread")
    func oneThread() async throws {
        let (count, messages) = (4, 200)
        let received = Log()
        let servers = (0..<count).map { server(UInt8($0), of: count, messages: messages, received) }
        let loop = try ConnectionLoop()
        defer { loop.stop() }
        let relay = Relay(loop)
        try await relay.run(servers)
        #expect(await relay.count == count * messages)
        #expect(await relay.threads.count == 1)
        let all = received.messages.withLock { $0 }
        #expect(all.count == count * count * messages)
        for number in 0..<count {
            for message in 0..<messages {
                #expect(all.count { $0 == [UInt8(number), UInt8(message)] } == count)
            }
        }
    }

    @Test("An error ends one connection and leaves the others alone")
    func oneFails() async throws {
        let loop = try ConnectionLoop()
        defer { loop.stop() }
        let bad = ScriptedServer { connection in
            connection.beginCopy()
            connection.sendError("no more", code: "XX000")
        }
        let good = ScriptedServer { connection in
            connection.beginCopy()
            guard let message = connection.receive() else { return }
            connection.send("d", message.body)
            connection.waitForEnd()
        }
        let first = try await PostgresConnection(bad.connectionString, on: loop)
        let second = try await PostgresConnection(good.connectionString, on: loop)
        try await first.startCopy("x")
        try await second.startCopy("x")
        await #expect(throws: PostgresClientError.server(message: "no more", sqlState: "XX000")) {
            _ = try await first.receive()
        }
        try await second.send([7])
        #expect(try await second.receive()?.count == 1)
        // Who waits for a connection that is closed gets that, and a query that nobody answers its timeout.
        let waiting = Task { try await second.receive() }
        second.close()
        await #expect(throws: PostgresClientError.closed) { _ = try await waiting.value }
        let silent = ScriptedServer { connection in
            connection.greet()
            connection.waitForEnd()
        }
        let third = try await PostgresConnection(silent.connectionString, on: loop)
        await #expect(throws: PostgresClientError.timeout(.query, .milliseconds(50))) {
            try await third.query("x", timeout: .milliseconds(50))
        }
    }

    @Test("An alarm rings on the thread, at its time, and only the last one that was set")
    func alarms() async throws {
        let loop = try ConnectionLoop()
        defer { loop.stop() }
        let relay = Relay(loop)
        let log = AlarmLog()
        let start = ContinuousClock.now
        await relay.set([("replaced", .milliseconds(20)), ("kept", .milliseconds(60))], log)
        try await eventually { log.alarms.withLock { !$0.isEmpty } }
        await relay.set([("past", .seconds(-1))], log)
        try await eventually { log.alarms.withLock { $0.count == 2 } }
        await relay.set([("cleared", .milliseconds(20))], clears: true, log)
        try await Task.sleep(for: .milliseconds(60))
        let all = log.alarms.withLock { $0 }
        #expect(all.map(\.name) == ["kept", "past"])
        #expect(try #require(all.first).time - start >= .milliseconds(60))
    }

    @Test("A loop that was stopped goes with its last connection")
    func stopped() async throws {
        let server = ScriptedServer { connection in
            connection.beginCopy()
            connection.send("d", [1])
            connection.waitForEnd()
        }
        weak var gone: ConnectionLoop?
        do {
            let loop = try ConnectionLoop()
            gone = loop
            let connection = try await PostgresConnection(server.connectionString, on: loop)
            try await connection.startCopy("x")
            loop.stop()
            #expect(try await connection.receive()?.count == 1)
        }
        try await eventually { gone == nil }
    }

    private func eventually(_ condition: () -> Bool) async throws {
        for _ in 0..<1_000 where !condition() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(condition())
    }
}
