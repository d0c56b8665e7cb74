/// A reference of a record to one page of a relation, with the image and the data that the record has for it.
///
/// Source: `wal-decoding.md` §4.
@frozen
public struct BlockReference: Hashable, Sendable {
    /// The bits of the reference's flags byte above the fork number.
    public enum Flag {
        /// The lower four bits: the fork number.
        public static let forkMask: UInt8 = 0x0F
        /// The reference has a page image.
        public static let hasImage: UInt8 = 0x10
        /// The reference has data.
        public static let hasData: UInt8 = 0x20
        /// Replay makes the page from nothing.
        public static let willInit: UInt8 = 0x40
        /// The relation is that of the reference before.
        public static let sameRelation: UInt8 = 0x80
    }

    /// The block ID, 0 to 32.
    public internal(set) var id: UInt8 = 0
    /// The flags byte as it stands in the record: fork number and bits of ``Flag``.
    public internal(set) var flags: UInt8 = 0
    /// The tablespace's OID.
    public internal(set) var tablespace: UInt32 = 0
    /// The database's OID; 0 for shared relations.
    public internal(set) var database: UInt32 = 0
    /// The relation's file number.
    public internal(set) var relation: UInt32 = 0
    /// The block number in the fork.
    public internal(set) var block: UInt32 = 0
    /// The image, if ``hasImage``.
    public internal(set) var image = BlockImage()
    /// Where the image begins, and the data behind it, counted from where the record's payloads begin.
    var payloadOffset: Int32 = 0
    /// Bytes of data; the image doesn't count.
    public internal(set) var dataLength: UInt16 = 0

    @usableFromInline
    init() {}

    /// The fork number: 0 main, 1 free space map, 2 visibility map, 3 init.
    @inlinable
    public var fork: UInt8 { flags & Flag.forkMask }

    /// Whether the record holds an image of the page.
    @inlinable
    public var hasImage: Bool { flags & Flag.hasImage != 0 }

    /// Whether replay restores the page from the image; an image without this is there for a consistency check.
    @inlinable
    public var appliesImage: Bool { hasImage && image.isApplied }

    /// Whether replay makes the page from nothing by the record's own rules.
    @inlinable
    public var willInit: Bool { flags & Flag.willInit != 0 }
}

/// How a page image stands in a record.
///
/// A page often has a hole between its line pointers and its tuples; the image may leave that out, and may be
/// compressed.
@frozen
public struct BlockImage: Hashable, Sendable {
    /// How an image is compressed.
    public enum Compression: Hashable, Sendable {
        case pglz, lz4, zstd
    }

    /// Bytes of the image in the record.
    public internal(set) var length: UInt16 = 0
    /// Where the hole begins in the page.
    public internal(set) var holeOffset: UInt16 = 0
    /// Bytes of the hole; 0 if there is none.
    public internal(set) var holeLength: UInt16 = 0
    /// The flags byte in the meaning of PostgreSQL 15 and later, whatever the version.
    @usableFromInline
    var attributes: UInt8 = 0

    @usableFromInline
    init() {}

    /// Whether replay restores the page from this image.
    @inlinable
    public var isApplied: Bool { attributes & 0x02 != 0 }

    /// Whether the image is compressed.
    @inlinable
    public var isCompressed: Bool { attributes & 0x1C != 0 }

    /// How the image is compressed; nil if it isn't.
    public var compression: Compression? {
        if attributes & 0x04 != 0 { return .pglz }
        if attributes & 0x08 != 0 { return .lz4 }
        return attributes & 0x10 != 0 ? .zstd : nil
    }
}
