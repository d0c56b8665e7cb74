import Glibc
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity
import Testing
import WalProposer

/// A real PostgreSQL server, real safekeepers, and what is needed to push the WAL of the one to the others.
final class PushCluster {
    let server: PostgresServer
    let safekeepers: [SafekeeperProcess]
    let tenant = TenantID(bits: 0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF)
    let timeline = TimelineID(bits: 0x1111_2222_3333_4444_5555_6666_7777_8888)
    /// What the safekeepers ask for; nil if they let everybody in.
    let access: ProtectedAccess?
    private let folder: String

    /// Starts a server and safekeepers.
    init(
        major: Int,
        count: Int = 3,
        settings: [String: String] = [:],
        initdbOptions: [String] = [],
        isProtected: Bool = false
    ) throws {
        var template = Array("/tmp/wal-push-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template))
        folder = String(cString: path)
        let access = isProtected ? try ProtectedAccess(in: folder + "/access") : nil
        self.access = access
        server = try PostgresServer(major: major, settings: settings, initdbOptions: initdbOptions)
        safekeepers = (1...count).map { [folder] number in
            mkdir("\(folder)/\(number)", 0o755)
            return SafekeeperProcess(
                directory: "\(folder)/\(number)",
                node: UInt64(number),
                flags: access?.flags ?? []
            )
        }
        try server.start()
        for safekeeper in safekeepers { try safekeeper.start() }
    }

    deinit {
        for safekeeper in safekeepers { safekeeper.stop(SIGKILL) }
        server.remove()
        deleteTree(folder)
    }

    var addresses: [String] { safekeepers.map { "127.0.0.1:\($0.port)" } }

    func configuration(creates: Bool = true) -> WALPushConfiguration {
        WALPushConfiguration(
            source: server.connectionString(),
            safekeepers: addresses.map { .init(address: $0) },
            tenant: tenant,
            timeline: timeline,
            creates: creates
        )
    }

    /// Starts to push, in this process.
    func push(_ change: (inout WALPushConfiguration) -> Void = { _ in }) throws -> RunningPush {
        var configuration = configuration()
        change(&configuration)
        return RunningPush(try WALPush(configuration))
    }

    /// Has each COMMIT wait for a quorum of safekeepers from now on.
    func makeSynchronous() throws {
        try server.configure(["synchronous_standby_names": "walproposer", "synchronous_commit": "on"])
        try server.reload()
    }

    /// How many sessions wait for a standby in their COMMIT.
    func waitingCommits() throws -> Int {
        Int(try server.psql("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")) ?? 0
    }

    /// The start of the timeline, as the safekeepers' management API says it.
    func startLSN() async throws -> LSN {
        let (_, body) = try await safekeepers[0].call("GET", "/v1/tenant/\(tenant)/timeline/\(timeline)")
        let parts = body.split(separator: "\"timeline_start_lsn\":\"")
        let text = try #require(parts.last?.split(separator: "\"").first)
        return try #require(LSN(String(text)), "\(body)")
    }

    /// Compares each safekeeper's WAL with the server's, byte for byte, from the timeline's start up to a position.
    func expectIdenticalWAL(upTo end: LSN) async throws {
        for member in safekeepers.indices {
            try await expectIdentical("safekeeper \(member)", folder(of: member), server.walDirectory, upTo: end)
        }
    }

    /// Compares all safekeepers' WAL with the first one's.
    func expectIdenticalMembers(upTo end: LSN) async throws {
        for member in safekeepers.indices.dropFirst() {
            try await expectIdentical("safekeeper \(member)", folder(of: member), folder(of: 0), upTo: end)
        }
    }

    private func folder(of member: Int) -> String { "\(safekeepers[member].directory)/\(tenant)/\(timeline)" }

    private func expectIdentical(_ name: String, _ ours: String, _ theirs: String, upTo end: LSN) async throws {
        let size = try #require(SegmentBytes.size(in: server.walDirectory))
        var position = try await startLSN()
        while position < end {
            let next = min(LSN((position.rawValue / size + 1) * size), end)
            let file = SegmentBytes.name(of: position, size: size)
            let first = Int(position.rawValue % size)
            let range = first..<first + Int(next.rawValue - position.rawValue)
            let expected = try SegmentBytes.read("\(theirs)/\(file)", range)
            let found = try SegmentBytes.read("\(ours)/\(file)", range)
            let difference = expected.indices.first { expected[$0] != found[$0] }
            #expect(difference == nil, "\(name) differs at \(position + UInt64(difference ?? 0)) of \(end)")
            position = next
        }
    }
}

/// Parts of segment files.
private enum SegmentBytes {
    static func size(in directory: String) -> UInt64? {
        var info = stat()
        guard let handle = opendir(directory) else { return nil }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.utf8.count == 24, stat("\(directory)/\(name)", &info) == 0 else { continue }
            return UInt64(info.st_size)
        }
        return nil
    }

    static func name(of position: LSN, size: UInt64) -> String {
        func hex(_ value: UInt64) -> String {
            let text = String(value, radix: 16, uppercase: true)
            return String(repeating: "0", count: 8 - text.count) + text
        }
        let number = position.rawValue / size
        let each = (1 << 32) / size
        return hex(1) + hex(number / each) + hex(number % each)
    }

    /// Bytes of a segment, finished or `.partial`.
    static func read(_ path: String, _ range: Range<Int>) throws -> [UInt8] {
        var descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { descriptor = open(path + ".partial", O_RDONLY | O_CLOEXEC) }
        try #require(descriptor >= 0, "no file \(path)")
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: range.count)
        let count = bytes.withUnsafeMutableBytes {
            pread(descriptor, $0.baseAddress, $0.count, off_t(range.lowerBound))
        }
        try #require(count == range.count, "\(path) is too short for \(range)")
        return bytes
    }
}

/// A pusher at work, which is stopped at the latest when this goes.
final class RunningPush: Sendable {
    let push: WALPush
    let task: Task<Void, any Error>

    init(_ push: WALPush) {
        self.push = push
        task = Task { try await push.run() }
    }

    deinit { task.cancel() }

    /// Ends it and waits until it has ended.
    func stop() async throws {
        task.cancel()
        try await task.value
    }

    /// Waits for the error that it ends with.
    func failure() async -> WALPushError? {
        do {
            try await task.value
            return nil
        } catch {
            return error as? WALPushError
        }
    }

    /// Waits until these members, or all, have WAL up to a position on disk.
    func waitUntilDurable(_ lsn: LSN, members: [Int]? = nil) async throws {
        try await waitUntil("WAL up to \(lsn) is durable on \(members.map { "\($0)" } ?? "all")") {
            guard let proposer = await self.push.status.proposer else { return false }
            return (members ?? Array(proposer.members.indices)).allSatisfy { proposer.members[$0].flush >= lsn }
        } onTimeout: {
            "\(await self.push.status)"
        }
    }

    /// Waits until a quorum is streamed to.
    func waitUntilStreaming() async throws {
        try await waitUntil("a quorum is streamed to") {
            let status = await self.push.status
            return status.isSourceConnected && status.proposer?.hasQuorum == true && status.commit.isValid
        } onTimeout: {
            "\(await self.push.status)"
        }
    }
}

/// Waits for a condition, at most 30 seconds.
func waitUntil(
    _ what: String,
    _ condition: () async throws -> Bool,
    onTimeout explain: () async -> String = { "" }
) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw PushFailure(description: "waited in vain until \(what): \(await explain())")
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

struct PushFailure: Error, CustomStringConvertible {
    let description: String
}
