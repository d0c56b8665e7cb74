internal import PostgresWAL

/// PostgreSQL's `CheckPoint`, the state of counters that a server starts with: 88 bytes, little-endian.
///
/// What ingest keeps under the key of the checkpoint is not the last checkpoint of the WAL but follows every record.
/// Padding is carried through.
///
/// Source: `ingest.md` §3.8.
public struct CheckPoint: Hashable, Sendable {
    /// The bytes of the C structure.
    public static let size = 88

    /// 0 after an online checkpoint, the end of the record after a shutdown checkpoint, the original value after an
    /// import.
    public var redo: UInt64
    /// PostgreSQL's timeline numbers, now and before.
    public var timelines: (current: UInt32, previous: UInt32) {
        get { (UInt32(truncatingIfNeeded: timelineBits), UInt32(truncatingIfNeeded: timelineBits >> 32)) }
        set { timelineBits = UInt64(newValue.previous) << 32 | UInt64(newValue.current) }
    }
    private var timelineBits: UInt64
    private var fullPageWritesAndPadding: UInt32
    /// PostgreSQL 17's `wal_level`; padding before.
    public var walLevel: Int32
    /// The next transaction id, epoch in the upper half.
    public var nextXID: UInt64
    /// The next OID.
    public var nextOID: UInt32
    /// The next multixact.
    public var nextMultiXact: UInt32
    /// Where the next multixact's members go.
    public var nextMultiXactOffset: UInt32
    /// The oldest transaction id that is not frozen, and the database that has it.
    public var oldestXID: UInt32
    /// The database that has the oldest transaction id.
    public var oldestXIDDatabase: UInt32
    /// The oldest multixact.
    public var oldestMultiXact: UInt32
    /// The database that has the oldest multixact.
    public var oldestMultiXactDatabase: UInt32
    private var padding60: UInt32
    /// When the checkpoint was made, in seconds since 1970.
    public var time: Int64
    /// The oldest transaction id with a commit timestamp.
    public var oldestCommitTimestampXID: UInt32
    /// The newest transaction id with a commit timestamp.
    public var newestCommitTimestampXID: UInt32
    /// The oldest transaction id that is running.
    public var oldestActiveXID: UInt32
    private var padding84: UInt32

    /// Reads the 88 bytes; nil if there are more or fewer.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount == CheckPoint.size else { return nil }
        redo = bytes.littleEndian(at: 0)
        timelineBits = bytes.littleEndian(at: 8)
        fullPageWritesAndPadding = bytes.littleEndian(at: 16)
        walLevel = bytes.littleEndian(at: 20)
        nextXID = bytes.littleEndian(at: 24)
        nextOID = bytes.littleEndian(at: 32)
        nextMultiXact = bytes.littleEndian(at: 36)
        nextMultiXactOffset = bytes.littleEndian(at: 40)
        oldestXID = bytes.littleEndian(at: 44)
        oldestXIDDatabase = bytes.littleEndian(at: 48)
        oldestMultiXact = bytes.littleEndian(at: 52)
        oldestMultiXactDatabase = bytes.littleEndian(at: 56)
        padding60 = bytes.littleEndian(at: 60)
        time = bytes.littleEndian(at: 64)
        oldestCommitTimestampXID = bytes.littleEndian(at: 72)
        newestCommitTimestampXID = bytes.littleEndian(at: 76)
        oldestActiveXID = bytes.littleEndian(at: 80)
        padding84 = bytes.littleEndian(at: 84)
    }

    /// The checkpoint of which every byte is zero.
    public static let zero: CheckPoint = {
        let bytes = [UInt8](repeating: 0, count: size)
        guard let checkpoint = CheckPoint(bytes.span.bytes) else { preconditionFailure("88 bytes are a checkpoint") }
        return checkpoint
    }()

    /// The 88 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(CheckPoint.size)
        bytes.appendLittleEndian(redo)
        bytes.appendLittleEndian(timelineBits)
        bytes.appendLittleEndian(fullPageWritesAndPadding)
        bytes.appendLittleEndian(walLevel)
        bytes.appendLittleEndian(nextXID)
        for number in [nextOID, nextMultiXact, nextMultiXactOffset, oldestXID, oldestXIDDatabase] {
            bytes.appendLittleEndian(number)
        }
        for number in [oldestMultiXact, oldestMultiXactDatabase, padding60] { bytes.appendLittleEndian(number) }
        bytes.appendLittleEndian(time)
        for number in [oldestCommitTimestampXID, newestCommitTimestampXID, oldestActiveXID, padding84] {
            bytes.appendLittleEndian(number)
        }
        return bytes
    }
}
