internal import PostgresWAL

/// The segment that is written to.
struct OpenSegment {
    let number: UInt64
    let file: OpenFile
    /// The offset up to which the system was asked to write.
    private var writebackEnd: UInt64 = 0
    /// The offset up to which space was asked for.
    private var reservedEnd: UInt64 = 0

    /// The least bytes in one write that space is taken for ahead: with less it isn't what takes the time.
    private static let bulkSize = 128 << 10
    /// Offsets up to multiples of which space is taken ahead of bulk WAL.
    ///
    /// The file system then looks for blocks once and not page by page as it is written: bulk WAL is taken in 1.3 times
    /// as fast. A timeline that gets little at a time takes no more space than it writes.
    private static let reservationStep: UInt64 = 4 << 20

    /// Bytes after which the disk is given them to write.
    ///
    /// Left to itself the system collects them until the segment is full and its synchronization waits for 16 MB. With
    /// this much at a time the disk writes while more is received: bulk WAL arrived 1.5 to 1.8 times as fast, and less
    /// of it stands before a commit's synchronization. Smaller steps cost calls, larger ones leave more for the end.
    private static let writebackStep: UInt64 = 1 << 20

    init(number: UInt64, file: OpenFile) {
        self.number = number
        self.file = file
    }

    /// Takes space for what is about to be written, and for some more, if it is much.
    ///
    /// - Parameters:
    ///   - count: how many bytes will be written.
    ///   - offset: where, inside the segment.
    ///   - files: what the segment is one of.
    mutating func reserve(_ count: Int, at offset: UInt64, in files: SegmentFiles) {
        let end = offset + UInt64(count)
        guard files.allocation == .sparse, count >= Self.bulkSize, end > reservedEnd else { return }
        let begin = max(reservedEnd, offset)
        reservedEnd = min((end + Self.reservationStep - 1) & ~(Self.reservationStep - 1), files.segmentSize.bytes)
        files.fileSystem.reserve(file, from: begin, to: reservedEnd)
    }

    /// Asks the system to begin writing what it hasn't been asked for, if there is enough of it.
    ///
    /// - Parameters:
    ///   - durable: what lies before is durable already.
    ///   - end: the end of what was written to the file, inside this segment.
    ///   - files: what the segment is one of.
    mutating func startWriteback(from durable: LSN, to end: LSN, in files: SegmentFiles) {
        let size = files.segmentSize
        let isDurableHere = size.segmentNumber(of: durable) == number
        let begin = max(writebackEnd, isDurableHere ? size.offset(of: durable.pageStart) : 0)
        // The last page will be written again, as more comes to it.
        let end = size.offset(of: end.pageStart)
        guard end >= begin + Self.writebackStep else { return }
        files.fileSystem.startWriteback(of: file, from: begin, to: end)
        writebackEnd = end
    }
}
