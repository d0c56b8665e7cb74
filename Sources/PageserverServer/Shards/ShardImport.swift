internal import Glibc
package import Ingest
package import PostgresWAL

/// Makes shards of a base backup, in a working directory.
package enum ShardImport {
    /// Imports a backup; blocks for as long as that takes.
    ///
    /// A shard gets its final name only when it is whole and durable, so whatever interrupts an import leaves nothing that
    /// a pageserver would open; what is left over is removed by the next import of the same shard. With several shards
    /// some may have got there and others not: those that have are to be left out then.
    ///
    /// - Parameters:
    ///   - source: the backup.
    ///   - shards: which shards; all of one version.
    ///   - workdir: the working directory, in which there must not be any of them.
    /// - Returns: the LSN of everything imported.
    /// - Throws: ``PageserverError``.
    package static func run(
        _ source: BackupSource,
        into shards: [TimelineShard],
        workdir: String
    ) throws(PageserverError) -> LSN {
        var stores: [RocksDBStore] = []
        for shard in shards {
            let folder = ShardFolder(of: shard, in: workdir)
            guard !folder.exists else { throw .shardExists(path: folder.path) }
            try removeTree(folder.unfinished.path)
            try folder.unfinished.make()
            try folder.unfinished.write(shard)
            do throws(StoreError) {
                stores.append(try RocksDBStore(path: folder.unfinished.store))
            } catch {
                throw .store(path: folder.unfinished.store, error)
            }
        }
        let lsn: LSN
        do throws(ImportError) {
            lsn = try BackupImport.run(source, into: zip(shards, stores).map { (shard: $0, store: $1) })
        } catch {
            throw .backup(error)
        }
        // Closed before they are moved.
        stores.removeAll()
        for shard in shards {
            let folder = ShardFolder(of: shard, in: workdir)
            try folder.unfinished.rename(to: folder)
        }
        return lsn
    }

    /// Removes a folder with all that is in it; nothing if it isn't there.
    private static func removeTree(_ path: String) throws(PageserverError) {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return }
            guard errno == ENOTDIR else { throw .system("list", path, errno) }
            guard unlink(path) == 0 else { throw .system("remove", path, errno) }
            return
        }
        do {
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { try removeTree("\(path)/\(name)") }
            }
        }
        guard rmdir(path) == 0 else { throw .system("remove", path, errno) }
    }
}
