import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// All versions of all keys of a store: the LSN and the hash of the bytes of each, newest first.
struct StoreContent: Equatable {
    struct Version: Hashable {
        var lsn: LSN
        var hash: Int
        /// A page of zeros, as ingest makes for gaps.
        var isZeroPage: Bool
        /// A reference to a page of the database that was copied.
        var isCopy: Bool
    }

    private(set) var versions: [Key: [Version]] = [:]

    init(_ store: any VersionedStore) throws {
        var keys: [Key] = []
        try store.visitNewest(in: .min..<Key.max, atOrBelow: LSN(.max)) { key, _, _ in
            keys.append(key)
            return true
        }
        let zeros = StoredValue.image([UInt8](repeating: 0, count: 8192)).encoded()
        for key in keys {
            var list: [Version] = []
            try store.visitVersions(of: key, atOrBelow: LSN(.max)) { lsn, bytes in
                bytes.withUnsafeBytes { buffer in
                    var hasher = Hasher()
                    hasher.combine(bytes: buffer)
                    list.append(
                        Version(
                            lsn: lsn,
                            hash: hasher.finalize(),
                            isZeroPage: buffer.elementsEqual(zeros),
                            isCopy: buffer.prefix(4).elementsEqual([0, 0, 0, 2])
                        )
                    )
                }
                return true
            }
            versions[key] = list
        }
    }

    /// Where two stores differ, a few places at most.
    func differences(from other: StoreContent) -> [String] {
        var texts: [String] = []
        for key in Set(versions.keys).union(other.versions.keys).sorted() where versions[key] != other.versions[key] {
            if texts.count == 5 { break }
            let (mine, others) = (versions[key] ?? [], other.versions[key] ?? [])
            texts.append("\(key): \(mine.map(\.lsn)) and \(others.map(\.lsn))")
        }
        return texts
    }

    /// The versions of a key that come from the stream.
    ///
    /// A shard sees a gap only when it writes behind it, and copies of databases only as far as it knows relations.
    func streamed(_ key: Key) -> [Version] {
        (versions[key] ?? []).filter { !$0.isZeroPage && !$0.isCopy }
    }
}
