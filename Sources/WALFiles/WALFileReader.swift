public import PostgresWAL

/// Reads a folder's WAL in order, in chunks, into a buffer of its own.
///
/// A chunk never reaches past a segment's end. As a safekeeper's readers do, chunks are cut at multiples of the WAL page
/// size: the first one is as much shorter as the start lies behind a page's start.
public struct WALFileReader: ~Copyable {
    /// The folder.
    public let directory: WALDirectory
    /// The LSN of the next chunk's first byte.
    public private(set) var position: LSN
    private let buffer: UnsafeMutableRawBufferPointer
    private var file: FileDescriptor?
    private var openSegment: UInt64?

    /// What safekeepers read at most at once: 16 WAL pages.
    public static let standardChunkSize = 128 << 10

    /// Makes a reader.
    ///
    /// - Parameters:
    ///   - directory: the folder.
    ///   - start: the LSN of the first byte to read.
    ///   - chunkSize: bytes to read at most at once: a multiple of the WAL page size, at least one page.
    public init(directory: WALDirectory, startingAt start: LSN, chunkSize: Int = WALFileReader.standardChunkSize) {
        precondition(chunkSize > 0 && chunkSize % WALPage.size == 0, "chunks are whole WAL pages")
        self.directory = directory
        position = start
        buffer = .allocate(byteCount: chunkSize, alignment: WALPage.size)
    }

    deinit { buffer.deallocate() }

    /// Reads the next chunk.
    ///
    /// - Parameter end: where to stop reading.
    /// - Returns: the chunk, valid until the next call; nil at `end`, and where a file ends before its segment does.
    /// - Throws: ``WALFileError`` if a segment file is missing or can't be read.
    @_lifetime(&self)
    public mutating func next(before end: LSN) throws(WALFileError) -> RawSpan? {
        guard position < end else { return nil }
        try openFile()
        let size = directory.segmentSize
        let offset = size.offset(of: position)
        let toPageCut = UInt64(buffer.count - position.pageOffset)
        let wanted = min(toPageCut, size.bytes - offset, end.rawValue - position.rawValue)
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)])
        let count = try read(into: target, at: Int(offset))
        guard count > 0 else { return nil }
        position += UInt64(count)
        let chunk = UnsafeRawBufferPointer(rebasing: target[..<count])
        let span = RawSpan(_unsafeBytes: chunk)
        return _overrideLifetime(span, mutating: &self)
    }

    private func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(WALFileError) -> Int {
        try file?.read(into: target, at: offset) ?? 0
    }

    private mutating func openFile() throws(WALFileError) {
        let number = directory.segmentSize.segmentNumber(of: position)
        if openSegment == number { return }
        guard let segment = directory.segment(holding: position) else {
            let name = WALFileName(
                timelineID: directory.timelineID,
                segmentNumber: number,
                segmentSize: directory.segmentSize
            )
            throw .missingSegment(
                lsn: position,
                timelineID: directory.timelineID,
                name: name?.description ?? "\(number)"
            )
        }
        file = try FileDescriptor(reading: directory.path(of: segment))
        openSegment = number
    }
}
