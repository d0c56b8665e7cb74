/// Why WAL could not be decoded, and where.
///
/// The texts of the first eight reasons are the reference decoder's. Source: `wal-decoding.md` §5.
public struct WALDecodeError: Error, Hashable, Sendable {
    /// What was found in place of what was expected.
    public enum Reason: Hashable, Sendable {
        /// The page's magic number is not the version's.
        case pageMagic(found: UInt16, expected: UInt16)
        /// The page says that it belongs to another LSN.
        case pageAddress(found: UInt64, expected: LSN)
        /// The page begins with the rest of a record although none is open.
        case unexpectedContinuation
        /// The page has a remaining length although it does not begin with the rest of a record.
        case unexpectedRemainingLength(UInt32)
        /// The page does not begin with the rest of the record that is open.
        case continuationMissing
        /// The page's remaining length is not what is missing of the open record.
        case remainingLength(found: UInt32, expected: UInt32)
        /// The record's length is below that of its header.
        case recordLength(UInt32)
        /// The record's CRC-32C is not that of its bytes.
        case checksum(found: UInt32, computed: UInt32)
        /// The long header gives another segment size.
        case segmentSize(found: UInt32, expected: UInt32)
        /// The long header gives another WAL page size than 8192.
        case pageSize(found: UInt32)
        /// The record is longer than any that PostgreSQL writes, or than the decoder's own limit.
        case recordTooLong(length: UInt32, maximum: UInt32)
        /// A lost record was not followed by the record that names it.
        case abandonedRecordNotNamed(abandoned: LSN)
        /// Decoding cannot start here: not a multiple of 8, inside a page header, or beyond the last LSN.
        case startPosition
        /// The record's inner layout is broken.
        case layout(RecordLayoutFault)
    }

    /// How the place looks: whether the WAL just ends here or is damaged.
    public enum Condition: Hashable, Sendable {
        /// Zeros where a page or a record should start: nothing was written here yet.
        case zeroed
        /// A page of an older use of the segment file: nothing new was written here yet.
        case stale
        /// A record whose first part was written and whose rest was not: what a crash leaves.
        case torn
        /// None of these: what stands here was damaged, or is not WAL of this version.
        case corrupt

        /// Whether this is a way in which intact WAL ends.
        public var isEndOfWAL: Bool { self != .corrupt }
    }

    /// Where: the page's start, the record's start, or for a checksum the byte after the record.
    public var lsn: LSN
    /// What was wrong.
    public var reason: Reason
    /// Whether the WAL just ends here or is damaged.
    public var condition: Condition
    /// The start of the record that was being read; nil where none was open.
    public var recordStart: LSN?

    /// Makes an error of its parts.
    public init(lsn: LSN, reason: Reason, condition: Condition = .corrupt, recordStart: LSN? = nil) {
        self.lsn = lsn
        self.reason = reason
        self.condition = condition
        self.recordStart = recordStart
    }
}

extension WALDecodeError: CustomStringConvertible {
    /// The message, the LSN, and what the place looks like.
    public var description: String {
        var text = "\(reason) at \(lsn)"
        if let recordStart, recordStart != lsn { text += ", in the record at \(recordStart)" }
        if case .checksum(let found, let computed) = reason { text += ": xl_crc=\(found), computed \(computed)" }
        switch condition {
        case .zeroed: text += " (zeros: the WAL ends here)"
        case .stale: text += " (a page of an earlier use of the file: the WAL ends here)"
        case .torn: text += " (the rest of the record was never written)"
        case .corrupt: break
        }
        return text
    }
}

extension WALDecodeError.Reason: CustomStringConvertible {
    /// The message without its place.
    public var description: String {
        switch self {
        case .pageMagic(let found, let expected):
            "invalid xlog page header: xlp_magic=\(found), expected \(expected)"
        case .pageAddress(let found, let expected):
            "invalid xlog page header: xlp_pageaddr=\(found), expected \(expected)"
        case .unexpectedContinuation:
            "invalid xlog page header: unexpected XLP_FIRST_IS_CONTRECORD"
        case .unexpectedRemainingLength(let length):
            "invalid xlog page header: xlp_rem_len=\(length), but it's not a contrecord"
        case .continuationMissing:
            "invalid xlog page header: XLP_FIRST_IS_CONTRECORD expected, not found"
        case .remainingLength(let found, let expected):
            "invalid xlog page header: xlp_rem_len=\(found), expected \(expected)"
        case .recordLength(let length):
            "invalid xl_tot_len \(length)"
        case .checksum:
            "WAL record crc mismatch"
        case .segmentSize(let found, let expected):
            "invalid xlog page header: xlp_seg_size=\(found), expected \(expected)"
        case .pageSize(let found):
            "invalid xlog page header: xlp_xlog_blcksz=\(found), expected \(WALPage.size)"
        case .recordTooLong(let length, let maximum):
            "invalid xl_tot_len \(length), at most \(maximum) expected"
        case .abandonedRecordNotNamed(let abandoned):
            "XLOG_OVERWRITE_CONTRECORD for the lost record at \(abandoned) expected, not found"
        case .startPosition:
            "no record can start"
        case .layout(let fault):
            "invalid record: \(fault)"
        }
    }
}
