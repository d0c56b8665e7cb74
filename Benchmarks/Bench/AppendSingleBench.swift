import Foundation
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer

/// One record at a time: appended and made durable before the next one, next to a write of its bytes and the same syncs.
///
/// Sizes from 8 bytes to 1 MiB, with and without synchronization, and with and without a commit position that advances
/// with each record. Medians of wall-clock times, ours and the plain ones taken in turn.
struct AppendSingleBench {
    let folder: BenchFolder

    func run(into results: inout BenchResults) throws {
        results.heading("append, one record at a time")
        for (name, size) in [
            ("8B", 8), ("128B", 128), ("1KiB", 1 << 10), ("8KiB", 8 << 10), ("128KiB", 128 << 10), ("1MiB", 1 << 20),
        ] {
            for synced in [true, false] {
                for commits in [false, true] {
                    // Enough for a median; 1 MiB records are 300 MB then.
                    let count = synced ? 300 : min(5_000, (300 << 20) / size)
                    let key = "append.single.\(synced ? "fsync" : "nosync").\(name)\(commits ? ".commit" : "")"
                    let (ours, plain) = try folder.with { path in
                        try measure(size, count, synced: synced, commits: commits, in: path)
                    }
                    results.add("\(key).us", ours.median, "us", "plain \(Int(plain.median)) us")
                    results.add("\(key).ratio_to_plain", plain.median / ours.median, "x", "as fast as a plain write")
                }
            }
        }
    }

    /// Microseconds of each record.
    private func measure(
        _ size: Int,
        _ count: Int,
        synced: Bool,
        commits: Bool,
        in path: String
    ) throws -> (ours: [Double], plain: [Double]) {
        let stream = try WALMessages(payloadSize: size, count: count)
        let state = try AppendTarget.timeline(in: path, startingAt: stream.start, synced: synced)
        let files = PosixFileSystem()
        let file = try files.open(path + "/plain", .create)
        defer { files.close(file) }
        try files.setLength(of: file, to: UInt64(stream.bytes.count))
        if synced { try files.synchronize(file) }
        var (ours, plain): ([Double], [Double]) = ([], [])
        var position = stream.start
        func time(_ body: () throws -> Void) rethrows -> Double {
            let start = ContinuousClock.now
            try body()
            return (ContinuousClock.now - start) / .microseconds(1)
        }
        for (number, range) in stream.messages.enumerated() {
            let bytes = stream.bytes.span.bytes.extracting(range)
            func appendOurs() throws {
                ours.append(
                    try time {
                        try AppendTarget.append(stream, range, to: state, at: &position, commits: commits)
                        _ = try state.flush()
                    }
                )
            }
            // The second to read the bytes finds them in the processor's cache: each is it as often.
            if number.isMultiple(of: 2) { try appendOurs() }
            plain.append(
                try time {
                    try files.write(bytes, to: file, at: UInt64(range.lowerBound))
                    if synced { try files.synchronizeData(of: file) }
                }
            )
            if !number.isMultiple(of: 2) { try appendOurs() }
        }
        return (ours, plain)
    }
}

extension [Double] {
    /// The value that half of them are above.
    var median: Double { percentile(50) }

    /// The value that no more than `100 - percent` percent of them are above.
    func percentile(_ percent: Int) -> Double {
        precondition(!isEmpty, "nothing was measured")
        return sorted()[Swift.min(count * percent / 100, count - 1)]
    }
}
