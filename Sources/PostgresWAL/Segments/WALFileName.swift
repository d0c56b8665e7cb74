/// The name of a WAL segment file: timeline, upper and lower part of the segment number, eight hex digits each.
///
/// A segment that is still being written may carry the suffix `.partial`.
///
/// Source: `wal-decoding.md` §9; for sizes other than 16 MiB `XLogFileName` of PostgreSQL's `xlog_internal.h`.
public struct WALFileName: Hashable, Sendable, CustomStringConvertible {
    /// The PostgreSQL timeline ID.
    public let timelineID: UInt32
    /// The segment number: the segment's start LSN divided by the segment size.
    public let segmentNumber: UInt64
    /// Whether the name ends in `.partial`.
    public let isPartial: Bool
    /// The name itself.
    public let description: String

    /// Makes the name of a segment; nil if no LSN lies in a segment of that number.
    public init?(
        timelineID: UInt32,
        segmentNumber: UInt64,
        segmentSize: WALSegmentSize,
        isPartial: Bool = false
    ) {
        guard segmentSize.start(ofSegment: segmentNumber) != nil else { return nil }
        self.timelineID = timelineID
        self.segmentNumber = segmentNumber
        self.isPartial = isPartial
        let (upper, lower) = segmentNumber.quotientAndRemainder(dividingBy: segmentSize.segmentsPerLogID)
        description =
            hexadecimal(timelineID) + hexadecimal(UInt32(upper)) + hexadecimal(UInt32(lower))
            + (isPartial ? Self.partialSuffix : "")
    }

    /// Parses a file name; nil if it isn't a segment's (history and backup files, for instance).
    ///
    /// A lower part that the segment size doesn't allow is refused too: such a file belongs to another cluster.
    public init?(_ name: String, segmentSize: WALSegmentSize) {
        let isPartial = name.hasSuffix(Self.partialSuffix)
        let stem = isPartial ? name.dropLast(Self.partialSuffix.count) : name[...]
        let digits = Array(stem.utf8)
        guard digits.count == 24, digits.allSatisfy(isHexadecimalDigit) else { return nil }
        let parts = stride(from: 0, to: 24, by: 8).compactMap {
            UInt32(String(decoding: digits[$0..<$0 + 8], as: UTF8.self), radix: 16)
        }
        guard parts.count == 3, UInt64(parts[2]) < segmentSize.segmentsPerLogID else { return nil }
        self.init(
            timelineID: parts[0],
            segmentNumber: UInt64(parts[1]) * segmentSize.segmentsPerLogID + UInt64(parts[2]),
            segmentSize: segmentSize,
            isPartial: isPartial
        )
    }

    /// What follows the name of a segment that is not yet complete.
    public static let partialSuffix = ".partial"
}

private func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: 8 - digits.count) + digits
}

private func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    Character(UnicodeScalar(byte)).isHexDigit
}
