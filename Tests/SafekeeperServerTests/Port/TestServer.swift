import Logging
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import Synchronization
import TestFixtures
import Testing

/// Commands as a test wants them.
struct TestHandler: PortHandler {
    /// What is done with a stream; where nothing is said, payloads are sent back.
    var stream: @Sendable (CopyBothStream, PortConnection) async throws -> Void = { stream, _ in
        for try await payload in stream { try await stream.send(payload) }
    }
    /// How many commands are being run.
    let running = Counter()

    static let position = LSN(0x14E_E150)

    func handle(_ command: ReplicationCommand, on connection: PortConnection) async throws {
        running.add(1)
        defer { running.add(-1) }
        switch command {
        case .identifySystem:
            try await connection.answer(BackendMessage.identifySystem(systemID: 7, position: Self.position))
        case .timelineStatus:
            try await connection.answer(BackendMessage.timelineStatus((Self.position, Self.position)))
        case .startWALPush:
            try await stream(try await connection.copyBoth(), connection)
        case .startReplication(let request):
            throw TestFailure(text: "no WAL at \(request.start)")
        default:
            throw TestFailure(text: "not a command of a safekeeper")
        }
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}

/// A number that tasks share.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .sequentiallyConsistent) }

    func add(_ difference: Int) {
        number.wrappingAdd(difference, ordering: .sequentiallyConsistent)
    }

    /// Waits for a value; a test that waits for ever fails by its time limit.
    func wait(for condition: (Int) -> Bool) async throws {
        while !condition(value) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}

extension Counter {
    /// Waits until it has reached a value, or does not change any more.
    ///
    /// On a busy machine it may only seem to stand still; the tests are then less strict, but don't fail.
    func waitUntilStill(orAt final: Int) async throws {
        var last = -1
        while value < final, value != last {
            last = value
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// Runs a server for the time of a call; all that it began has to be over then.
func withServer<Result: Sendable>(
    handler: TestHandler = TestHandler(),
    _ change: (inout PortConfiguration) throws -> Void = { _ in },
    _ body: @Sendable (PortServer) async throws -> Result
) async throws -> Result {
    var configuration = PortConfiguration(host: "127.0.0.1", port: 0)
    try change(&configuration)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let server = try await PortServer.bind(configuration, handler: handler, logger: logger)
    let result = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let result = try await body(server)
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
    #expect(handler.running.value == 0)
    #expect(server.connectionCount == 0)
    return result
}

/// The credentials of ``TestKeys``, and the folder that they lie in.
func testCredentials() throws -> TLSCredentials {
    let folder = try TemporaryFolder()
    try folder.write(TestKeys.certificate.utf8, to: "server.crt")
    try folder.write(TestKeys.certificateKey.utf8, to: "server.key")
    return try TLSCredentials(
        certificatePath: folder.path(of: "server.crt"),
        keyPath: folder.path(of: "server.key")
    )
}
