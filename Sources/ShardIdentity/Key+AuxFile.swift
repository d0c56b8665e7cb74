// Keys of aux files: small files of the data directory that reach storage as logical messages.
//
// A key is 16 bytes in compact form: 62, two bytes for the directory, and the last 13 bytes of a hash of the name.
// Source: `wal-interpretation.md` §6.

extension Key {
    /// The key of an aux file, by its path below the data directory.
    public static func auxFile(path: String) -> Key {
        let (directory, name) = auxFileParts(of: path)
        let prefix = UInt128(MetadataPrefix.auxFile) << 120 | UInt128(directory) << 104
        let hash = FNV1a.hash128(name) & (UInt128(1) << 104 - 1)
        return Key(CompactKey(bits: prefix | hash))
    }

    /// The keys of all aux files.
    @inlinable
    public static var auxFileRange: Range<Key> {
        firstKey(field1: MetadataPrefix.auxFile)..<firstKey(field1: MetadataPrefix.auxFile + 1)
    }

    /// Whether this is the key of an aux file.
    @inlinable
    public var isAuxFile: Bool { field1 == MetadataPrefix.auxFile }

    /// The directory bytes of a path and the part of it to hash.
    private static func auxFileParts(of path: String) -> (directory: UInt16, name: Substring.UTF8View) {
        // The first that fits counts; `pg_logical/` must come after the directories inside it.
        let directories: [(prefix: String, code: UInt16)] = [
            ("pg_logical/mappings/", 0x0101),
            ("pg_logical/snapshots/", 0x0102),
            ("pg_logical/", 0x01FF),
            ("pg_replslot/", 0x0201),
            ("pg_stat/", 0x0301),
        ]
        if path.utf8.elementsEqual("pg_logical/replorigin_checkpoint".utf8) {
            return (0x0103, ""[...].utf8)
        }
        for (prefix, code) in directories where path.utf8.starts(with: prefix.utf8) {
            return (code, path.utf8.dropFirst(prefix.utf8.count))
        }
        return (0xFFFF, path[...].utf8)
    }
}

/// The hash function FNV-1a.
enum FNV1a {
    /// The 128-bit hash of some bytes.
    static func hash128(_ bytes: some Sequence<UInt8>) -> UInt128 {
        let prime: UInt128 = 1 << 88 + 0x13B
        var hash: UInt128 = 0x6c62272e_07bb0142_62b82175_6295c58d
        for byte in bytes {
            hash ^= UInt128(byte)
            hash &*= prime
        }
        return hash
    }
}
