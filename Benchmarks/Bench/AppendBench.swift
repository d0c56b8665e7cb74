import Foundation
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity

/// Accepting WAL: a timeline takes append requests one after the other, next to plain writes of the same bytes.
///
/// The plain writes go to files of a segment's size too, and are synchronized as often: when a file is full, and at the
/// end. Times are wall-clock, as synchronizing is not this processor's work.
struct AppendBench {
    let megabytes: Int
    let folder: String

    func run(rounds: Int, into results: inout BenchResults) throws {
        results.heading("append: \(megabytes) MB of WAL a round, in messages of one record, into \(folder)")
        for (name, size) in [("1KiB", 1 << 10), ("8KiB", 8 << 10), ("128KiB", 128 << 10), ("1MiB", 1 << 20)] {
            let stream = try WALMessages(recordSize: size, megabytes: megabytes)
            for synced in [false, true] {
                try compare(stream, named: name, synced: synced, rounds: rounds, into: &results)
            }
        }
        try commitLatency(into: &results)
    }

    private func compare(
        _ stream: WALMessages,
        named name: String,
        synced: Bool,
        rounds: Int,
        into results: inout BenchResults
    ) throws {
        var plain = Double.infinity
        var ours = Double.infinity
        for round in 0...rounds {
            let first = try seconds { try writePlainly(stream, synced: synced, in: $0) }
            let second = try seconds { try append(stream, synced: synced, in: $0) }
            if round > 0 {
                plain = min(plain, first)
                ours = min(ours, second)
            }
        }
        let key = "append.\(synced ? "fsync" : "nosync").\(name)"
        let megabytes = Double(stream.bytes.count) / 1e6
        results.add("\(key).mb_per_s", megabytes / ours, "MB/s")
        results.add("\(key).plain.mb_per_s", megabytes / plain, "MB/s", "plain writes")
        results.add("\(key).ratio_to_plain", plain / ours, "x", "as fast as plain writes")
    }

    /// The time of a call with a folder of its own, from when earlier writes are out of the way.
    private func seconds(_ body: (String) throws -> Void) throws -> Double {
        let path = folder + "/append-bench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        sync()
        let start = ContinuousClock.now
        try body(path)
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private func writePlainly(_ stream: WALMessages, synced: Bool, in path: String) throws {
        let files = PosixFileSystem()
        let segment = Int(WALSegmentSize.standard.bytes)
        var file: OpenFile?
        var position = Int(stream.start.rawValue)
        for range in stream.messages {
            var range = range
            while !range.isEmpty {
                if position % segment == 0 || file == nil {
                    if let file {
                        if synced { try files.synchronizeData(of: file) }
                        files.close(file)
                    }
                    file = try files.open(path + "/\(position / segment)", .create)
                }
                guard let file else { break }
                let count = min(range.count, segment - position % segment)
                let piece = stream.bytes.span.bytes.extracting(range.prefix(count))
                try files.write(piece, to: file, at: UInt64(position % segment))
                position += count
                range = range.dropFirst(count)
            }
        }
        if let file {
            if synced { try files.synchronizeData(of: file) }
            files.close(file)
        }
    }

    private func append(_ stream: WALMessages, synced: Bool, in path: String) throws {
        let state = try AppendTarget.timeline(in: path, startingAt: stream.start, synced: synced)
        var position = stream.start
        for range in stream.messages {
            var rest = range
            while !rest.isEmpty {
                let piece = rest.prefix(AppendRequest.maximumWALSize)
                let next = position + UInt64(piece.count)
                let request = AppendTarget.request(from: position, to: next, commit: .invalid)
                _ = try state.process(.append(request), wal: stream.bytes.span.bytes.extracting(piece))
                position = next
                rest = rest.dropFirst(piece.count)
            }
        }
        let flushed = try state.flush().flush
        precondition(flushed == position, "WAL is durable up to \(flushed), not \(position)")
    }

    /// One small record at a time, each made durable before the next, next to a write and `fdatasync` of its size.
    private func commitLatency(into results: inout BenchResults) throws {
        let stream = try WALMessages(recordSize: 64, megabytes: 1)
        let count = 2000
        var ours: [Double] = []
        var plain: [Double] = []
        _ = try seconds { path in
            let state = try AppendTarget.timeline(in: path, startingAt: stream.start, synced: true)
            let files = PosixFileSystem()
            let file = try files.open(path + "/plain", .create)
            try files.preallocate(file, length: 16 << 20)
            try files.synchronize(file)
            var position = stream.start
            for range in stream.messages.prefix(count) {
                let bytes = stream.bytes.span.bytes.extracting(range)
                let next = position + UInt64(range.count)
                let request = AppendTarget.request(from: position, to: next, commit: position)
                let start = ContinuousClock.now
                _ = try state.process(.append(request), wal: bytes)
                _ = try state.flush()
                let middle = ContinuousClock.now
                try files.write(bytes, to: file, at: UInt64(range.lowerBound))
                try files.synchronizeData(of: file)
                ours.append((middle - start) / .microseconds(1))
                plain.append((ContinuousClock.now - middle) / .microseconds(1))
                position = next
            }
        }
        for (name, percent) in [("p50", 50), ("p99", 99)] {
            func value(_ times: [Double]) -> Double { times.sorted()[times.count * percent / 100] }
            results.add("append.commit.\(name)_us", value(ours), "us", "a 64-byte record, durable")
            results.add("append.commit.plain.\(name)_us", value(plain), "us", "write and fdatasync")
        }
    }
}

/// WAL in messages of one record each.
struct WALMessages {
    let start = LSN(0x100_0028)
    private(set) var bytes: [UInt8] = []
    private(set) var messages: [Range<Int>] = []

    init(recordSize: Int, megabytes: Int) throws {
        var generator = try WALGenerator(LogicalMessageSource(), version: .v16, startingAt: start)
        bytes.reserveCapacity(megabytes * 1_000_000 + 2 * recordSize)
        let payload = [UInt8](repeating: 0x55, count: max(recordSize - 32, 1))
        while bytes.count < megabytes * 1_000_000 {
            let first = bytes.count
            let record = WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: payload)
            bytes += generator.append(record).bytes
            messages.append(first..<bytes.count)
        }
    }
}

/// A timeline whose proposer has been elected.
enum AppendTarget {
    static let term = Term(1)

    static func timeline(in path: String, startingAt start: LSN, synced: Bool) throws -> TimelineState {
        let contents = ControlFile(
            tenantID: TenantID(bits: 1),
            timelineID: TimelineID(bits: 2),
            server: .init(versionNumber: 160_002, systemIdentifier: 3, segmentSize: 16 << 20)
        )
        let settings = TimelineState.Settings(node: SafekeeperID(1), noSync: !synced)
        try TimelineState.create(contents, in: path, of: PosixFileSystem(), settings: settings)
        let state = try TimelineState(loading: path, of: PosixFileSystem(), settings: settings)
        let elected = ProposerElected(
            generation: .invalid,
            term: term,
            startStreamingAt: start,
            history: try TermHistory([TermLSN(term: term, lsn: start)])
        )
        _ = try state.process(.elected(elected), wal: RawSpan())
        return state
    }

    static func request(from begin: LSN, to end: LSN, commit: LSN) -> AppendRequest {
        AppendRequest(generation: .invalid, term: term, begin: begin, end: end, commit: commit, truncate: .invalid)
    }
}
