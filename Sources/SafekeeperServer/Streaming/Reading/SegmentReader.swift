package import PostgresWAL

/// Reads WAL from segment files, one after the other, and keeps the last one open.
///
/// Only for WAL that is not going to be truncated away, that is, committed WAL: a file that was removed and made anew would
/// go unnoticed. A file that is renamed, when its segment is complete, stays the same file. Removed files can be read to
/// their end by whoever has them open. All calls block.
package struct SegmentReader: ~Copyable {
    /// The files.
    package let files: SegmentFiles
    private var open: (number: UInt64, file: OpenFile)?

    package init(_ files: SegmentFiles) {
        self.files = files
    }

    deinit {
        if let open { files.fileSystem.close(open.file) }
    }

    /// Closes the file that is open.
    package mutating func close() {
        if let open { files.fileSystem.close(open.file) }
        open = nil
    }

    /// Reads WAL, up to the end of a segment.
    ///
    /// - Parameters:
    ///   - buffer: where to put it.
    ///   - lsn: the position of the first byte.
    /// - Returns: bytes read, as by ``SegmentFiles/read(into:at:)``.
    /// - Throws: ``WALStoreError`` if the segment isn't there or can't be read.
    package mutating func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at lsn: LSN
    ) throws(WALStoreError) -> Int {
        let number = files.segmentSize.segmentNumber(of: lsn)
        let offset = files.segmentSize.offset(of: lsn)
        let count = min(UInt64(buffer.count), files.segmentSize.bytes - offset)
        let file: OpenFile?
        do throws(StorageError) {
            file = try openFile(ofSegment: number)
        } catch {
            throw .storage(error)
        }
        guard let file else { throw .missingSegment(lsn: lsn, path: files.path(ofSegment: number, isPartial: false)) }
        do throws(StorageError) {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)])
            return try files.fileSystem.read(into: target, from: file, at: offset)
        } catch {
            throw .storage(error)
        }
    }

    private mutating func openFile(ofSegment number: UInt64) throws(StorageError) -> OpenFile? {
        if let open, open.number == number { return open.file }
        close()
        guard let file = try files.openForReading(segment: number) else { return nil }
        open = (number, file)
        return file
    }
}
