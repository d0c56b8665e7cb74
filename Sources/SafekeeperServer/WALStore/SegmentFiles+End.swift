package import PostgresWAL

extension SegmentFiles {
    /// Bytes read at once when looking for the end of the WAL.
    private static let chunkSize = 128 << 10

    /// Looks for the end of the WAL.
    ///
    /// Records are decoded until a file is missing or ends, or until what comes next is no record: WAL that was never
    /// written, or written only in part, looks like that. A file that can't be read is an error, not an end.
    ///
    /// What is found is durable afterwards. A process that was killed may have left it in the system's memory only. There
    /// it may even be counted as written although it isn't: a failed synchronization leaves bytes that everybody can read
    /// and that the system will never write. So what is read of a `.partial` segment is written again and synchronized; a
    /// complete one was synchronized before it got its name.
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
        guard let (file, isPartial) = try openFound(segment: segmentSize.segmentNumber(of: start)) else { return nil }
        defer { fileSystem.close(file) }
        let segmentStart = segmentSize.segmentStart(of: start)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkSize, alignment: WALPage.size)
        defer { buffer.deallocate() }
        var offset = segmentSize.offset(of: start)
        var hasEnded = false
        while offset < segmentSize.bytes && !hasEnded {
            let wanted = Int(min(UInt64(buffer.count), segmentSize.bytes - offset))
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try fileSystem.read(into: target, from: file, at: offset)
            let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: target[..<count]))
            var found = count
            do throws(WALDecodeError) {
                try tracker.take(bytes, recordEnd: &end)
            } catch {
                // Only whole records are there.
                found = Int(min(UInt64(count), end.distance(from: segmentStart + offset) ?? 0))
                hasEnded = true
            }
            let records = bytes.extracting(first: found)
            // Zeros behind a segment switch are left alone: they may take no space yet.
            if isPartial && !noSync && !records.isAllZeros {
                try fileSystem.write(records, to: file, at: offset)
            }
            hasEnded = hasEnded || count < wanted
            offset += UInt64(count)
        }
        if !noSync { try fileSystem.synchronize(file) }
        return hasEnded ? nil : segmentStart + segmentSize.bytes
    }

    private func openFound(segment number: UInt64) throws(StorageError) -> (file: OpenFile, isPartial: Bool)? {
        for isPartial in [true, false] {
            let path = path(ofSegment: number, isPartial: isPartial)
            if let file = try fileSystem.openIfPresent(path, isPartial ? .readWrite : .read) {
                return (file, isPartial)
            }
        }
        return nil
    }
}
