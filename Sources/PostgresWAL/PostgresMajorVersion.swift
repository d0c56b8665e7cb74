/// A PostgreSQL major version whose WAL is understood.
///
/// What differs between the versions is data: tables keyed by this type, here and in the modules above.
public enum PostgresMajorVersion: Int, CaseIterable, Sendable, Comparable {
    case v14 = 14
    case v15 = 15
    case v16 = 16
    case v17 = 17

    /// The version of a server's version number: major × 10000 + minor, as `server_version_num` prints it.
    ///
    /// Gives nil for a version outside 14 to 17.
    public init?(serverVersionNumber: Int) {
        self.init(rawValue: serverVersionNumber / 10000)
    }

    /// The version whose pages carry this magic number; nil for a magic number of none of them.
    public init?(pageMagic: UInt16) {
        guard let version = Self.allCases.first(where: { $0.pageMagic == pageMagic }) else { return nil }
        self = version
    }

    /// The magic number at the start of every WAL page (`XLOG_PAGE_MAGIC`).
    ///
    /// Source: `wal-decoding.md` §1.
    public var pageMagic: UInt16 {
        switch self {
        case .v14: 0xD10D
        case .v15: 0xD110
        case .v16: 0xD113
        case .v17: 0xD116
        }
    }

    /// What the bits of a block image's `bimg_info` byte mean.
    public var imageFlags: ImageFlags {
        self == .v14 ? .v14 : .v15AndLater
    }

    /// Orders versions by age.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// The bits of a block image's `bimg_info` byte; a version without a compression method has no bit for it.
///
/// Source: `wal-decoding.md` §4, "bimg_info per version".
public struct ImageFlags: Hashable, Sendable {
    /// The page has a hole that was left out of the image.
    public let hasHole: UInt8
    /// The image is to be restored at replay, not only kept for a consistency check.
    public let apply: UInt8
    /// The image is compressed with pglz.
    public let pglz: UInt8
    /// The image is compressed with lz4; zero where the version doesn't know it.
    public let lz4: UInt8
    /// The image is compressed with zstd; zero where the version doesn't know it.
    public let zstd: UInt8

    /// All bits that mean some compression.
    public var anyCompression: UInt8 { pglz | lz4 | zstd }

    static let v14 = ImageFlags(hasHole: 0x01, apply: 0x04, pglz: 0x02, lz4: 0, zstd: 0)
    static let v15AndLater = ImageFlags(hasHole: 0x01, apply: 0x02, pglz: 0x04, lz4: 0x08, zstd: 0x10)
}
