import NIOCore
import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

/// Clients and handlers at different paces, and everything that is bounded.
@Suite(.timeLimit(.minutes(1)))
struct PortFlowTests {
    /// What may lie in the sockets' and the client's own buffers, in bytes: more than the system's greatest.
    private static let slack = 24 << 20
    private static let payloadSize = 128 << 10
    /// Together much more than that.
    private static let payloadCount = 1_000

    @Test func slowClientHoldsTheSender() async throws {
        let sent = Counter()
        let handler = TestHandler { stream, _ in
            let payload = ByteBuffer(repeating: 7, count: Self.payloadSize)
            for _ in 0..<Self.payloadCount {
                try await stream.send(payload)
                sent.add(1)
            }
        }
        try await withServer(handler: handler) { server in
            try await TestConnection.streaming(server) { connection in
                try await sent.waitUntilStill(orAt: Self.payloadCount)
                var ahead = 0
                for number in 0..<Self.payloadCount {
                    let body = try await connection.message()?.body
                    try #require(body?.count == Self.payloadSize)
                    ahead = max(ahead, sent.value - number)
                }
                #expect(ahead * Self.payloadSize < Self.slack)
                #expect(try await connection.message()?.tag == "c")
            }
        }
    }

    @Test func slowHandlerHoldsTheClient() async throws {
        let (sent, allowed) = (Counter(), Counter())
        let handler = TestHandler { stream, _ in
            var (received, ahead) = (0, 0)
            for try await payload in stream {
                try await allowed.wait { $0 > received }
                try #require(payload == ByteBuffer(repeating: 7, count: Self.payloadSize))
                ahead = max(ahead, sent.value - received)
                received += 1
            }
            #expect(ahead * Self.payloadSize < Self.slack)
            try await stream.send(ByteBuffer(integer: received))
        }
        try await withServer(handler: handler) { server in
            try await TestConnection.streaming(server) { connection in
                let channel = connection.channel
                let frame = ByteBuffer(bytes: copyData([UInt8](repeating: 7, count: Self.payloadSize)))
                async let sending: Void = {
                    for _ in 0..<Self.payloadCount {
                        try await channel.writeAndFlush(frame)
                        sent.add(1)
                    }
                    try await channel.writeAndFlush(ByteBuffer(bytes: frames(.copyDone)))
                }()
                try await sent.waitUntilStill(orAt: Self.payloadCount)
                for _ in 0..<Self.payloadCount { allowed.add(1) }
                let count = try await connection.message()?.body
                #expect(count == Array(ByteBuffer(integer: Self.payloadCount).readableBytesView))
                try await sending
            }
        }
    }

    /// What is read ahead of a handler is bounded, also if payloads are tiny.
    @Test func tinyPayloads() async throws {
        let count = 50_000
        let handler = TestHandler { stream, _ in
            var sum = 0
            for try await payload in stream { sum += Int(payload.getInteger(at: payload.readerIndex) ?? UInt8(0)) }
            try await stream.send(ByteBuffer(integer: sum))
        }
        try await withServer(handler: handler) { server in
            try await TestConnection.streaming(server) { connection in
                var bytes: [UInt8] = []
                for number in 0..<count { bytes += copyData([UInt8(truncatingIfNeeded: number)]) }
                try await connection.send(bytes + frames(.copyDone))
                let sum = (0..<count).reduce(0) { $0 + $1 & 0xFF }
                let answer = try await connection.message()?.body
                #expect(answer == Array(ByteBuffer(integer: sum).readableBytesView))
            }
        }
    }

    /// A client that asks and never reads the answers is not listened to any more: they don't pile up.
    @Test func answersThatNobodyReads() async throws {
        let sent = Counter()
        let (chunk, count) = (10_000, 600)
        try await withServer { server in
            try await TestConnection.loggedIn(server) { connection in
                let channel = connection.channel
                let syncs = ByteBuffer(bytes: (0..<chunk).flatMap { _ in frames(.sync) })
                async let sending: Void = {
                    for _ in 0..<count {
                        try await channel.writeAndFlush(syncs)
                        sent.add(1)
                    }
                }()
                try await sent.waitUntilStill(orAt: count)
                var ahead = 0
                for number in 0..<count {
                    try await connection.skip(chunk * 6)
                    ahead = max(ahead, sent.value - number)
                }
                #expect(ahead * chunk * 5 < Self.slack)
                try await sending
            }
        }
    }

    // MARK: Lost clients

    /// A handler that only sends notices that the client is gone if it reads as well.
    @Test func lostClientEndsTheHandler() async throws {
        let handler = TestHandler { stream, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for try await _ in stream {} }
                group.addTask {
                    while true { try await stream.send(ByteBuffer(repeating: 0, count: 1_000)) }
                }
                try await group.next()
                group.cancelAll()
            }
        }
        try await withServer(handler: handler) { server in
            // Gone at once; and gone half, without reading anything any more.
            for isHalf in [false, true] {
                try await TestConnection.streaming(server) { connection in
                    guard isHalf else { return }
                    connection.finishSending()
                    try await handler.running.wait { $0 == 0 }
                }
            }
        }
    }

    @Test func whatWasSentBeforeTheEndIsDelivered() async throws {
        let (begun, allowed, received) = (Counter(), Counter(), Counter())
        let handler = TestHandler { stream, _ in
            begun.add(1)
            try await allowed.wait { $0 > 0 }
            for try await _ in stream { received.add(1) }
        }
        try await withServer(handler: handler) { server in
            try await TestConnection.streaming(server) { connection in
                for _ in 0..<100 { try await connection.send(copyData([UInt8](repeating: 1, count: 20_000))) }
                try await begun.wait { $0 > 0 }
            }
            allowed.add(1)
            try await handler.running.wait { $0 == 0 }
        }
        #expect(received.value == 100)
    }

    // MARK: Time

    /// Tries again until it succeeds: on a busy machine a client of a test can be too slow itself.
    @discardableResult
    private func patiently<Result>(_ body: () async throws -> Result?) async throws -> Result {
        while true {
            try Task.checkCancellation()
            if let result = try? await body() { return result }
        }
    }

    @Test func halfOpenConnectionsAreClosed() async throws {
        try await withServer {
            $0.limits.startupTimeout = .milliseconds(500)
        } _: { server in
            let half = Array(startupPacket().dropLast())
            try await patiently {
                try await TestConnection.streaming(server) { connection in
                    for bytes in [[0], half, Sample.sslRequest, Sample.gssRequest + half] {
                        try await TestConnection.with(server) { connection in
                            try await connection.send(bytes)
                            let answer = try await connection.rest()
                            #expect(answer.allSatisfy { $0 == UInt8(ascii: "N") })
                        }
                    }
                    // Those who have logged in stay.
                    try await connection.send(copyData([1]))
                    #expect(try await connection.message()?.body == [1])
                }
            }
        }
    }

    @Test func silentClientsAreClosed() async throws {
        let handler = TestHandler { stream, _ in
            for try await _ in stream {}
            // Longer than a client may be silent; but it is not listened to once it has said that it is done.
            try await Task.sleep(for: .milliseconds(800))
            try await stream.send(ByteBuffer(bytes: [1]))
        }
        try await withServer(handler: handler) {
            $0.limits.readTimeout = .milliseconds(500)
        } _: { server in
            let answer = copyData([1]) + frames([.copyDone])
            try await patiently {
                let received = try await TestConnection.streaming(server) { connection in
                    try await connection.send(frames(.copyDone))
                    return try await connection.rest()
                }
                return received == answer ? received : nil
            }
            let idle = try await patiently { try await TestConnection.loggedIn(server) { try await $0.rest() } }
            #expect(idle == [])
            let silent = try await patiently { try await TestConnection.streaming(server) { try await $0.rest() } }
            #expect(silent == [])
        }
    }

    /// A client that neither reads its last message nor leaves is not waited for.
    @Test func closingDoesNotWaitForEver() async throws {
        let handler = TestHandler { _, _ in throw TestFailure(text: "broken") }
        try await withServer(handler: handler) { configuration in
            configuration.limits.lingerTimeout = .milliseconds(100)
        } _: { server in
            try await TestConnection.streaming(server) { _ in
                while server.connectionCount > 0 { await Task.yield() }
            }
        }
    }

    // MARK: Bounds

    @Test func tooManyConnections() async throws {
        try await withServer { configuration in
            configuration.limits.maximumConnections = 2
        } _: { server in
            try await TestConnection.streaming(server) { first in
                try await TestConnection.loggedIn(server) { _ in
                    let third = try await TestConnection.with(server) { try await $0.lastError() }
                    #expect(third == "too many connections")
                }
                while server.connectionCount > 1 { await Task.yield() }
                try await TestConnection.loggedIn(server) { _ in }
                try await first.send(copyData([1]))
                #expect(try await first.message()?.body == [1])
            }
        }
    }

    @Test func shutdown() async throws {
        let ended = Counter()
        let handler = TestHandler { stream, connection in
            defer { ended.add(1) }
            if connection.client.applicationName == "sender" {
                while true { try await stream.send(ByteBuffer(repeating: 0, count: 100_000)) }
            }
            for try await _ in stream {}
        }
        // Connections of every kind are left open; that all ends is what `withServer` checks.
        try await withServer(handler: handler) { server in
            try await TestConnection.with(server) { halfOpen in
                try await TestConnection.loggedIn(server) { idle in
                    try await TestConnection.streaming(server) { reader in
                        try await TestConnection.with(server) { sender in
                            try await sender.send(startupPacket(applicationName: "sender"))
                            try await sender.expectLogin()
                            try await sender.send(frames(.query("START_WAL_PUSH")))
                            try await handler.running.wait { $0 == 2 }
                            _ = (halfOpen, idle, reader)
                        }
                    }
                }
            }
        }
        #expect(ended.value == 2)
    }
}
