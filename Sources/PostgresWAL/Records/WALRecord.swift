/// One complete WAL record, borrowed: its bytes are valid until the decoder that gave it goes on.
///
/// ```
///  offset  size  field
///       0     4  total length, this header included
///       4     4  transaction ID, 0 if none
///       8     8  start of the previous record
///      16     1  info: the upper four bits belong to the resource manager
///      17     1  resource manager
///      18     2  padding
///      20     4  CRC-32C of bytes 24... and then 0..<20
/// ```
/// Source: `wal-decoding.md` §3.
@frozen
public struct WALRecord: ~Escapable {
    /// The whole record, header included; page headers inside it and padding after it are taken out.
    public let bytes: RawSpan
    /// The LSN of the record's first byte.
    public let start: LSN
    /// The LSN just past the record's last byte; padding not included.
    public let end: LSN
    /// Where the next record may start: ``end`` rounded up to 8, or the next segment's start after a segment switch.
    ///
    /// This is PostgreSQL's own end-of-record pointer, the one it stamps on pages. At a page's end it is the start of
    /// the next page, not the position behind that page's header.
    public let next: LSN

    @inlinable
    @inline(__always)
    @_lifetime(copy bytes)
    init(bytes: RawSpan, start: LSN, end: LSN, next: LSN) {
        self.bytes = bytes
        self.start = start
        self.end = end
        self.next = next
    }

    /// A record that was kept outside of WAL, whose CRC has been checked before; nil if it isn't as long as it says.
    ///
    /// Of its place no more is known than `next`, which stands in for ``start`` and ``end`` too.
    @_lifetime(copy bytes)
    package init?(kept bytes: RawSpan, next: LSN) {
        guard bytes.byteCount >= WALRecord.headerSize,
            bytes.littleEndian(at: 0, as: UInt32.self) == bytes.byteCount
        else { return nil }
        self.init(bytes: bytes, start: next, end: next, next: next)
    }

    /// Bytes in a record's header, and so in the shortest record.
    public static let headerSize = 24

    /// The longest record that PostgreSQL writes: 1020 MiB (`XLogRecordMaxSize` of PostgreSQL 16).
    public static let maximumLength = 1020 << 20

    /// The transaction ID, 0 if none.
    @inlinable
    public var transactionID: UInt32 { bytes.littleEndian(at: 4) }

    /// The start of the previous record as the header gives it; never checked.
    @inlinable
    public var previous: LSN { LSN(bytes.littleEndian(at: 8)) }

    /// The whole info byte.
    @inlinable
    public var info: UInt8 { bytes.byte(at: 16) }

    /// The resource manager.
    @inlinable
    public var resourceManager: ResourceManager { ResourceManager(rawValue: bytes.byte(at: 17)) }

    /// The CRC-32C in the header.
    @inlinable
    public var checksum: UInt32 { bytes.littleEndian(at: 20) }
}
