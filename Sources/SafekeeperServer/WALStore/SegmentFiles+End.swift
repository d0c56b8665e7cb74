package import PostgresWAL

extension SegmentFiles {
    /// Bytes read at once when looking for the end of the WAL.
    private static let chunkSize = 128 << 10

    /// Looks for the end of the WAL.
    ///
    /// Records are decoded until a file is missing or ends, or until what comes next is no record: WAL that was never
    /// written, or written only in part, looks like that. Whatever is read is made durable first, because a process that
    /// was killed may have left it in the system's memory only. A file that can't be read is an error, not an end.
    ///
    /// - Parameters:
    ///   - version: the version whose WAL this is.
    ///   - start: where a record starts, or the first one is to start.
    /// - Returns: where the next record is to start: `start` or behind it.
    /// - Throws: ``WALStoreError`` if no record can start at `start`, or a file can't be read.
    ///
    /// Source: `safekeeper-core.md` §4.2.
    package func endOfWAL(version: PostgresMajorVersion, from start: LSN) throws(WALStoreError) -> LSN {
        var tracker: RecordTracker
        do throws(WALDecodeError) {
            tracker = try RecordTracker(version: version, segmentSize: segmentSize, startingAt: start)
        } catch {
            throw .invalidPosition(start)
        }
        var end = start
        do throws(StorageError) {
            try synchronizeDirectory()
            var position = start
            while let next = try follow(from: position, tracker: &tracker, end: &end) { position = next }
        } catch {
            throw .storage(error)
        }
        return end
    }

    /// Decodes to the end of a segment; gives the next segment's start, or nil if the WAL has ended.
    private func follow(
        from start: LSN,
        tracker: inout RecordTracker,
        end: inout LSN
    ) throws(StorageError) -> LSN? {
        guard let file = try openForReading(segment: segmentSize.segmentNumber(of: start)) else { return nil }
        defer { fileSystem.close(file) }
        if !noSync { try fileSystem.synchronize(file) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkSize, alignment: WALPage.size)
        defer { buffer.deallocate() }
        var offset = segmentSize.offset(of: start)
        while offset < segmentSize.bytes {
            let wanted = Int(min(UInt64(buffer.count), segmentSize.bytes - offset))
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try fileSystem.read(into: target, from: file, at: offset)
            do throws(WALDecodeError) {
                let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: target[..<count]))
                try tracker.take(bytes, recordEnd: &end)
            } catch {
                return nil
            }
            if count < wanted { return nil }
            offset += UInt64(count)
        }
        return segmentSize.segmentStart(of: start) + segmentSize.bytes
    }
}
