import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import WALFiles

/// A shard that has everything, made of a server's own backup and WAL files, to hold a sharded one against.
struct ShardUnion {
    private let whole: RocksDBStore

    /// What a comparison has found.
    struct Outcome {
        /// Pages compared, and their versions.
        var keys = 0
        var versions = 0
        var differences: [String] = []
    }

    /// A version of a page: where in the WAL it is from, and what it holds.
    private struct Version: Equatable {
        var lsn: LSN
        var hash: Int
    }

    /// Imports the backup and ingests all WAL of the walk, in a new folder.
    init(
        tenant: TenantID,
        timeline: TimelineID,
        version: PostgresMajorVersion,
        archive: String,
        walk: WALWalk,
        folder: String
    ) throws {
        var storeOptions = RocksDBStore.Options()
        storeOptions.reservedSpace = 0
        whole = try RocksDBStore(path: folder, options: storeOptions)
        let shard = TimelineShard(tenant: tenant, timeline: timeline, identity: .unsharded, version: version)
        try BackupImport.run(.archive(archive), into: [(shard, whole)])
        let ingest = try ShardIngest(opening: whole, as: shard)
        var batcher = ChunkBatcher(version: version, shards: [.unsharded], startingAt: try walk.firstRecordStart())
        _ = try walk.run { record, parsed in
            try batcher.add(record, parsed)
        } afterChunk: { _ in
            try batcher.endChunk { _, message, _ in try ingest.ingest(message: message) }
        }
    }

    /// Compares pages of relations, each version of each.
    ///
    /// Pages of zeros are left out: they are made where a relation grew behind its end, and a shard sees such a gap only
    /// when it gets a page behind it.
    func compare(
        with shards: [(identity: ShardIdentity, store: RocksDBStore)],
        at last: LSN
    ) throws -> Outcome {
        var outcome = Outcome()
        var total = 0
        for key in try Self.pages(of: whole, at: last) {
            guard let owner = shards.first(where: { $0.identity.isLocal(key) }) else {
                outcome.differences.append("\(key) belongs to no shard")
                continue
            }
            let expected = try Self.versions(of: key, in: whole, at: last)
            let found = try Self.versions(of: key, in: owner.store, at: last)
            outcome.keys += expected.isEmpty ? 0 : 1
            outcome.versions += expected.count
            if expected != found {
                outcome.differences.append("\(key): \(found.count) versions of \(expected.count), or others")
            }
        }
        for (identity, store) in shards {
            for key in try Self.pages(of: store, at: last) {
                let versions = try Self.versions(of: key, in: store, at: last)
                guard !versions.isEmpty else { continue }
                // Some pages every shard has.
                if identity.isDisposable(key) {
                    outcome.differences.append("\(key) is on shard \(identity.index), too")
                }
                if identity.isLocal(key) { total += 1 }
            }
        }
        if total != outcome.keys {
            outcome.differences.append("\(total) pages on all shards, \(outcome.keys) in the whole")
        }
        return outcome
    }

    private static func pages(of store: RocksDBStore, at last: LSN) throws(StoreError) -> [Key] {
        var keys: [Key] = []
        try store.visitNewest(in: .min..<Key.max, atOrBelow: last) { key, _, _ in
            if key.isRelationBlock { keys.append(key) }
            return true
        }
        return keys
    }

    private static func versions(of key: Key, in store: RocksDBStore, at last: LSN) throws(StoreError) -> [Version] {
        var versions: [Version] = []
        try store.visitVersions(of: key, atOrBelow: last) { lsn, bytes in
            let hash = bytes.withUnsafeBytes { buffer -> Int? in
                guard !isZeroPage(buffer) else { return nil }
                var hasher = Hasher()
                hasher.combine(bytes: buffer)
                return hasher.finalize()
            }
            if let hash { versions.append(Version(lsn: lsn, hash: hash)) }
            return true
        }
        return versions
    }

    private static let zeroPage = StoredValue.image([UInt8](repeating: 0, count: 8192)).encoded()

    private static func isZeroPage(_ buffer: UnsafeRawBufferPointer) -> Bool {
        buffer.count == zeroPage.count && buffer.elementsEqual(zeroPage)
    }
}
