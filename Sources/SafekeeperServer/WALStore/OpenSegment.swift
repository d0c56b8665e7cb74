internal import PostgresWAL

/// The segment that is written to.
struct OpenSegment {
    let number: UInt64
    let file: OpenFile
    /// The offset up to which the system was asked to write.
    private var writebackEnd: UInt64 = 0

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
