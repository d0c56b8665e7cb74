/// The header of a WAL page, short or long.
///
/// ```
///  offset  size  field
///       0     2  magic number of the PostgreSQL version
///       2     2  flags
///       4     4  timeline ID of the first record on the page
///       8     8  LSN of the page's first byte
///      16     4  bytes still to come of a record begun on an earlier page
///      20     4  padding
///      24     8  system identifier          (long header: a segment's first page)
///      32     4  segment size               (long header)
///      36     4  WAL page size, 8192        (long header)
/// ```
/// All little endian. Source: `wal-decoding.md` §2.
public struct WALPageHeader: Hashable, Sendable {
    /// Bits of the header's flags field.
    public enum Flag {
        /// The page begins with the rest of a record (`XLP_FIRST_IS_CONTRECORD`).
        public static let firstIsContinuation: UInt16 = 0x0001
        /// The header is a long one (`XLP_LONG_HEADER`).
        public static let longHeader: UInt16 = 0x0002
        /// Full-page images may be dropped from the WAL (`XLP_BKP_REMOVABLE`).
        public static let backupRemovable: UInt16 = 0x0004
        /// The page's first record replaces one whose rest was lost (`XLP_FIRST_IS_OVERWRITE_CONTRECORD`).
        public static let firstOverwritesContinuation: UInt16 = 0x0008
    }

    /// The three fields that only a segment's first page has.
    public struct LongPart: Hashable, Sendable {
        /// The cluster's system identifier.
        public var systemIdentifier: UInt64
        /// The segment size in bytes.
        public var segmentSize: UInt32
        /// The WAL page size in bytes.
        public var pageSize: UInt32

        /// Makes the long part of a header.
        public init(systemIdentifier: UInt64, segmentSize: UInt32, pageSize: UInt32 = UInt32(WALPage.size)) {
            self.systemIdentifier = systemIdentifier
            self.segmentSize = segmentSize
            self.pageSize = pageSize
        }
    }

    /// The version's magic number.
    public var magic: UInt16
    /// Bits of ``Flag``.
    public var flags: UInt16
    /// The timeline of the first record on the page.
    public var timelineID: UInt32
    /// The LSN of the page's first byte.
    public var pageAddress: LSN
    /// Bytes that are still to come of a record begun on an earlier page, this page's share included.
    public var remainingLength: UInt32
    /// The long header's own fields; nil in a short header.
    public var long: LongPart?

    /// Makes a header of its fields.
    public init(
        magic: UInt16,
        flags: UInt16,
        timelineID: UInt32,
        pageAddress: LSN,
        remainingLength: UInt32,
        long: LongPart? = nil
    ) {
        self.magic = magic
        self.flags = flags
        self.timelineID = timelineID
        self.pageAddress = pageAddress
        self.remainingLength = remainingLength
        self.long = long
    }

    /// Reads a header, judging by its flags whether it is a long one; nil if there are too few bytes for it.
    ///
    /// Nothing is validated: see ``WALStreamDecoder`` for that.
    public init?(reading bytes: RawSpan) {
        guard bytes.byteCount >= WALPage.shortHeaderSize else { return nil }
        let isLong = bytes.littleEndian(at: 2, as: UInt16.self) & Flag.longHeader != 0
        if isLong && bytes.byteCount < WALPage.longHeaderSize { return nil }
        self.init(unchecked: bytes, isLong: isLong)
    }

    init(unchecked bytes: RawSpan, isLong: Bool) {
        magic = bytes.littleEndian(at: 0)
        flags = bytes.littleEndian(at: 2)
        timelineID = bytes.littleEndian(at: 4)
        pageAddress = LSN(bytes.littleEndian(at: 8))
        remainingLength = bytes.littleEndian(at: 16)
        if isLong {
            long = LongPart(
                systemIdentifier: bytes.littleEndian(at: 24),
                segmentSize: bytes.littleEndian(at: 32),
                pageSize: bytes.littleEndian(at: 36)
            )
        }
    }

    /// Appends the header's 24 or 40 bytes.
    public func append(to bytes: inout [UInt8]) {
        bytes.appendLittleEndian(magic)
        bytes.appendLittleEndian(flags)
        bytes.appendLittleEndian(timelineID)
        bytes.appendLittleEndian(pageAddress.rawValue)
        bytes.appendLittleEndian(remainingLength)
        bytes.appendLittleEndian(UInt32(0))
        if let long {
            bytes.appendLittleEndian(long.systemIdentifier)
            bytes.appendLittleEndian(long.segmentSize)
            bytes.appendLittleEndian(long.pageSize)
        }
    }
}
