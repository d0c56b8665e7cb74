import Foundation
import Ingest
import IngestHarness
import PostgresHarness
import PostgresWAL
import ShardIdentity
import WALFiles

// What came out, held against the stopped server and its files.

extension PipelineRun {
    /// Verifies everything that can be; what is wrong is in the report.
    func verify(_ server: PostgresServer, _ end: LSN) throws {
        let last = end.recordAligned
        let away = report.shards.filter { $0.lastRecord != last }.map { "\($0.name) at \($0.lastRecord)" }
        check(
            "last record",
            away,
            "\(report.shards.count == 1 ? "the shard is" : "all \(report.shards.count) shards are") at \(last), where the server's WAL ends"
        )
        try checkStop()

        console.say("verifying …")
        let segments = try SafekeeperFiles.differences(
            safekeepers.map { "\($0.directory)/\(tenant)/\(timeline)" },
            from: server.walDirectory,
            range: start..<end
        )
        check("WAL on disk", segments, "3 safekeepers have \(start) to \(end) as the server has it, byte for byte")

        let directory = try WALDirectory(path: server.walDirectory)
        let load = WALWalk(directory: directory, start: loadStart, end: end)
        let census = try WALCensus(load)
        report.kinds = census.kinds
        let theirs = try server.walDump.counts(from: loadStart, to: end).values.reduce(0, +)
        check(
            "records",
            theirs == census.records ? [] : ["pg_waldump sees \(theirs) records, we \(census.records)"],
            "\(Quantity.count(census.records)) records, as many as pg_waldump sees"
        )

        let shards = try openShards()
        try compare(shards, with: DataDirectory(server.dataDirectory), at: last)
        try checkUnion(shards, WALWalk(directory: directory, start: start, end: end), at: last)
        for count in [1, 8, 32] as [UInt8] {
            let layout = try ShardingReport(load, shardCount: count, stripeSize: options.stripeSize)
            report.layouts.append(layout.layout)
        }
    }

    private func check(_ name: String, _ differences: [String], _ detail: String) {
        report.checks.append(
            .init(
                name,
                passed: differences.isEmpty,
                detail: differences.isEmpty
                    ? detail
                    : differences.prefix(5).joined(separator: "; ") + (differences.count > 5 ? "; …" : "")
            )
        )
    }

    /// The stores that the pageserver has left.
    private func openShards() throws -> [(shard: ShardIngest, store: RocksDBStore)] {
        try (0..<options.shards).map { number in
            let identity = try ShardIdentity(number: number, count: options.shards, stripeSize: options.stripeSize)
            let shard = TimelineShard(tenant: tenant, timeline: timeline, identity: identity, version: source.version)
            let folder = "\(pageserverFolder)/tenants/\(tenant)\(identity.storageSuffix)/timelines/\(timeline)/store"
            let store = try RocksDBStore(path: folder)
            return (try ShardIngest(opening: store, as: shard), store)
        }
    }

    private func compare(
        _ shards: [(shard: ShardIngest, store: RocksDBStore)],
        with files: DataDirectory,
        at last: LSN
    ) throws {
        let durable = shards.filter { $0.shard.positions.lastRecordLSN != last }
            .map { "\($0.shard.shard) at \($0.shard.positions.lastRecordLSN)" }
        check("durable", durable, "all shards reopen at \(last)")
        guard durable.isEmpty else { return }

        var relations = ServerComparison(shards[0].shard, files)
        try relations.compareRelations()
        check("relation sizes", relations.differences, "\(relations.count) forks, as the server's files are")
        var logs = ServerComparison(shards[0].shard, files)
        try logs.compareSLRUs()
        check("commit log", logs.differences, "commit log and multixacts, byte for byte as the server's files")
        var maps: (differences: [String], count: Int) = ([], 0)
        for shard in shards {
            var comparison = ServerComparison(shard.shard, files)
            try comparison.compareVisibilityMaps()
            maps.differences += comparison.differences
            maps.count += comparison.count
        }
        check("visibility maps", maps.differences, "\(maps.count) pages, as the server's files are")
    }

    /// All shards together against one that has everything, made of the server's own files.
    private func checkUnion(
        _ shards: [(shard: ShardIngest, store: RocksDBStore)],
        _ walk: WALWalk,
        at last: LSN
    ) throws {
        let union = try ShardUnion(
            tenant: tenant,
            timeline: timeline,
            version: source.version,
            archive: archive,
            walk: walk,
            folder: "\(folder)/whole"
        )
        let found = try union.compare(with: shards.map { ($0.shard.shard.identity, $0.store) }, at: last)
        check(
            "shard union",
            found.differences,
            "\(Quantity.count(found.versions)) versions of \(Quantity.count(found.keys)) pages, each on its shard and "
                + "nowhere else, as one shard for all would have them"
        )
    }
}
