internal import PostgresWAL
internal import ShardIdentity

/// A key in RocksDB: that of a version, or of the state record.
struct RocksDBKey {
    private(set) var bytes: [UInt8]

    static let size = Key.byteCount + 8

    init(_ key: Key, _ lsn: LSN) {
        bytes = key.bytes
        withUnsafeBytes(of: lsn.rawValue.bigEndian) { bytes.append(contentsOf: $0) }
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The key of the state record: no key of a version begins with this byte.
    static let state = RocksDBKey([0xFF])

    func isVersion(of key: Key) -> Bool {
        bytes.count == RocksDBKey.size && self.key == key
    }

    /// The key of the version; nil for that of the state record.
    var key: Key? {
        guard bytes.count == RocksDBKey.size else { return nil }
        return try? Key(bytes: bytes.span.bytes.extracting(first: Key.byteCount))
    }

    var lsn: LSN {
        LSN(bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}
