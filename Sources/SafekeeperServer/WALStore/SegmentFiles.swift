package import PostgresWAL

/// How space for a new segment is taken.
package enum SegmentAllocation: Hashable, Sendable {
    /// Blocks are taken as they are written, and at most 4 MiB ahead of bulk WAL: a full disk shows in the middle of a
    /// segment.
    case sparse
    /// All blocks are taken when the segment is made: a full disk shows only then.
    case preallocated
}

/// The segment files in a timeline's folder: their names, and what is done to them as a whole.
///
/// A segment has the suffix `.partial` until it is complete; both kinds are as long as a segment. Where both names are
/// there the `.partial` file is the one that counts. The PostgreSQL timeline is always 1.
///
/// Source: `safekeeper-core.md` §4.1.
package struct SegmentFiles: Sendable {
    /// Where the folder is.
    package let fileSystem: any FileSystem
    /// The timeline's folder.
    package let directory: String
    /// The segment size.
    package let segmentSize: WALSegmentSize
    /// How space for a new segment is taken.
    package let allocation: SegmentAllocation
    /// Whether to leave out all synchronization.
    package let noSync: Bool
    /// Who is told how long things take.
    package let observer: (any StorageObserver)?

    /// The PostgreSQL timeline of all segments.
    package static let timelineID: UInt32 = 1
    /// The name of a segment that is being made.
    package static let temporaryName = "waltmp"

    package init(
        directory: String,
        of fileSystem: any FileSystem,
        segmentSize: WALSegmentSize,
        allocation: SegmentAllocation = .sparse,
        noSync: Bool = false,
        observer: (any StorageObserver)? = nil
    ) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.segmentSize = segmentSize
        self.allocation = allocation
        self.noSync = noSync
        self.observer = observer
    }

    /// The path of a segment; `number` is that of a valid LSN.
    package func path(ofSegment number: UInt64, isPartial: Bool) -> String {
        let name = WALFileName(
            timelineID: Self.timelineID,
            segmentNumber: number,
            segmentSize: segmentSize,
            isPartial: isPartial
        )
        guard let name else { preconditionFailure("no LSN lies in segment \(number)") }
        return directory + "/" + name.description
    }

    /// The segments that are there, in the order of their numbers, the complete one of two first.
    package func list() throws(StorageError) -> [WALFileName] {
        try fileSystem.list(directory)
            .compactMap { WALFileName($0, segmentSize: segmentSize) }
            .filter { $0.timelineID == Self.timelineID }
            .sorted { ($0.segmentNumber, $0.description) < ($1.segmentNumber, $1.description) }
    }

    /// Opens a segment for reading under either name; nil if it isn't there.
    package func openForReading(segment number: UInt64) throws(StorageError) -> OpenFile? {
        // A segment that becomes complete between the two attempts is found by the second, one that is truncated by the
        // third.
        for isPartial in [true, false, true] {
            let path = path(ofSegment: number, isPartial: isPartial)
            if let file = try fileSystem.openIfPresent(path, .read) { return file }
        }
        return nil
    }

    /// Makes a `.partial` segment of zeros, or puts one in the place of another.
    ///
    /// It gets its name only once it is as long as a segment and durable, so no crash leaves a short one.
    ///
    /// - Parameters:
    ///   - number: the segment's number.
    ///   - contents: what it holds besides zeros.
    ///   - operation: what it is made for.
    /// - Throws: ``StorageError``; there is then no such file, or a whole one.
    package func create(
        segment number: UInt64,
        holding contents: [SegmentBytes] = [],
        as operation: SegmentOperation = .initializeSegment
    ) throws(StorageError) {
        let start = ContinuousClock.now
        let temporary = directory + "/" + Self.temporaryName
        try fileSystem.with(temporary, .create) { (file) throws(StorageError) in
            try setFullLength(of: file)
            for piece in contents {
                try fileSystem.write(piece.bytes.span.bytes, to: file, at: piece.offset)
            }
            if !noSync { try fileSystem.synchronize(file) }
        }
        let path = path(ofSegment: number, isPartial: true)
        try fileSystem.rename(temporary, to: path)
        do throws(StorageError) {
            try synchronizeDirectory()
        } catch {
            // A name that may not be durable must not be written under.
            try? fileSystem.unlink(path)
            throw error
        }
        observer?.finished(operation, in: ContinuousClock.now - start)
    }

    /// Gives a file the length of a segment.
    func setFullLength(of file: OpenFile) throws(StorageError) {
        try fileSystem.setLength(of: file, to: segmentSize.bytes)
        if allocation == .preallocated { try fileSystem.preallocate(file, length: segmentSize.bytes) }
    }

    func synchronizeDirectory() throws(StorageError) {
        if !noSync { try fileSystem.synchronizeDirectory(directory) }
    }

    /// Removes the segments that end at or before `horizon`, complete or not, from the oldest on.
    ///
    /// The names' removal is not made durable: a crash may bring some back, and the next call removes them again. Safe
    /// to call beside a ``WALStore`` on the same folder, if `horizon` is not behind what it has flushed.
    ///
    /// - Parameter horizon: the first position that must stay.
    /// - Returns: how many files were removed.
    /// - Throws: ``StorageError``; some may have been removed by then.
    ///
    /// Source: `safekeeper-core.md` §4.6.
    @discardableResult
    package func removeSegments(before horizon: LSN) throws(StorageError) -> Int {
        let start = ContinuousClock.now
        let first = segmentSize.segmentNumber(of: horizon)
        var count = 0
        for name in try list() where name.segmentNumber < first {
            try fileSystem.unlinkIfPresent(directory + "/" + name.description)
            count += 1
        }
        observer?.finished(.removeSegments, in: ContinuousClock.now - start)
        return count
    }

    /// Reads WAL back, up to the end of a segment.
    ///
    /// What was never written reads as zeros.
    ///
    /// - Parameters:
    ///   - buffer: where to put it.
    ///   - lsn: the position of the first byte.
    /// - Returns: bytes read: as many as fit, but not past the segment's end; 0 only for an empty buffer or at the end
    ///   of a file that is too short.
    /// - Throws: ``WALStoreError`` if the segment isn't there or can't be read.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at lsn: LSN) throws(WALStoreError) -> Int {
        var reader = SegmentReader(self)
        return try reader.read(into: buffer, at: lsn)
    }
}

/// Bytes at an offset of a segment.
package struct SegmentBytes: Hashable, Sendable {
    /// Where they begin.
    package let offset: UInt64
    /// The bytes.
    package let bytes: [UInt8]

    package init(offset: UInt64, bytes: [UInt8]) {
        self.offset = offset
        self.bytes = bytes
    }
}
