import Foundation
import PostgresHarness
import PostgresWAL
import SafekeeperHarness
import ShardIdentity
import TestFixtures
import Testing
import WalProposer

/// Three safekeepers, and the real proposer that gives them the WAL of a server at work.
final class PushedTimeline {
    let safekeepers: [SafekeeperProcess]
    private let folder: TemporaryFolder
    private let push: WALPush
    private let task: Task<Void, any Error>

    /// Starts safekeepers, and to push what the server writes.
    ///
    /// - Parameters:
    ///   - server: the server, which runs.
    ///   - start: where the timeline begins.
    /// - Throws: what keeps a safekeeper from starting.
    init(_ server: PostgresServer, from start: LSN) throws {
        let folder = try TemporaryFolder()
        safekeepers = try (1...3).map { number in
            let directory = folder.path(of: "\(number)")
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            return SafekeeperProcess(directory: directory, node: UInt64(number), flags: ["--no-sync"])
        }
        for safekeeper in safekeepers { try safekeeper.start() }
        self.folder = folder
        push = try WALPush(
            WALPushConfiguration(
                source: server.connectionString(),
                safekeepers: safekeepers.map { .init(address: "127.0.0.1:\($0.port)") },
                tenant: tenant,
                timeline: timeline,
                creates: true,
                startLSN: start
            )
        )
        let push = push
        task = Task { try await push.run() }
    }

    deinit { task.cancel() }

    /// Waits until WAL up to `lsn` is durable on all safekeepers, from a server that is connected.
    func waitUntilDurable(_ lsn: LSN, isConnected: Bool) async throws {
        var status = await push.status
        try await eventually("WAL up to \(lsn): \(status)") {
            status = await push.status
            guard let proposer = status.proposer, proposer.members.allSatisfy({ $0.flush >= lsn }) else { return false }
            return status.commit >= lsn && (status.isSourceConnected || !isConnected)
        }
    }

    /// Ends the push; throws what it has failed with.
    func stop() async throws {
        task.cancel()
        try await task.value
    }
}
