import PostgresClient
import Synchronization
import Testing

/// Connections to a server that does what no real one would at will.
@Suite(.mayBlock, .timeLimit(.minutes(1))) struct ScriptedServerTests {
    @Test func copyInBothDirections() async throws {
        let received = Mutex<[[UInt8]]>([])
        let server = ScriptedServer { connection in
            connection.beginCopy()
            for number in UInt8(1)...3 {
                connection.send("d", [number])
                if let message = connection.receive() { received.withLock { $0.append(message.body) } }
            }
            // The client ends its half first.
            while let message = connection.receive(), message.tag != "c" {}
            connection.send("c")
            connection.send("C", Array("COPY\u{0}".utf8))
            connection.send("Z", [UInt8(ascii: "I")])
            _ = connection.receive()
        }
        let connection = try await PostgresConnection(server.connectionString)
        #expect(connection.serverVersion == 140001)
        try await connection.startCopy("COPY please")
        var numbers: [UInt8] = []
        while numbers.count < 3, let data = try await connection.receive() {
            data.withUnsafeBytes { numbers.append(contentsOf: $0) }
            try await connection.send([UInt8(100 + numbers.count)])
        }
        connection.endCopy()
        #expect(try await connection.receive() == nil)
        #expect(numbers == [1, 2, 3])
        #expect(received.withLock { $0 } == [[101], [102], [103]])
    }

    @Test func theServersLastWordIsHeard() async throws {
        let server = ScriptedServer { connection in
            connection.beginCopy()
            connection.send("d", [1, 2, 3])
            connection.sendError("WAL acceptor: term changed", code: "XX000")
        }
        let connection = try await PostgresConnection(server.connectionString)
        try await connection.startCopy("START_WAL_PUSH")
        #expect(try await connection.receive()?.count == 3)
        let expected = PostgresClientError.server(message: "WAL acceptor: term changed", sqlState: "XX000")
        await #expect(throws: expected) { _ = try await connection.receive() }
        await #expect(throws: expected) { _ = try await connection.receive() }
        await #expect(throws: expected) { try await connection.send([1]) }
    }

    @Test func connectionsThatEnd() async throws {
        let server = ScriptedServer { $0.beginCopy() }
        let connection = try await PostgresConnection(server.connectionString)
        try await connection.startCopy("START_WAL_PUSH")
        let error = await #expect(throws: PostgresClientError.self) { _ = try await connection.receive() }
        guard case .connectionLost(let message)? = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(message.contains("closed the connection unexpectedly"))
    }

    @Test func errorsOfQueriesAndCommands() async throws {
        let server = ScriptedServer { connection in
            connection.greet()
            _ = connection.receive()
            connection.sendError("no such thing", code: "42601")
            connection.send("Z", [UInt8(ascii: "I")])
            _ = connection.receive()
            connection.send("C", Array("SELECT 1\u{0}".utf8))
            connection.send("Z", [UInt8(ascii: "I")])
            _ = connection.receive()
            connection.sendError("timelineid is required")
        }
        let connection = try await PostgresConnection(server.connectionString)
        await #expect(throws: PostgresClientError.server(message: "no such thing", sqlState: "42601")) {
            try await connection.query("x")
        }
        // A command that was to start a COPY and did not.
        await #expect(throws: PostgresClientError.unexpectedAnswer("SELECT 1 instead of COPY")) {
            try await connection.startCopy("y")
        }
        await #expect(throws: PostgresClientError.server(message: "timelineid is required", sqlState: "XX000")) {
            try await connection.startCopy("z")
        }
    }

    @Test func connectingFails() async throws {
        let port = ScriptedServer { _ in }.port
        let refused = await #expect(throws: PostgresClientError.self) {
            _ = try await PostgresConnection("host=127.0.0.1 port=\(port) user=a")
        }
        #expect(refused?.description.contains("Connection refused") == true)
        let server = ScriptedServer { connection in
            _ = connection.receive(hasTag: false)
            connection.sendError("must connect with TLS")
        }
        let denied = await #expect(throws: PostgresClientError.self) {
            _ = try await PostgresConnection(server.connectionString)
        }
        #expect(denied?.description.contains("must connect with TLS") == true)
        let malformed = await #expect(throws: PostgresClientError.self) { _ = try await PostgresConnection("hst=a") }
        #expect(malformed == .connectionFailed(message: "invalid connection option \"hst\""))
    }

    @Test func timeouts() async throws {
        let silent = ScriptedServer { while $0.receive(hasTag: false) != nil {} }
        await #expect(throws: PostgresClientError.timeout(.connecting, .milliseconds(50))) {
            _ = try await PostgresConnection(silent.connectionString, timeout: .milliseconds(50))
        }
        let mute = ScriptedServer { connection in
            connection.greet()
            while connection.receive() != nil {}
        }
        let connection = try await PostgresConnection(mute.connectionString)
        await #expect(throws: PostgresClientError.timeout(.query, .milliseconds(50))) {
            try await connection.query("select pg_sleep(1e9)", timeout: .milliseconds(50))
        }
        await #expect(throws: PostgresClientError.timeout(.query, .milliseconds(50))) {
            try await connection.query("x")
        }
    }

    /// Whatever waits gets an answer at once: connecting, a query, receiving, and sending.
    @Test func cancellationEndsEveryWait() async throws {
        let silent = ScriptedServer { while $0.receive(hasTag: false) != nil {} }
        await expectCancelled { _ = try await PostgresConnection(silent.connectionString) }

        let mute = ScriptedServer { connection in
            connection.greet()
            while connection.receive() != nil {}
        }
        let idle = try await PostgresConnection(mute.connectionString)
        await expectCancelled { try await idle.query("select pg_sleep(1e9)") }
        await #expect(throws: PostgresClientError.cancelled) { try await idle.query("x") }

        let receiving = try await stalledCopy()
        await expectCancelled { _ = try await receiving.receive() }

        let sending = try await stalledCopy()
        let block = [UInt8](repeating: 1, count: 1 << 18)
        await expectCancelled { while true { try await sending.send(block) } }
    }

    /// A task that is cancelled before it asks for anything waits for nothing.
    @Test func cancelledBefore() async throws {
        let connection = try await stalledCopy()
        let task = Task {
            // Until the cancellation is there.
            while !Task.isCancelled { await Task.yield() }
            await #expect(throws: PostgresClientError.cancelled) { _ = try await PostgresConnection("host=192.0.2.1") }
            await #expect(throws: PostgresClientError.cancelled) { _ = try await connection.receive() }
        }
        task.cancel()
        await task.value
    }

    @Test func closingEndsEveryWait() async throws {
        let receiving = try await stalledCopy()
        let message = Task { try await receiving.receive() }
        let sending = try await stalledCopy()
        let blocks = Task { while true { try await sending.send([UInt8](repeating: 1, count: 1 << 18)) } }
        receiving.close()
        sending.close()
        await #expect(throws: PostgresClientError.closed) { _ = try await message.value }
        await #expect(throws: PostgresClientError.closed) { try await blocks.value }
        await #expect(throws: PostgresClientError.closed) { try await receiving.query("x") }
    }

    /// What has come in is not handed out any more once the connection was closed on this side.
    @Test func closingDropsWhatHasCome() async throws {
        let server = ScriptedServer { connection in
            connection.beginCopy()
            connection.send("d", [1])
            connection.send("d", [2])
            while connection.receive() != nil {}
        }
        let connection = try await PostgresConnection(server.connectionString)
        try await connection.startCopy("x")
        #expect(try await connection.receive()?.count == 1)
        connection.close()
        await #expect(throws: PostgresClientError.closed) { _ = try await connection.receive() }
    }

    /// A peer that does not read keeps senders waiting, and one that is not read from is not read.
    @Test func bothDirectionsAreBounded() async throws {
        let (stalls, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = ScriptedServer { connection in
            connection.beginCopy()
            // Far more than the client and the sockets between take in without somebody who receives it.
            let block = [UInt8](repeating: 7, count: 1 << 16)
            connection.send(message: "d", block, times: 1024) { continuation.yield($0) }
            continuation.finish()
            // Only now all of what the client sends.
            var count = 0
            while count < 1024, let message = connection.receive() { count += message.body.count >> 14 }
            connection.send("d", [UInt8(count == 1024 ? 1 : 0)])
            _ = connection.receive()
        }
        let connection = try await PostgresConnection(server.connectionString)
        try await connection.startCopy("x")
        let accepted = Mutex(0)
        let sending = Task {
            for _ in 0..<1024 {
                try await connection.send([UInt8](repeating: 9, count: 1 << 14))
                accepted.withLock { $0 += 1 }
            }
        }
        // The server can't get rid of all 64 MiB, and reads nothing meanwhile.
        let stalledAt = await stalls.first { _ in true }
        #expect(stalledAt != nil, "the client took everything in")
        #expect(accepted.withLock { $0 } < 1024, "nobody held up the sender")
        for _ in 0..<1024 {
            let data = try #require(try await connection.receive())
            #expect(data.count == 1 << 16)
        }
        let last = try #require(try await connection.receive())
        last.withUnsafeBytes { #expect($0.count == 1 && $0[0] == 1) }
        try await sending.value
    }
}

/// A COPY whose other side neither reads nor sends.
private func stalledCopy() async throws -> PostgresConnection {
    let server = ScriptedServer { connection in
        connection.beginCopy()
        connection.waitForEnd()
    }
    let connection = try await PostgresConnection(server.connectionString)
    try await connection.startCopy("x")
    return connection
}

/// Expects that a task which waits for ever ends when it is cancelled.
private func expectCancelled(_ body: @escaping @Sendable () async throws -> Void) async {
    let task = Task { try await body() }
    // Mostly it waits by then; if not, the cancellation comes before the wait, and has to end it as well.
    for _ in 0..<1000 { await Task.yield() }
    task.cancel()
    await #expect(throws: PostgresClientError.cancelled) { try await task.value }
}
