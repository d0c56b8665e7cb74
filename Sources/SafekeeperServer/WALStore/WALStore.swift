package import NIOCore
package import PostgresWAL

/// The WAL of one timeline on disk.
///
/// Segments are complete or `.partial`, and only the last one is written to. Bytes are written in place; a segment's
/// length never changes while it is written, so synchronizing it needs no more than `fdatasync`.
///
/// What is made durable when, all of it; with ``SegmentFiles/noSync`` these steps are left out and the order of the
/// others stays:
///
/// - Opening: the folder's names, and each file that is read in search of the end, as what is found is reported as
///   durable; a `.partial` one after it was written once more (``SegmentFiles/endOfWAL(version:from:)`` says why).
/// - A new segment: its length under the name `waltmp`, and the folder after the rename. So a `.partial` file is never
///   short, and bytes synchronized in it can't vanish with its name.
/// - A full segment: its bytes, before it loses the suffix; ``WALPositions/flushLSN`` moves to its end. The new name waits
///   for the next segment's folder synchronization, as either name will do. That makes three for each segment.
/// - ``flush()``: the bytes of the one open segment; all others are complete and durable. The system was asked to begin
///   with them before (``OpenSegment``), which makes nothing durable and shortens the wait.
/// - ``truncate(to:)``: older `.partial` segments that become complete; the folder, once names have gone or changed; the
///   segment that was cut. WAL that was removed must not come back once newer WAL is written.
/// - Removal: nothing. A segment that comes back is removed again.
///
/// Errors, and what they leave:
///
/// - A write that fails (a full disk) leaves ``WALPositions/writeLSN`` behind the last byte that is known to be written,
///   and the file open. The same bytes can be written again from there, nothing that was written needs to be sent
///   again, and ``flush()`` works for what there is. What may stand behind it is cut off by the next truncation. New
///   segments are sparse by default, so a full disk can show in the middle of one; with
///   ``SegmentAllocation/preallocated`` it shows only when a segment is made.
/// - A synchronization that fails leaves bytes in doubt that can't be synchronized by trying again. The store goes back
///   to what is durable, forgets the rest and refuses writes until ``truncate(to:)`` has cut the files to that.
/// - WAL that can't be decoded was already written: writes are refused until it is truncated away.
/// - A truncation that fails is repeated; until it succeeds writes are refused, and only WAL before its end counts.
///
/// After each of them the store can be used; none needs a restart. Not safe to use from several tasks at once: a
/// timeline's actor owns it, on a thread that may block.
///
/// Source: `safekeeper-core.md` §3.1, §3.4, §4.
package final class WALStore {
    /// How far the WAL has got.
    package internal(set) var positions: WALPositions
    /// Whether writes are refused until a truncation has succeeded.
    ///
    /// So it is after opening: behind the end that was found there may be rests of records.
    package internal(set) var isTruncationPending = true
    /// The segments' files.
    package let files: SegmentFiles
    /// The version whose WAL this is.
    package let version: PostgresMajorVersion

    /// The one segment that is written to; everything in others is durable.
    var openSegment: OpenSegment?
    /// Whether a write failed, so that WAL nobody counts may stand behind ``WALPositions/writeLSN``.
    var mayHaveTail = false
    private var tracker: RecordTracker

    /// The segment size.
    package var segmentSize: WALSegmentSize { files.segmentSize }

    /// Opens a timeline's WAL and looks for its end.
    ///
    /// - Parameters:
    ///   - files: its files.
    ///   - version: the version whose WAL this is.
    ///   - commitLSN: the end of some record that is there, from which to look; the start of the WAL if there is none
    ///     yet; invalid if not even that is known, and then nothing is looked for.
    /// - Throws: ``WALStoreError`` if `commitLSN` can't be the end of a record, or the files can't be read.
    package init(
        opening files: SegmentFiles,
        version: PostgresMajorVersion,
        commitLSN: LSN
    ) throws(WALStoreError) {
        self.files = files
        self.version = version
        let end = commitLSN.isValid ? try files.endOfWAL(version: version, from: commitLSN) : .invalid
        positions = WALPositions(allAt: end)
        do throws(WALDecodeError) {
            tracker = try RecordTracker(version: version, segmentSize: files.segmentSize, startingAt: end)
        } catch {
            throw .invalidPosition(end)
        }
    }

    deinit {
        if let openSegment { files.fileSystem.close(openSegment.file) }
    }

    /// Whether a record can end, and WAL be cut, at `lsn`.
    func checkPosition(_ lsn: LSN) throws(WALStoreError) {
        do throws(WALDecodeError) {
            guard lsn.isValid else { throw WALDecodeError(lsn: lsn, reason: .startPosition) }
            _ = try RecordTracker(version: version, segmentSize: segmentSize, startingAt: lsn)
        } catch {
            throw .invalidPosition(lsn)
        }
    }

    func resetTracker(to lsn: LSN) throws(WALStoreError) {
        do throws(WALDecodeError) {
            try tracker.reset(to: lsn)
        } catch {
            throw .invalidPosition(lsn)
        }
    }
}

// MARK: - Writing

extension WALStore {
    /// Writes WAL behind what there is.
    ///
    /// - Parameters:
    ///   - bytes: any number of them.
    ///   - lsn: the position of the first one: ``WALPositions/writeLSN``.
    /// - Throws: ``WALStoreError``. Part of the bytes may have been written: ``positions`` says how many.
    package func write(_ bytes: RawSpan, at lsn: LSN) throws(WALStoreError) {
        try checkWrite(of: bytes.byteCount, at: lsn)
        let start = ContinuousClock.now
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.extracting(first: min(rest.byteCount, room))
            try append(part.byteCount) { (file, offset) throws(StorageError) in
                try files.fileSystem.write(part, to: file, at: offset)
            } track: { (tracker, end) throws(WALDecodeError) in
                try tracker.take(part, recordEnd: &end)
            }
            rest = rest.extracting(droppingFirst: part.byteCount)
        }
        files.observer?.wrote(bytes: bytes.byteCount, in: ContinuousClock.now - start)
    }

    /// Writes WAL that lies in pieces behind what there is, with one call if all of it belongs to one segment.
    ///
    /// - Parameters:
    ///   - pieces: one behind the other.
    ///   - lsn: the position of the first byte: ``WALPositions/writeLSN``.
    /// - Throws: as ``write(_:at:)-(RawSpan,_)``.
    package func write(_ pieces: [ByteBuffer], at lsn: LSN) throws(WALStoreError) {
        let count = pieces.reduce(0) { $0 + $1.readableBytes }
        try checkWrite(of: count, at: lsn)
        guard count <= room else {
            for piece in pieces { try write(piece.readableBytesSpan, at: positions.writeLSN) }
            return
        }
        let start = ContinuousClock.now
        try append(count) { (file, offset) throws(StorageError) in
            try files.fileSystem.write(pieces, to: file, at: offset)
        } track: { (tracker, end) throws(WALDecodeError) in
            for piece in pieces { try tracker.take(piece.readableBytesSpan, recordEnd: &end) }
        }
        files.observer?.wrote(bytes: count, in: ContinuousClock.now - start)
    }

    private func checkWrite(of count: Int, at lsn: LSN) throws(WALStoreError) {
        guard !isTruncationPending else { throw .truncationPending(writeLSN: positions.writeLSN, lsn: lsn) }
        if lsn < positions.writeLSN { throw .rewrite(writeLSN: positions.writeLSN, lsn: lsn) }
        if lsn > positions.writeLSN { throw .gap(writeLSN: positions.writeLSN, lsn: lsn) }
        // Keeps every sum below 2^64, here and in the decoder.
        guard UInt64.max - lsn.rawValue >= UInt64(count) + 4 * segmentSize.bytes else { throw .invalidPosition(lsn) }
    }

    /// Bytes that the segment being written still takes.
    private var room: Int { Int(segmentSize.bytes - segmentSize.offset(of: positions.writeLSN)) }

    /// Writes bytes that lie in one segment, and looks for the ends of records in them.
    private func append(
        _ count: Int,
        write: (OpenFile, UInt64) throws(StorageError) -> Void,
        track: (inout RecordTracker, inout LSN) throws(WALDecodeError) -> Void
    ) throws(WALStoreError) {
        let start = positions.writeLSN
        let number = segmentSize.segmentNumber(of: start)
        let file: OpenFile?
        do throws(StorageError) {
            file = try fileForWriting(segment: number)
        } catch {
            throw .storage(error)
        }
        guard let file else {
            throw .segmentIsComplete(path: files.path(ofSegment: number, isPartial: false))
        }
        openSegment?.reserve(count, at: segmentSize.offset(of: start), in: files)
        do throws(StorageError) {
            try write(file, segmentSize.offset(of: start))
        } catch {
            mayHaveTail = true
            throw .storage(error)
        }
        positions.writeLSN += UInt64(count)
        do throws(WALDecodeError) {
            try track(&tracker, &positions.writeRecordLSN)
        } catch {
            isTruncationPending = true
            throw .decode(error)
        }
        if segmentSize.isSegmentStart(positions.writeLSN) {
            do throws(StorageError) {
                try finishOpenSegment()
            } catch {
                throw .storage(error)
            }
        } else if !files.noSync {
            openSegment?.startWriteback(from: positions.flushLSN, to: positions.writeLSN, in: files)
        }
        checkInvariants()
    }

    /// The open segment's file, if need be after opening or making it; nil if the segment is complete.
    private func fileForWriting(segment number: UInt64) throws(StorageError) -> OpenFile? {
        if let openSegment, openSegment.number == number { return openSegment.file }
        // A segment that could not be finished when it became full.
        try finishOpenSegment()
        let path = files.path(ofSegment: number, isPartial: true)
        if let file = try files.fileSystem.openIfPresent(path, .readWrite) {
            // Left by an attempt to make it that failed so badly that it could not be removed.
            do throws(StorageError) {
                try files.synchronizeDirectory()
            } catch {
                files.fileSystem.close(file)
                throw error
            }
            openSegment = OpenSegment(number: number, file: file)
            return file
        }
        let complete = files.path(ofSegment: number, isPartial: false)
        if let file = try files.fileSystem.openIfPresent(complete, .read) {
            files.fileSystem.close(file)
            return nil
        }
        try files.create(segment: number)
        let file = try files.fileSystem.open(path, .readWrite)
        openSegment = OpenSegment(number: number, file: file)
        return file
    }

    /// Makes the open segment, which is full, durable and gives it the name of a complete one.
    private func finishOpenSegment() throws(StorageError) {
        guard let segment = openSegment else { return }
        try synchronizeOpenSegment()
        try files.fileSystem.rename(
            files.path(ofSegment: segment.number, isPartial: true),
            to: files.path(ofSegment: segment.number, isPartial: false)
        )
        closeOpenSegment()
    }
}

// MARK: - Flushing

extension WALStore {
    /// Makes all whole records that were written durable.
    ///
    /// Does nothing if there are no more of them than there were; bytes of an unfinished record are no reason to.
    ///
    /// - Throws: ``WALStoreError/storage(_:)``; what was not durable before is then forgotten.
    package func flush() throws(WALStoreError) {
        guard positions.flushRecordLSN < positions.writeRecordLSN else { return }
        do throws(StorageError) {
            try synchronizeOpenSegment()
        } catch {
            throw .storage(error)
        }
        checkInvariants()
    }

    private func synchronizeOpenSegment() throws(StorageError) {
        if positions.flushLSN < positions.writeLSN {
            guard let openSegment else { preconditionFailure("WAL was written to a file that is not open") }
            do throws(StorageError) {
                let start = ContinuousClock.now
                if !files.noSync { try files.fileSystem.synchronizeData(of: openSegment.file) }
                files.observer?.flushed(in: ContinuousClock.now - start)
            } catch {
                goBack(to: positions.flushRecordLSN)
                throw error
            }
        }
        positions.flushLSN = positions.writeLSN
        positions.flushRecordLSN = positions.writeRecordLSN
    }

    /// Holds nothing any more: for WAL whose start was never decided.
    ///
    /// Its files may stay until others take their place.
    package func forget() {
        goBack(to: .invalid)
    }

    /// Knows of no WAL behind `end`, and refuses writes until the files have been cut too.
    private func goBack(to end: LSN) {
        isTruncationPending = true
        positions = WALPositions(allAt: end)
        closeOpenSegment()
    }

    func closeOpenSegment() {
        if let openSegment { files.fileSystem.close(openSegment.file) }
        openSegment = nil
    }

    func checkInvariants() {
        precondition(positions.areConsistent(segmentSize: segmentSize), "WAL positions in disorder: \(positions)")
        precondition(
            positions.flushLSN == positions.writeLSN || openSegment != nil,
            "WAL up to \(positions.writeLSN) was written to a file that is not open"
        )
    }
}
