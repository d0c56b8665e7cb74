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
            Upstream has published 5 times less for 1 shard and 100 times for 32, with such rows in WAL of its own. For 1 \
            shard, the reference is said to make about 4.2 times less of stock WAL.
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

    private static let heading = [
        ["", "", "received", "less", "MB for a", "shard", "", "records", "for a shard", "", "", "CPU s", "CPU s"],
        [
            "shards", "protocol", "MB", "times", "least", "mean", "most", "least", "mean", "most", "wall s",
            "safekeeper", "pageserver",
        ],
    ].map(line).joined(separator: "\n")

    /// The widths of the columns; the second one is words, the others are numbers.
    private static let widths = [6, 18, 9, 6, 9, 8, 8, 10, 12, 10, 7, 11, 11]

    private static func line(_ cells: [String]) -> String {
        zip(cells, widths).enumerated().map { column, cell in
            let space = String(repeating: " ", count: max(cell.1 - cell.0.count, 0))
            return column == 1 ? cell.0 + space : space + cell.0
        }.joined(separator: " ")
    }

    private static func row(_ outcome: ShardedIngest.Outcome, _ form: String, _ factor: Double) -> String {
        let (bytes, records) = (Spread(outcome.shards.map(\.bytes)), Spread(outcome.shards.map(\.records)))
        func number(_ value: Double, _ places: Int) -> String { String(format: "%.\(places)f", value) }
        return line([
            "\(outcome.shards.count)", form, number(bytes.total / 1e6, 1), number(factor, 1),
            number(bytes.least / 1e6, 2), number(bytes.mean / 1e6, 2), number(bytes.most / 1e6, 2),
            number(records.least, 0), number(records.mean, 0), number(records.most, 0), number(outcome.seconds, 1),
            number(outcome.safekeeperSeconds, 2), number(outcome.pageserverSeconds, 2),
        ])
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
