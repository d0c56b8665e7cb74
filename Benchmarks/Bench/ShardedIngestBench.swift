import Foundation
import InterpretedWAL
import PageserverHarness
import PostgresWAL
import ReplicationProtocol
import ShardIdentity

/// What comes to the shards of a pageserver in each protocol, of WAL of a real PostgreSQL, and what it costs both ends.
///
/// A real safekeeper and a real pageserver, next to raw WAL to every shard and to what zstd alone makes of raw WAL. Times are
/// of the whole way into the stores. Everything runs once: bytes and records don't vary, times are sums of much work.
struct ShardedIngestBench {
    /// Rows of the table of two integers.
    let rows: Int
    /// Transactions of pgbench.
    let transactions: Int

    private enum Form: String, CaseIterable {
        case vanilla, interpreted
        case compressed = "interpreted_zstd"

        var words: String {
            switch self {
            case .vanilla: "vanilla"
            case .interpreted: "interpreted"
            case .compressed: "interpreted, zstd"
            }
        }

        var selection: WALReceiverProtocol {
            switch self {
            case .vanilla: .vanilla
            case .interpreted: .interpreted(WireFormat(format: .protobuf))
            case .compressed: .interpreted(WireFormat(format: .protobuf, compression: .zstd(level: zstdLevel)))
            }
        }
    }

    private static let zstdLevel: Int8 = 1
    private static let shardCounts = [1, 8, 32]
    /// Stripes for databases that have but few pages.
    private static let smallStripe: UInt32 = 16

    func run(into results: inout BenchResults) throws {
        results.heading("sharded ingest: raw and interpreted WAL for 1, 8 and 32 shards")
        results.line("PostgreSQL: \(rows) rows …")
        try run(.pairs(rows: rows), "sharded_ingest", ShardStripeSize.standard.pages, into: &results)
        results.line(
            """
            Upstream has published 5 times less for 1 shard and 100 times for 32, with such rows. On stock WAL the reference \
            makes 4.2 times less for 1.
            """
        )
        results.line("\nPostgreSQL: pgbench …")
        try run(.pgbench(transactions: transactions), "sharded_ingest.pgbench", Self.smallStripe, into: &results)
        results.line("\nPostgreSQL: the mixed workload …")
        try run(.mixed(), "sharded_ingest.mixed", Self.smallStripe, into: &results)
    }

    private func run(
        _ source: IngestSource,
        _ key: String,
        _ stripeSize: UInt32,
        into results: inout BenchResults
    ) throws {
        results.line("\(source.explanation), stripes of \(stripeSize) pages:\n")
        results.line(Self.heading)
        var range: Range<LSN>?
        for count in Self.shardCounts {
            var vanilla: ShardedIngest.Outcome?
            for form in Form.allCases {
                let layout = ShardedIngest.Layout(
                    shardCount: count,
                    stripeSize: stripeSize,
                    selection: form.selection
                )
                let outcome = try ShardedIngest(source, layout).run()
                if vanilla == nil { vanilla = outcome }
                range = outcome.start..<outcome.end
                let factor = Double(vanilla?.bytes ?? 0) / Double(outcome.bytes)
                results.line(Self.row(outcome, form.words, factor))
                record(outcome, "\(key).shards\(count).\(form.rawValue)", factor, into: &results)
            }
        }
        guard let range else { return }
        let raw = try RawCompression(source.walDirectory, range, level: Int32(Self.zstdLevel))
        results.record("\(key).wal_bytes", Double(raw.bytes))
        results.record("\(key).raw_zstd_bytes", Double(raw.compressedBytes))
        results.record("\(key).raw_zstd_factor", raw.factor)
        results.line(
            String(
                format: "\nWAL written: %.1f MB. Plain zstd of level %d, one stream: %.1f MB, %.1f times less.",
                Double(raw.bytes) / 1e6,
                Int(Self.zstdLevel),
                Double(raw.compressedBytes) / 1e6,
                raw.factor
            )
        )
    }

    private func record(
        _ outcome: ShardedIngest.Outcome,
        _ key: String,
        _ factor: Double,
        into results: inout BenchResults
    ) {
        let (bytes, records) = (Spread(outcome.shards.map(\.bytes)), Spread(outcome.shards.map(\.records)))
        for (name, spread) in [("received_bytes", bytes), ("records", records)] {
            results.record("\(key).\(name)", spread.total)
            results.record("\(key).\(name)_min", spread.least)
            results.record("\(key).\(name)_mean", spread.mean)
            results.record("\(key).\(name)_max", spread.most)
        }
        results.record("\(key).factor_to_vanilla", factor)
        results.record("\(key).wall_seconds", outcome.seconds)
        results.record("\(key).safekeeper_cpu_seconds", outcome.safekeeperSeconds)
        results.record("\(key).pageserver_cpu_seconds", outcome.pageserverSeconds)
    }

    // MARK: - The table

    private static let heading = """
                                  received      less    MB for a shard             records for a shard              wall s    CPU s
        shards  protocol                MB     times    least    mean     most     least       mean        most              safekeeper  pageserver
        """

    private static func row(_ outcome: ShardedIngest.Outcome, _ form: String, _ factor: Double) -> String {
        let (bytes, records) = (Spread(outcome.shards.map(\.bytes)), Spread(outcome.shards.map(\.records)))
        let name = form.padding(toLength: 18, withPad: " ", startingAt: 0)
        let sizes = String(
            format: "%10.1f %9.1f %8.2f %7.2f %8.2f",
            bytes.total / 1e6,
            factor,
            bytes.least / 1e6,
            bytes.mean / 1e6,
            bytes.most / 1e6
        )
        let counts = String(format: "%9.0f  %9.0f  %10.0f", records.least, records.mean, records.most)
        let times = String(
            format: "%9.1f %11.2f %11.2f",
            outcome.seconds,
            outcome.safekeeperSeconds,
            outcome.pageserverSeconds
        )
        return String(format: "%6d  ", outcome.shards.count) + [name, sizes, counts, times].joined(separator: " ")
    }
}

/// How values are spread over shards.
private struct Spread {
    let total: Double
    let least: Double
    let most: Double
    let mean: Double

    init(_ values: [UInt64]) {
        total = Double(values.reduce(0, +))
        least = Double(values.min() ?? 0)
        most = Double(values.max() ?? 0)
        mean = total / Double(max(values.count, 1))
    }
}
