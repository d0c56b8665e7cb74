import Logging
import NIOCore
import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

/// A port on loopback, byte by byte.
@Suite(.timeLimit(.minutes(1)))
struct PortServerTests {
    // MARK: Login and commands

    @Test func loginAndCommands() async throws {
        try await withServer { server in
            try await TestConnection.with(server) { connection in
                try await connection.send(Sample.gssRequest + Sample.sslRequest)
                #expect(try await connection.byte() == UInt8(ascii: "N"))
                #expect(try await connection.byte() == UInt8(ascii: "N"))
                try await connection.send(startupPacket() + frames(.query("IDENTIFY_SYSTEM")))
                try await connection.send(frames(.query("SET datestyle TO 'ISO'"), .query("START_REPLICATION 0/1")))
                connection.finishSending()
                let answers =
                    BackendMessage.trustLogin
                    + BackendMessage.identifySystem(systemID: 7, position: TestHandler.position)
                    + [.commandComplete("SELECT 1"), .readyForQuery]
                    + [.errorResponse(ErrorResponse("no WAL at 0/1")), .readyForQuery]
                #expect(try await connection.rest() == frames(answers))
            }
        }
    }

    @Test func byteByByte() async throws {
        try await withServer { server in
            try await TestConnection.with(server) { connection in
                let bytes =
                    startupPacket() + frames(.query("START_WAL_PUSH")) + copyData([1, 2, 3]) + copyData([])
                    + frames(.copyDone)
                for byte in bytes { try await connection.send([byte]) }
                let expected =
                    frames(BackendMessage.trustLogin + [.copyBothResponse]) + copyData([1, 2, 3]) + copyData([])
                    + frames([.copyDone])
                #expect(try await connection.rest() == expected)
            }
        }
    }

    @Test func badStartupIsExplained() async throws {
        try await withServer { server in
            for (bytes, text) in PortSessionStartupTests.badStartups {
                try await TestConnection.with(server) { connection in
                    try await connection.send(bytes)
                    #expect(try await connection.lastError() == text)
                }
            }
        }
    }

    @Test func extendedQuery() async throws {
        try await withServer { server in
            try await TestConnection.loggedIn(server) { connection in
                try await connection.send(SafekeeperServerTests.extendedQuery("TIMELINE_STATUS"))
                connection.finishSending()
                let answer = BackendMessage.timelineStatus((TestHandler.position, TestHandler.position))
                let messages = [.parseComplete, .bindComplete, .noParameters, .noData] + answer
                #expect(try await connection.rest() == frames(messages))
            }
        }
    }

    @Test func severalServers() async throws {
        try await withServer { first in
            try await withServer { second in
                #expect(first.address.port != second.address.port)
                for server in [first, second] {
                    try await TestConnection.loggedIn(server) { connection in
                        #expect(server.connectionCount == 1)
                        try await connection.send(frames(.terminate))
                        #expect(try await connection.message() == nil)
                    }
                }
            }
        }
    }

    @Test func takenAddress() async throws {
        try await withServer { server in
            let port = try #require(server.address.port)
            await #expect(throws: IOError.self) { try await withServer({ $0.port = port }, { _ in }) }
        }
    }

    @Test func serverThatNeverRuns() async throws {
        let server = try await PortServer.bind(
            PortConfiguration(host: "localhost", port: 0),
            handler: TestHandler(),
            logger: .init(label: "test")
        )
        await server.close()
        await #expect(throws: (any Error).self) { try await TestConnection.with(server) { _ in } }
    }

    // MARK: Ends of a stream

    @Test func endsOfTheClient() async throws {
        try await withServer { server in
            let failed = ErrorResponse("received CopyFail", state: .successfulCompletion)
            let table: [([UInt8], [BackendMessage])] = [
                (frames(.copyDone, .sync), [.copyDone]),
                (frames(.copyFail(""), .sync), [.errorResponse(failed)]),
                (frames(.terminate), []),
                (frame("z"), []),
                ([], []),
            ]
            for (bytes, answer) in table {
                try await TestConnection.streaming(server) { connection in
                    try await connection.send(copyData([9]) + bytes)
                    if bytes.isEmpty { connection.finishSending() }
                    #expect(try await connection.rest() == copyData([9]) + frames(answer))
                }
            }
        }
    }

    @Test func endsOfTheServer() async throws {
        let ending = ErrorResponse("ending streaming", state: .successfulCompletion)
        let table: [((any Error)?, [BackendMessage])] = [
            (nil, [.copyDone]),
            (TestFailure(text: "broken"), [.errorResponse(ErrorResponse("broken"))]),
            (ConnectionEnding.with(ending), [.errorResponse(ending)]),
            (ConnectionEnding.silently(reason: "cancelled"), []),
        ]
        for (error, answer) in table {
            let handler = TestHandler { stream, _ in
                try await stream.send(contentsOf: [ByteBuffer(bytes: [1]), ByteBuffer(bytes: [2])])
                if let error { throw error }
            }
            try await withServer(handler: handler) { server in
                let bytes = try await TestConnection.streaming(server) { try await $0.rest() }
                #expect(bytes == copyData([1]) + copyData([2]) + frames(answer))
            }
        }
    }

    /// A client that is in the middle of sending still gets to read why the stream has ended.
    @Test func lastWordReachesAClientThatSends() async throws {
        let handler = TestHandler { stream, _ in
            for try await _ in stream { throw TestFailure(text: "broken") }
        }
        try await withServer(handler: handler) { server in
            try await TestConnection.streaming(server) { connection in
                let channel = connection.channel
                async let sending: Void = {
                    let payload = ByteBuffer(bytes: copyData([UInt8](repeating: 1, count: 65_536)))
                    for _ in 0..<100 { try await channel.writeAndFlush(payload) }
                }()
                let error = try await connection.lastError()
                #expect(error == "broken")
                try? await sending
            }
        }
    }

    @Test func copyFailIsHeardByTheHandler() async throws {
        let heard = Counter()
        let handler = TestHandler { stream, _ in
            do {
                for try await _ in stream { heard.add(1) }
            } catch CopyStreamError.failed("why") {
                heard.add(10)
            }
        }
        try await withServer(handler: handler) { server in
            try await TestConnection.streaming(server) { connection in
                try await connection.send(copyData([1]) + frames(.copyFail("why")))
                #expect(try await connection.lastError() == "received CopyFail")
            }
        }
        #expect(heard.value == 11)
    }

    @Test func whatTheHandlerIsTold() async throws {
        let handler = TestHandler { stream, connection in
            let facts =
                "\(connection.number) \(connection.client.applicationName ?? "") \(connection.tenant) "
                + "\(connection.timeline) \(connection.peer.contains("127.0.0.1"))"
            try await stream.send(ByteBuffer(string: facts))
        }
        try await withServer(handler: handler) { server in
            for number in 1...2 {
                try await TestConnection.with(server) { connection in
                    try await connection.send(startupPacket(applicationName: "wal_proposer"))
                    try await connection.expectLogin()
                    try await connection.send(frames(.query("START_WAL_PUSH")))
                    _ = try await connection.message()
                    let facts = String(decoding: try await connection.message()?.body ?? [], as: UTF8.self)
                    #expect(facts == "\(number) wal_proposer \(Sample.tenant) \(Sample.timeline) true")
                }
            }
        }
    }
}
