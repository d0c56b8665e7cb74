/// The size of a cluster's WAL segment files: a power of two from 1 MiB to 1 GiB, 16 MiB unless chosen otherwise.
///
/// PostgreSQL fixes it at `initdb --wal-segsize`; the long header of each segment repeats it.
@frozen
public struct WALSegmentSize: Hashable, Sendable {
    /// The size in bytes.
    public let bytes: UInt64

    /// Takes a size in bytes; nil unless it is a power of two from 1 MiB to 1 GiB.
    public init?(bytes: UInt64) {
        guard bytes.nonzeroBitCount == 1, bytes >= 1 << 20, bytes <= 1 << 30 else { return nil }
        self.bytes = bytes
    }

    private init(unchecked bytes: UInt64) { self.bytes = bytes }

    /// PostgreSQL's default, 16 MiB.
    public static let standard = WALSegmentSize(unchecked: 16 << 20)

    /// The number of the segment that holds the byte at `lsn`.
    @inlinable
    public func segmentNumber(of lsn: LSN) -> UInt64 { lsn.rawValue / bytes }

    /// The offset of `lsn` in its segment.
    @inlinable
    public func offset(of lsn: LSN) -> UInt64 { lsn.rawValue & (bytes - 1) }

    /// The start of the segment that holds the byte at `lsn`.
    @inlinable
    public func segmentStart(of lsn: LSN) -> LSN { LSN(lsn.rawValue & ~(bytes - 1)) }

    /// The start of segment `number`; nil if that lies beyond the last LSN.
    public func start(ofSegment number: UInt64) -> LSN? {
        let (lsn, overflow) = number.multipliedReportingOverflow(by: bytes)
        return overflow ? nil : LSN(lsn)
    }

    /// Whether a segment begins at `lsn`.
    @inlinable
    public func isSegmentStart(_ lsn: LSN) -> Bool { offset(of: lsn) == 0 }

    /// Segments that fit below one value of the upper 32 bits of an LSN: file names count in these.
    var segmentsPerLogID: UInt64 { (1 << 32) / bytes }
}
