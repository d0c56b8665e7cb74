package import PostgresWAL

extension WALStore {
    /// Cuts the WAL at a record's end and makes it ready to be written behind that.
    ///
    /// The order matters, as a removed file can't be brought back. Whatever step fails, and wherever a crash hits, what
    /// the store claims is there:
    ///
    /// 1. Writes are refused from here on, and all positions become `end`.
    /// 2. Segments behind the one that holds `end` are removed, the last one first, so that what is left has no gap.
    /// 3. Older segments that are still `.partial` become complete: after a segment switch the next segment may begin
    ///    although this one was never written to its end.
    /// 4. The segment that holds `end` becomes `.partial`, or is made. A complete name never stands on cut WAL.
    /// 5. The folder is made durable.
    /// 6. That segment is cut at `end` and extended again by zeros, and made durable.
    /// 7. Writes are allowed.
    ///
    /// - Parameter end: the end of a record that is there, or the start of a timeline's WAL. A store that is ready to be
    ///   written there already is left alone.
    /// - Throws: ``WALStoreError``. Nothing has changed if `end` is refused; otherwise writes are refused until a
    ///   truncation succeeds.
    ///
    /// Source: `safekeeper-core.md` §3.4.
    package func truncate(to end: LSN) throws(WALStoreError) {
        try checkPosition(end)
        if positions.writeRecordLSN.isValid && end > positions.writeRecordLSN {
            throw .truncationBeyondEnd(writeRecordLSN: positions.writeRecordLSN, end: end)
        }
        if isReady(at: end) { return }
        let start = ContinuousClock.now
        // Below, `end` is claimed to be durable.
        if end > positions.flushRecordLSN { try flush() }
        isTruncationPending = true
        positions = WALPositions(allAt: end)
        try resetTracker(to: end)
        closeOpenSegment()
        do throws(StorageError) {
            try cutFiles(at: end)
        } catch {
            closeOpenSegment()
            throw .storage(error)
        }
        isTruncationPending = false
        mayHaveTail = false
        files.observer?.finished(.truncate, in: ContinuousClock.now - start)
        checkInvariants()
    }

    /// Whether truncating would change nothing: the end is there, and neither a write nor a rename failed before.
    private func isReady(at end: LSN) -> Bool {
        let isSegmentUnfinished = openSegment.map { $0.number != segmentSize.segmentNumber(of: end) } ?? false
        return !isTruncationPending && !mayHaveTail && !isSegmentUnfinished && positions == WALPositions(allAt: end)
    }

    private func cutFiles(at end: LSN) throws(StorageError) {
        let last = segmentSize.segmentNumber(of: end)
        let names = try files.list()
        for name in names.reversed() where name.segmentNumber > last {
            try files.fileSystem.unlinkIfPresent(files.directory + "/" + name.description)
        }
        for name in names where name.segmentNumber < last && name.isPartial {
            try complete(segment: name.segmentNumber)
        }
        let present = names.filter { $0.segmentNumber == last }
        let partial = files.path(ofSegment: last, isPartial: true)
        if let complete = present.first(where: { !$0.isPartial }) {
            let path = files.directory + "/" + complete.description
            if present.count == 1 {
                try files.fileSystem.rename(path, to: partial)
            } else {
                try files.fileSystem.unlink(path)
            }
        }
        if present.isEmpty { try files.create(segment: last) }
        try files.synchronizeDirectory()
        let file = try files.fileSystem.open(partial, .readWrite)
        openSegment = OpenSegment(number: last, file: file)
        try files.fileSystem.setLength(of: file, to: segmentSize.offset(of: end))
        try files.setFullLength(of: file)
        if !files.noSync { try files.fileSystem.synchronize(file) }
    }

    /// Gives a `.partial` segment the name of a complete one, and its length if that is missing.
    private func complete(segment number: UInt64) throws(StorageError) {
        let partial = files.path(ofSegment: number, isPartial: true)
        try files.fileSystem.with(partial, .readWrite) { (file) throws(StorageError) in
            if try files.fileSystem.length(of: file) < segmentSize.bytes { try files.setFullLength(of: file) }
            if !files.noSync { try files.fileSystem.synchronize(file) }
        }
        try files.fileSystem.rename(partial, to: files.path(ofSegment: number, isPartial: false))
    }
}
