import Foundation
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import ShardIdentity

/// How long a commit waits for its answer, from the program over a socket: alone, and in the middle of bulk data.
///
/// Alone it is one 64-byte record at a time, next to a bare write and `fdatasync` of as much. In bulk data the proposer
/// sends as fast as the safekeeper takes it, so that the disk is busy all the time, and every 50 ms a small record is
/// among it. The time runs from before the record is sent to when the answer that it is durable has been read.
struct CommitLatencyBench {
    private static let records = 1_000
    private static let bulkSeconds = 10

    let folder: BenchFolder

    func run(into results: inout BenchResults) throws {
        results.heading("commit latency, fsync, over a socket")
        try folder.with { path in
            try FileManager.default.createDirectory(atPath: path + "/data", withIntermediateDirectories: true)
            let safekeeper = SafekeeperProcess(directory: path + "/data")
            try safekeeper.start()
            defer { safekeeper.stop() }
            let (ours, plain) = try alone(safekeeper, path)
            for percent in [50, 99] {
                let key = "append.commit"
                results.add("\(key).p\(percent)_us", ours.percentile(percent), "us", "a 64-byte record, durable")
                results.add("\(key).plain.p\(percent)_us", plain.percentile(percent), "us", "write and fdatasync")
            }
            let (inBulk, rate) = try amongBulkData(safekeeper)
            for percent in [50, 99] {
                let key = "append.commit_in_bulk.p\(percent)_ms"
                results.add(key, inBulk.percentile(percent) / 1000, "ms", "\(inBulk.count) commits")
            }
            results.add("append.commit_in_bulk.bulk_mb_per_s", rate, "MB/s", "meanwhile")
        }
    }

    private func proposer(_ safekeeper: SafekeeperProcess, timeline: UInt128, start: LSN) throws -> RawProposer {
        let proposer = try RawProposer(
            port: safekeeper.port,
            tenant: TenantID(bits: 1),
            timeline: TimelineID(bits: timeline)
        )
        try proposer.elect(start: start)
        return proposer
    }

    /// Microseconds of each.
    private func alone(_ safekeeper: SafekeeperProcess, _ path: String) throws -> (ours: [Double], plain: [Double]) {
        let stream = try WALMessages(payloadSize: 32, count: Self.records)
        let proposer = try proposer(safekeeper, timeline: 1, start: stream.start)
        let files = PosixFileSystem()
        let file = try files.open(path + "/plain", .create)
        defer { files.close(file) }
        try files.setLength(of: file, to: WALSegmentSize.standard.bytes)
        try files.synchronize(file)
        var (ours, plain): ([Double], [Double]) = ([], [])
        for range in stream.messages {
            let bytes = stream.bytes.span.bytes.extracting(range)
            let start = ContinuousClock.now
            try proposer.append(bytes)
            try proposer.waitUntilDurable(proposer.position.recordAligned)
            let middle = ContinuousClock.now
            try files.write(bytes, to: file, at: UInt64(range.lowerBound))
            try files.synchronizeData(of: file)
            ours.append((middle - start) / .microseconds(1))
            plain.append((ContinuousClock.now - middle) / .microseconds(1))
        }
        return (ours, plain)
    }

    /// Microseconds of each commit, and megabytes of bulk data a second.
    private func amongBulkData(_ safekeeper: SafekeeperProcess) throws -> (
        commits: [Double], megabytesPerSecond: Double
    ) {
        // One page of records again and again would be no WAL: it is made on the way, as fast as it goes.
        let start = LSN(0x100_0028)
        var generator = try WALGenerator(LogicalMessageSource(), version: .v16, startingAt: start)
        let proposer = try proposer(safekeeper, timeline: 2, start: start)
        let bulk = WALRecordContents(
            resourceManager: .logicalMessage,
            info: 0,
            mainData: [UInt8](repeating: 0x55, count: 64 << 10)
        )
        let commit = WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: [1, 2, 3])
        var times: [Double] = []
        var waiting: [(end: LSN, since: ContinuousClock.Instant)] = []
        let begin = ContinuousClock.now
        var nextCommit = begin + .milliseconds(50)
        while ContinuousClock.now < begin + .seconds(Self.bulkSeconds) || !waiting.isEmpty {
            if ContinuousClock.now >= nextCommit {
                let element = generator.append(commit)
                waiting.append((element.next, ContinuousClock.now))
                try proposer.append(element.bytes.span.bytes)
                nextCommit = ContinuousClock.now + .milliseconds(50)
            } else {
                try proposer.append(generator.append(bulk).bytes.span.bytes)
            }
            try proposer.takeAnswers()
            let now = ContinuousClock.now
            while let first = waiting.first, first.end <= proposer.acknowledged {
                times.append((now - first.since) / .microseconds(1))
                waiting.removeFirst()
            }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return (times, Double(proposer.position.rawValue - start.rawValue) / 1e6 / seconds)
    }
}
