import Foundation
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// A real process on a real file system of a few megabytes, which only that process sees and which goes with it.
@Suite("A full disk, really", .enabled(if: SmallDisk.isAllowed, "mounting is not allowed here"))
struct FullDiskProcessTests {
    private static let segmentSize = WALSegmentSize(bytes: 1 << 20) ?? .standard
    private static let start = LSN(0x20_0028)
    private let tenant = TenantID(bits: 0xA0)
    private let timeline = TimelineID(bits: 0xB0)

    /// Pushes WAL until the safekeeper refuses it, or `end` is durable; gives the refusal.
    private func push(to safekeeper: SafekeeperProcess, _ state: inout Pushed, upTo end: LSN) throws -> String? {
        let proposer = try RawProposer(port: safekeeper.port, tenant: tenant, timeline: timeline)
        let vote = try proposer.elect(start: Self.start, segmentSize: UInt32(Self.segmentSize.bytes))
        let found = vote.flush.isValid ? vote.flush : Self.start
        guard found >= state.acknowledged else {
            throw SafekeeperFailure(message: "acknowledged \(state.acknowledged), found \(found)")
        }
        state.elections += 1
        defer { state.acknowledged = max(state.acknowledged, proposer.acknowledged) }
        do {
            while proposer.position < end {
                let bytes = state.wal(from: proposer.position, count: 50_000)
                try proposer.append(bytes.span.bytes)
                try proposer.takeAnswers()
            }
            try proposer.waitUntilDurable(end)
            return nil
        } catch ConnectionFailure.refused(let message) {
            return message
        }
    }

    /// A stream of records, and how much of it is known to be durable.
    private struct Pushed {
        private(set) var bytes: [UInt8] = []
        var acknowledged = FullDiskProcessTests.start
        var elections = 0

        init(megabytes: Int) throws {
            var generator = try WALGenerator(
                LogicalMessageSource(),
                version: .v16,
                segmentSize: FullDiskProcessTests.segmentSize,
                systemIdentifier: 0x0123_4567_89AB_CDEF,
                startingAt: FullDiskProcessTests.start
            )
            while bytes.count < megabytes << 20 {
                let fill = UInt8(truncatingIfNeeded: bytes.count)
                let payload = [UInt8](repeating: fill, count: 3_000)
                bytes += generator.append(.init(resourceManager: .logicalMessage, info: 0, mainData: payload)).bytes
            }
        }

        var end: LSN { FullDiskProcessTests.start + UInt64(bytes.count) }

        func wal(from lsn: LSN, count: Int) -> [UInt8] {
            let first = Int(lsn.rawValue - FullDiskProcessTests.start.rawValue)
            return Array(bytes[first..<min(first + count, bytes.count)])
        }
    }

    @Test("Refused, with nothing lost; votes go on; once there is space, the same process takes WAL again")
    func fullDisk() async throws {
        let folder = try DataFolder()
        let safekeeper = SafekeeperProcess(
            directory: folder.path,
            launcher: SmallDisk.launcher(folder.path, megabytes: 12)
        )
        try safekeeper.start()
        let pid = try #require(safekeeper.pid)
        // Where that process sees its disk, from here.
        let disk = "/proc/\(pid)/root\(folder.path)"
        let filler = disk + "/filler"
        var state = try Pushed(megabytes: 8)
        try Data(count: 6 << 20).write(to: URL(fileURLWithPath: filler))
        for round in 0..<3 {
            let before = state.acknowledged
            let refusal = try push(to: safekeeper, &state, upTo: state.end)
            #expect(refusal?.hasSuffix("No space left on device") == true, "round \(round): \(refusal ?? "no refusal")")
            #expect(round > 0 || state.acknowledged > before)
        }
        // Each of the three had to store its vote on the full disk.
        #expect(state.elections == 3)
        let metrics = try await safekeeper.call("GET", "/metrics").body
        #expect(!metrics.contains("\nsafekeeper_wal_disk_io_errors 0\n"))
        let complaints = safekeeper.log.split(separator: "\n").filter { $0.contains(" ERROR ") }
        #expect(complaints.count == 3 && complaints.allSatisfy { $0.contains("No space left on device") })

        try FileManager.default.removeItem(atPath: filler)
        #expect(try push(to: safekeeper, &state, upTo: state.end) == nil)
        #expect(state.acknowledged == state.end)
        let files = SegmentFiles(
            directory: "\(disk)/\(tenant)/\(timeline)",
            of: PosixFileSystem(),
            segmentSize: Self.segmentSize
        )
        var found: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { buffer.deallocate() }
        while found.count < state.bytes.count {
            let wanted = min(buffer.count, state.bytes.count - found.count)
            let count = try files.read(into: .init(rebasing: buffer[..<wanted]), at: Self.start + UInt64(found.count))
            try #require(count > 0)
            found += buffer[..<count]
        }
        #expect(found == state.bytes)
        #expect(safekeeper.stop() == 0)
    }
}

/// A file system in memory, in a mount namespace of its own.
private enum SmallDisk {
    /// A command that mounts it on a folder and becomes the command that follows.
    static func launcher(_ folder: String, megabytes: Int) -> [String] {
        let mount = "/bin/mount -t tmpfs -o size=\(megabytes)m tmpfs '\(folder)' && exec \"$@\""
        return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", mount, "sh"]
    }

    static let isAllowed: Bool = {
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nothing) }
        guard let folder = try? DataFolder(), geteuid() == 0 else { return false }
        let process = try? ChildProcess(
            launcher(folder.path, megabytes: 1) + ["/bin/true"],
            environment: [:],
            streams: .init(input: nothing, output: nothing, errors: nothing)
        )
        return process?.wait() == 0
    }()
}
