import Foundation
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity

/// Accepting WAL: a connection's append requests, which wait one behind the other, next to plain writes of the same bytes.
///
/// Ours go all the way but for the socket: they are decoded, queued, written, looked into and answered. The plain writes
/// go to files of a segment's length too, with the same synchronizations: a file and its name when it is made, its bytes
/// when it is full, and at the end. Messages of more than 128 KiB are several requests, and are compared with plain writes
/// both of their size and of the requests'. Times are wall-clock, as synchronizing is not this processor's work.
struct AppendBench {
    let megabytes: Int
    let folder: BenchFolder

    func run(rounds: Int, into results: inout BenchResults) throws {
        results.heading("append: \(megabytes) MB of WAL a round, in messages of one record, into \(folder.path)")
        for (name, size) in [("1KiB", 1 << 10), ("8KiB", 8 << 10), ("128KiB", 128 << 10), ("1MiB", 1 << 20)] {
            let stream = try WALMessages(messageSize: size, megabytes: megabytes)
            let pipeline = try AppendPipeline(stream)
            for synced in [false, true] {
                try compare(stream, pipeline, named: name, synced: synced, rounds: rounds, into: &results)
            }
        }
    }

    private func compare(
        _ stream: WALMessages,
        _ pipeline: AppendPipeline,
        named name: String,
        synced: Bool,
        rounds: Int,
        into results: inout BenchResults
    ) throws {
        var plain = Double.infinity
        var inRequests = Double.infinity
        var ours = Double.infinity
        let requests = stream.requests
        for round in 0...rounds {
            let first = try seconds { try write(stream, stream.messages, synced: synced, in: $0) }
            let second =
                requests == stream.messages
                ? first : try seconds { try write(stream, requests, synced: synced, in: $0) }
            let third = try seconds { try pipeline.run(in: $0, synced: synced) }
            // The first round only warms up.
            guard round > 0 else { continue }
            plain = min(plain, first)
            inRequests = min(inRequests, second)
            ours = min(ours, third)
        }
        let key = "append.\(synced ? "fsync" : "nosync").\(name)"
        let megabytes = Double(stream.bytes.count) / 1e6
        results.add("\(key).mb_per_s", megabytes / ours, "MB/s")
        results.add("\(key).plain.mb_per_s", megabytes / plain, "MB/s", "plain writes")
        results.add("\(key).ratio_to_plain", plain / ours, "x", "as fast as plain writes")
        if requests != stream.messages {
            results.add("\(key).ratio_to_plain_requests", inRequests / ours, "x", "as fast as plain writes of 128 KiB")
        }
    }

    /// The time of a call with a folder of its own.
    private func seconds(_ body: (String) throws -> Void) throws -> Double {
        try folder.with { path in
            try Memory.touch(megabytes: megabytes + megabytes / 2)
            let start = ContinuousClock.now
            try body(path)
            return (ContinuousClock.now - start) / .seconds(1)
        }
    }

    /// Plain writes of these sizes.
    private func write(_ stream: WALMessages, _ sizes: [Range<Int>], synced: Bool, in path: String) throws {
        let files = PosixFileSystem()
        let segment = Int(WALSegmentSize.standard.bytes)
        var file: OpenFile?
        var position = Int(stream.start.rawValue)
        func finish() throws {
            guard let open = file else { return }
            if synced { try files.synchronizeData(of: open) }
            files.close(open)
            file = nil
        }
        for range in sizes {
            var range = range
            while !range.isEmpty {
                if position % segment == 0 { try finish() }
                let target: OpenFile
                if let file {
                    target = file
                } else {
                    target = try files.open(path + "/\(position / segment)", .create)
                    try files.setLength(of: target, to: UInt64(segment))
                    if synced {
                        try files.synchronize(target)
                        try files.synchronizeDirectory(path)
                    }
                    file = target
                }
                let count = min(range.count, segment - position % segment)
                let piece = stream.bytes.span.bytes.extracting(range.prefix(count))
                try files.write(piece, to: target, at: UInt64(position % segment))
                position += count
                range = range.dropFirst(count)
            }
        }
        try finish()
    }
}
