package import PostgresWAL

/// What stands in a timeline's first segment before its first record.
///
/// WAL rarely begins at a segment's start. Tools that read the file expect page headers all the same, so the segment's
/// first page and the page on which WAL begins get one; the latter claims that what is missing of the page continues a
/// record, which makes `pg_waldump` accept it.
///
/// Source: `safekeeper-core.md` §4.4.
enum FirstSegment {
    /// The headers for WAL that begins at `start`.
    static func contents(
        start: LSN,
        systemIdentifier: UInt64,
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize
    ) -> [SegmentBytes] {
        let segmentStart = segmentSize.segmentStart(of: start)
        let long = WALPageHeader.LongPart(
            systemIdentifier: systemIdentifier,
            segmentSize: UInt32(segmentSize.bytes)
        )
        var pages = [segmentStart]
        if start.pageStart != segmentStart { pages.append(start.pageStart) }
        return pages.map { page in
            let isFirst = page == segmentStart
            let headerSize = isFirst ? WALPage.longHeaderSize : WALPage.shortHeaderSize
            let isContinued = page == start.pageStart && start.pageOffset >= headerSize
            var flags: UInt16 = isContinued ? WALPageHeader.Flag.firstIsContinuation : 0
            if isFirst { flags |= WALPageHeader.Flag.longHeader }
            let header = WALPageHeader(
                magic: version.pageMagic,
                flags: flags,
                timelineID: SegmentFiles.timelineID,
                pageAddress: page,
                remainingLength: isContinued ? UInt32(start.pageOffset - headerSize) : 0,
                long: isFirst ? long : nil
            )
            var bytes: [UInt8] = []
            header.append(to: &bytes)
            return SegmentBytes(offset: segmentSize.offset(of: page), bytes: bytes)
        }
    }
}

extension WALStore {
    /// Makes a timeline's first segment, with headers on the pages that matter.
    ///
    /// Only for a timeline whose WAL begins where its first proposer says. ``truncate(to:)`` at `start` follows.
    ///
    /// - Parameters:
    ///   - start: where WAL begins.
    ///   - systemIdentifier: the server's; 0 if nobody has said it yet, see ``adopt(systemIdentifier:localStart:)``.
    /// - Throws: ``WALStoreError``; the store still holds nothing then.
    package func initializeFirstSegment(at start: LSN, systemIdentifier: UInt64) throws(WALStoreError) {
        guard !positions.writeLSN.isValid else { throw .alreadyInitialised(writeLSN: positions.writeLSN) }
        try checkPosition(start)
        let contents = FirstSegment.contents(
            start: start,
            systemIdentifier: systemIdentifier,
            version: version,
            segmentSize: segmentSize
        )
        do throws(StorageError) {
            try files.create(
                segment: segmentSize.segmentNumber(of: start),
                holding: contents,
                as: .initializeFirstSegment
            )
        } catch {
            throw .storage(error)
        }
    }

    /// Puts the system identifier into a first segment that was made without.
    ///
    /// A timeline may be synchronized before any server has said its identifier. Without this, safekeepers with the same
    /// WAL would keep different bytes for good.
    ///
    /// - Parameters:
    ///   - systemIdentifier: the server's.
    ///   - localStart: where this safekeeper's WAL begins.
    /// - Returns: whether the segment's header was changed: not if it isn't there, has none or has an identifier.
    /// - Throws: ``WALStoreError/storage(_:)``; to be repeated then.
    @discardableResult
    package func adopt(systemIdentifier: UInt64, localStart: LSN) throws(WALStoreError) -> Bool {
        guard localStart.isValid, systemIdentifier != 0 else { return false }
        let number = segmentSize.segmentNumber(of: localStart)
        do throws(StorageError) {
            for isPartial in [true, false] {
                let path = files.path(ofSegment: number, isPartial: isPartial)
                guard let file = try files.fileSystem.openIfPresent(path, .readWrite) else { continue }
                defer { files.fileSystem.close(file) }
                return try setSystemIdentifier(systemIdentifier, in: file)
            }
            return false
        } catch {
            throw .storage(error)
        }
    }

    private func setSystemIdentifier(_ systemIdentifier: UInt64, in file: OpenFile) throws(StorageError) -> Bool {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: WALPage.longHeaderSize, alignment: 8)
        defer { bytes.deallocate() }
        let count = try files.fileSystem.read(into: bytes, from: file, at: 0)
        let read = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        guard let header = WALPageHeader(reading: read), let long = header.long else { return false }
        guard header.magic == version.pageMagic && long.systemIdentifier == 0 else { return false }
        var identifier: [UInt8] = []
        identifier.appendLittleEndian(systemIdentifier)
        // The identifier is the long header's first field.
        try files.fileSystem.write(identifier.span.bytes, to: file, at: UInt64(WALPage.shortHeaderSize))
        if !files.noSync { try files.fileSystem.synchronizeData(of: file) }
        return true
    }
}
