import Glibc
import PostgresClient
import Testing

/// A process that has no file descriptors left, as one has that serves very many connections.
@Suite struct DescriptorTests {
    /// In a process of its own, as all tests share theirs.
    @Test func withoutDescriptorsConnectionsFailAndTheProcessLives() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            var taken: [Int32] = []
            while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 { taken.append(descriptor) }
            try #require(errno == EMFILE && taken.count > 10)

            #expect(throws: PostgresClientError.noDescriptor(EMFILE)) { try ConnectionLoop() }
            // None to wake the thread that connects; none to wake the one that would serve; none for the socket.
            for _ in 0..<2 {
                await #expect(throws: PostgresClientError.noDescriptor(EMFILE)) { try await Self.connect() }
                close(taken.removeLast())
            }
            let withoutSocket = await #expect(throws: PostgresClientError.self) { try await Self.connect() }
            #expect(withoutSocket?.description.contains("Too many open files") == true)
            // Once there are some it works again: as far as the server that isn't there.
            for _ in 0..<5 { close(taken.removeLast()) }
            let withoutServer = await #expect(throws: PostgresClientError.self) { try await Self.connect() }
            #expect(withoutServer?.description.contains("Connection refused") == true)
            try ConnectionLoop().stop()
        }
    }

    private static func connect() async throws {
        _ = try await PostgresConnection("host=127.0.0.1 port=1 sslmode=disable")
    }
}
