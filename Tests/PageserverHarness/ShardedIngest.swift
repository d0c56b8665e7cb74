import Foundation
import InterpretationModel
import PostgresHarness
package import PostgresWAL
package import ReplicationProtocol
import SafekeeperHarness
package import ShardIdentity
import TestFixtures

/// One way of WAL to the shards of a tenant: a real safekeeper that has it, and a real pageserver that begins with the
/// backup.
///
/// First all shards are attached and have the WAL of the backup. Then everything else, which lies at the safekeeper
/// already, is committed at once: what is measured from there on is what receiving it costs, and nothing else.
package final class ShardedIngest {
    /// How many shards of which kind, and how WAL comes to them.
    package struct Layout: Hashable, Sendable {
        /// 1 is an unsharded tenant.
        package var shardCount: Int
        /// Pages that stay together on one shard.
        package var stripeSize: UInt32
        package var selection: WALReceiverProtocol

        package init(shardCount: Int, stripeSize: UInt32, selection: WALReceiverProtocol) {
            self.shardCount = shardCount
            self.stripeSize = stripeSize
            self.selection = selection
        }

        /// The count as a tenant has it, 0 for an unsharded one.
        package var tenantShardCount: UInt8 { shardCount == 1 ? 0 : UInt8(shardCount) }

        /// The shards, in the order of their numbers.
        package var identities: [ShardIdentity] {
            get throws { try ShardIdentity.all(count: Int(tenantShardCount), stripeSize: stripeSize) }
        }
    }

    /// What came of it.
    package struct Outcome: Sendable {
        /// What a shard was sent.
        package struct Shard: Hashable, Sendable {
            /// Bytes of payloads, as they came over the wire.
            package var bytes: UInt64
            /// Records in them, or made of them.
            package var records: UInt64
        }

        /// Where the measured WAL begins: all shards had everything before it.
        package var start: LSN
        /// Where all shards stood in the end.
        package var end: LSN
        /// The shards in the order of their numbers.
        package var shards: [Shard]
        /// Values of pages, of relations and of the commit log, that all shards together have stored of the measured WAL.
        package var pageValues: UInt64
        /// From the commit until the last shard had everything.
        package var seconds: Double
        /// Processor time of the safekeeper in it.
        package var safekeeperSeconds: Double
        /// Processor time of the pageserver in it.
        package var pageserverSeconds: Double

        /// Bytes of the measured WAL.
        package var walBytes: UInt64 { end.distance(from: start) ?? 0 }
        /// Bytes that all shards were sent.
        package var bytes: UInt64 { shards.reduce(0) { $0 + $1.bytes } }
        /// Records that all shards were sent, those counted more than once that went to several.
        package var records: UInt64 { shards.reduce(0) { $0 + $1.records } }
    }

    private let layout: Layout
    private let kept: KeptTimeline
    private let pageserver: PageserverProcess
    private let folder: TemporaryFolder
    /// Where the WAL begins that goes with the backup.
    package let start: LSN
    /// Where it ends, with its segment.
    private let behindBackup: LSN

    /// How long the shards may take, in seconds.
    private static let patience = 900.0

    /// Imports the backup, and starts both ends; the safekeeper has the WAL, and all shards have what the backup needs.
    ///
    /// - Throws: ``SafekeeperFailure`` or ``HarnessError`` if one of them does not do what it should.
    package init(_ source: IngestSource, _ layout: Layout) throws {
        self.layout = layout
        folder = try TemporaryFolder()
        let workdir = folder.path(of: "pageserver")
        try FileManager.default.createDirectory(atPath: workdir, withIntermediateDirectories: true)
        start = try PageserverProcess.importBackup(
            source.backup,
            into: workdir,
            major: source.major,
            shardCount: layout.tenantShardCount,
            stripeSize: layout.stripeSize
        )
        kept = try KeptTimeline(source.walDirectory, from: start, to: source.end)
        behindBackup = WALSegmentSize.standard.segmentStart(of: start) + WALSegmentSize.standard.bytes
        try kept.push(to: behindBackup)
        try kept.store()
        pageserver = try PageserverProcess(
            workdir: workdir,
            settings: """
                store_reserved_space = 0
                [[safekeepers]]
                id = 1
                address = "127.0.0.1:\(kept.safekeeper.port)"
                """,
            flags: ["--wal-receiver-protocol", layout.selection.json]
        )
        try pageserver.start()
    }

    /// Commits everything, and waits until all shards have it.
    package func run() throws -> Outcome {
        // A shard that has not connected yet would catch up by itself, with a reader of its own.
        try wait(for: behindBackup)
        let before = try settled()
        let valuesBefore = try pageValues()
        let processorBefore = try processorSeconds()
        let began = ContinuousClock.now
        try kept.commit()
        let last = kept.end.recordAligned
        try wait(for: last)
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        let processor = try processorSeconds()
        let after = try settled()
        return Outcome(
            start: try Self.place(before),
            end: try Self.place(after),
            shards: zip(before.shards, after.shards).map { before, after in
                Outcome.Shard(
                    bytes: after.receivedBytes - before.receivedBytes,
                    records: after.receivedRecords - before.receivedRecords
                )
            },
            pageValues: try pageValues() - valuesBefore,
            seconds: seconds,
            safekeeperSeconds: processor.safekeeper - processorBefore.safekeeper,
            pageserverSeconds: processor.pageserver - processorBefore.pageserver
        )
    }

    /// Stops the pageserver in order; gives its exit status.
    ///
    /// What it has stored stays until this object goes.
    package func stop() -> Int32 { pageserver.stop() }

    /// The folder of a shard's store.
    package func storeFolder(of shard: ShardIdentity) -> String {
        let tenant = "\(KeptTimeline.tenant)\(shard.storageSuffix)"
        return "\(pageserver.workdir)/tenants/\(tenant)/timelines/\(KeptTimeline.timeline)/store"
    }

    // MARK: - Looking

    /// Waits until all shards have everything before a position.
    private func wait(for lsn: LSN) throws {
        let deadline = ContinuousClock.now + .seconds(Self.patience)
        while true {
            let shards = try status().shards
            if shards.allSatisfy({ $0.lastRecord >= lsn }) { return }
            guard ContinuousClock.now < deadline else {
                throw SafekeeperFailure(message: "the shards don't reach \(lsn): \(shards)")
            }
            // Asking costs the pageserver time that counts as its own.
            usleep(50_000)
        }
    }

    /// How the shards stand when nothing changes any more: counts come a little later than what they count.
    private func settled() throws -> PageserverStatus {
        var last = try status()
        while true {
            usleep(50_000)
            let next = try status()
            if next.shards == last.shards { return next }
            last = next
        }
    }

    private func status() throws -> PageserverStatus {
        let status = try PageserverStatus(answer: pageserver.get("/v1/status"))
        guard status.shards.count == layout.shardCount else {
            throw SafekeeperFailure(message: "\(status.shards.count) shards instead of \(layout.shardCount)")
        }
        if let shard = status.shards.first(where: { $0.lastError != nil }) {
            throw SafekeeperFailure(message: "shard \(shard.name): \(shard.lastError ?? "")")
        }
        return status
    }

    private static func place(_ status: PageserverStatus) throws -> LSN {
        guard let lsn = status.commonLSN else {
            throw SafekeeperFailure(message: "the shards are apart: \(status.shards)")
        }
        return lsn
    }

    private func processorSeconds() throws -> (safekeeper: Double, pageserver: Double) {
        guard let safekeeper = kept.safekeeper.pid, let pageserver = pageserver.pid else {
            throw SafekeeperFailure(message: "a process has ended")
        }
        return (
            try ProcessUsage.processorSeconds(of: safekeeper), try ProcessUsage.processorSeconds(of: pageserver)
        )
    }

    /// Values of pages that the pageserver has stored since its start.
    private func pageValues() throws -> UInt64 {
        let metrics = try pageserver.get("/metrics")
        return try ["delta", "image"].reduce(0) { sum, kind in
            let name = "\npageserver_wal_ingest_values_committed{class=\"data\",kind=\"\(kind)\"} "
            guard let range = metrics.range(of: name),
                let count = UInt64(metrics[range.upperBound...].prefix { $0.isNumber })
            else { throw SafekeeperFailure(message: "the pageserver's metrics have no \(name)") }
            return sum + count
        }
    }
}
