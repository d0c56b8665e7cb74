private import CChecksum

/// Takes WAL as it comes, in pieces of any size, and gives whole records.
///
/// ```
/// var decoder = try WALStreamDecoder(version: .v16, startingAt: start)
/// var input = chunk.span.bytes
/// while let record = try decoder.next(&input) {
///     // record.bytes is valid until the next call
/// }
/// // input is empty now; an unfinished record waits inside the decoder
/// ```
///
/// A record that lies in one piece and on one page is handed out in place; others are put together in a buffer that is
/// used again. Page headers are validated, CRCs checked. Memory: the buffer holds what has arrived of one record, so
/// at most the longest legal record, whatever a corrupt length says. After an error the decoder repeats that error
/// until it is reset.
///
/// Neither the system identifier, the timeline nor the previous-record link are checked: those depend on what the
/// caller knows.
///
/// Source: `wal-decoding.md` §5 to §7.
public struct WALStreamDecoder: ~Copyable {
    /// The version whose WAL this is.
    public let version: PostgresMajorVersion
    /// The cluster's segment size.
    public let segmentSize: WALSegmentSize
    /// The longest record that is accepted, in bytes.
    public let maximumRecordLength: Int

    /// The LSN of the next byte that has not been taken; between two records the end of the last one, unpadded.
    ///
    /// While only a part of a page's header is there, this stays at the page's start although that part has been taken.
    public var position: LSN { cursor }

    @usableFromInline
    var cursor: LSN
    /// Bytes before this LSN are passed over: padding, or the rest of a segment after a switch.
    @usableFromInline
    var resumeAt: LSN
    /// Set while a record or a page header is incomplete, or something else has to be looked after before a record
    /// may be handed out in place.
    @usableFromInline
    var isInterrupted = false
    private var assembly = AssemblyBuffer()
    private var recordStart: LSN = .invalid
    /// The declared length of the record that is being assembled; 0 before it is known.
    private var recordLength = 0
    private var isAssembling = false
    /// The start of a record whose rest was lost in a crash, until the record that says so has been seen.
    private var abandonedRecord: LSN?
    private var header = PageHeaderStage()
    private var failure: WALDecodeError?

    /// Makes a decoder that begins at a record's start.
    ///
    /// - Parameters:
    ///   - version: the version whose WAL this is.
    ///   - segmentSize: the cluster's segment size.
    ///   - start: a multiple of 8 behind a page's header, or a page's start.
    ///   - maximumRecordLength: longer records are refused; at least 8192, since records that lie on one page are
    ///     always accepted, and at most 1020 MiB, which is also the default.
    /// - Throws: `startPosition` if no record can start there.
    public init(
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize = .standard,
        startingAt start: LSN,
        maximumRecordLength: Int = WALRecord.maximumLength
    ) throws(WALDecodeError) {
        self.version = version
        self.segmentSize = segmentSize
        self.maximumRecordLength = min(max(maximumRecordLength, WALPage.size), WALRecord.maximumLength)
        cursor = start
        resumeAt = start
        try Self.check(start: start, segmentSize: segmentSize)
    }

    /// Forgets everything and begins anew at another record's start.
    ///
    /// - Parameter start: as in the initialiser.
    /// - Throws: `startPosition` if no record can start there; the decoder is then as it was.
    public mutating func reset(to start: LSN) throws(WALDecodeError) {
        try Self.check(start: start, segmentSize: segmentSize)
        cursor = start
        resumeAt = start
        isInterrupted = false
        isAssembling = false
        abandonedRecord = nil
        header.removeAll()
        assembly.removeAll()
        assembly.trim()
        failure = nil
    }

    /// Where decoding would have to begin again to lose nothing: the start of the first record not yet handed out.
    public var nextRecordStart: LSN {
        failure?.recordStart ?? (isAssembling ? recordStart : max(resumeAt, cursor))
    }

    /// Bytes that are allocated for a record in several pieces.
    package var assemblyCapacity: Int { assembly.capacity }

    /// Takes bytes off the front of `input` and gives the next whole record.
    ///
    /// - Parameter input: the bytes behind all that was taken so far; what was used is removed from its front.
    /// - Returns: the record, or nil when all of `input` was taken and no record is complete.
    /// - Throws: what is wrong with the WAL; the decoder can then only be reset.
    @inlinable
    @inline(__always)
    @_lifetime(copy input, &self)
    @_lifetime(input: copy input)
    public mutating func next(_ input: inout RawSpan) throws(WALDecodeError) -> WALRecord? {
        let padding = Int(truncatingIfNeeded: resumeAt.rawValue &- cursor.rawValue)
        if !isInterrupted, padding < input.byteCount, resumeAt.pageOffset != 0 {
            let rest = min(input.byteCount &- padding, resumeAt.remainingInPage)
            if rest >= WALRecord.headerSize {
                let length = Int(
                    input.unsafeLoadUnaligned(fromUncheckedByteOffset: padding, as: UInt32.self).littleEndian
                )
                if length >= WALRecord.headerSize, length <= rest {
                    let bytes = input.extracting(unchecked: padding..<padding &+ length)
                    input = input.extracting(unchecked: padding &+ length..<input.byteCount)
                    return try finish(bytes, start: resumeAt, end: resumeAt + UInt64(length))
                }
            }
        }
        return try assembleNext(&input)
    }
}

// MARK: - Records in one piece

extension WALStreamDecoder {
    /// Verifies a whole record and moves behind it.
    @inlinable
    @inline(__always)
    @_lifetime(copy bytes)
    mutating func finish(_ bytes: RawSpan, start: LSN, end: LSN) throws(WALDecodeError) -> WALRecord {
        cursor = end
        let computed = recordChecksum(bytes)
        let found = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 20, as: UInt32.self).littleEndian
        guard computed == found else {
            throw fail(checksumMismatch(bytes, start: start, found: found, computed: computed))
        }
        pass(end, kind: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 16, as: UInt16.self).littleEndian)
        return WALRecord(bytes: bytes, start: start, end: end, next: resumeAt)
    }

    /// Notes where the next record can start, behind one whose info and resource manager are `kind`.
    @inlinable
    @inline(__always)
    mutating func pass(_ end: LSN, kind: UInt16) {
        resumeAt = end.recordAligned
        if kind == Self.segmentSwitch {
            let offset = segmentSize.offset(of: end)
            if offset != 0 { resumeAt = end + (segmentSize.bytes - offset) }
        }
    }

    /// Info and resource manager of XLOG_SWITCH, as they stand in a record's header.
    ///
    /// The low info bits are not masked.
    @inlinable
    static var segmentSwitch: UInt16 { 0x0040 }

    /// A torn write leaves whole sectors of a record unwritten, so zeros from a sector's start to the record's end
    /// speak for one; so do other values for damage.
    @usableFromInline
    @inline(never)
    func checksumMismatch(_ bytes: RawSpan, start: LSN, found: UInt32, computed: UInt32) -> WALDecodeError {
        let sector: UInt64 = 512
        let lastSectorStart = (cursor - 1).rawValue & ~(sector - 1)
        let tail = Int(cursor.rawValue - lastSectorStart)
        var isTorn = lastSectorStart > start.rawValue && tail < bytes.byteCount
        if isTorn {
            for offset in bytes.byteCount - tail..<bytes.byteCount where bytes.byte(at: offset) != 0 {
                isTorn = false
                break
            }
        }
        return WALDecodeError(
            lsn: cursor,
            reason: .checksum(found: found, computed: computed),
            condition: isTorn ? .torn : .corrupt,
            recordStart: start
        )
    }

    @usableFromInline
    @inline(never)
    mutating func fail(_ error: WALDecodeError) -> WALDecodeError {
        failure = error
        isInterrupted = true
        return error
    }
}

// MARK: - Bounds only

extension WALStreamDecoder {
    /// Takes bytes off the front of `input` and says where the next whole record ends.
    ///
    /// Checks all that ``next(_:)`` checks, but doesn't put records together, which saves the copying. A stream is
    /// decoded either so or so.
    ///
    /// - Parameter input: as for ``next(_:)``.
    /// - Returns: where the record after it can start, or nil when all of `input` was taken and no record is complete.
    /// - Throws: what is wrong with the WAL; the decoder can then only be reset.
    @_lifetime(input: copy input)
    public mutating func nextBoundary(_ input: inout RawSpan) throws(WALDecodeError) -> LSN? {
        let padding = Int(truncatingIfNeeded: resumeAt.rawValue &- cursor.rawValue)
        if !isInterrupted, padding < input.byteCount, resumeAt.pageOffset != 0 {
            let rest = input.extracting(droppingFirst: padding)
                .extracting(first: resumeAt.remainingInPage)
            if rest.byteCount >= WALRecord.headerSize {
                let length: UInt32 = rest.littleEndian(at: 0)
                if length >= WALRecord.headerSize, length <= rest.byteCount {
                    let bytes = rest.extracting(first: Int(length))
                    input = input.extracting(droppingFirst: padding + Int(length))
                    return try finish(bytes, start: resumeAt, end: resumeAt + UInt64(length)).next
                }
            }
        }
        guard try assemble(&input, onlyChecking: true) else { return nil }
        let head = RawSpan(_unsafeBytes: assembly.bytes)
        try checkAbandoned(head)
        let computed = assembly.checksum
        let found: UInt32 = head.littleEndian(at: 20)
        guard computed == found else {
            throw fail(
                WALDecodeError(
                    lsn: cursor,
                    reason: .checksum(found: found, computed: computed),
                    condition: .corrupt,
                    recordStart: recordStart
                )
            )
        }
        pass(cursor, kind: head.littleEndian(at: 16))
        return resumeAt
    }
}

// MARK: - Records in several pieces

extension WALStreamDecoder {
    @usableFromInline
    @inline(never)
    @_lifetime(copy input, &self)
    @_lifetime(input: copy input)
    mutating func assembleNext(_ input: inout RawSpan) throws(WALDecodeError) -> WALRecord? {
        guard try assemble(&input, onlyChecking: false) else { return nil }
        let assembled = assembly.bytes
        let bytes = RawSpan(_unsafeBytes: assembled)
        try checkAbandoned(bytes)
        let record = try finish(bytes, start: recordStart, end: cursor)
        return _overrideLifetime(record, mutating: &self)
    }

    /// Takes bytes until a record is complete; gives whether one is.
    @_lifetime(input: copy input)
    private mutating func assemble(
        _ input: inout RawSpan,
        onlyChecking: Bool
    ) throws(WALDecodeError) -> Bool {
        if let failure { throw failure }
        while true {
            if cursor < resumeAt {
                let count = min(UInt64(input.byteCount), resumeAt.rawValue - cursor.rawValue)
                take(Int(count), of: &input)
                if cursor < resumeAt { return false }
            }
            if cursor.pageOffset == 0 {
                guard let pageHeader = takeHeader(&input) else { return false }
                try enterPage(pageHeader)
                continue
            }
            if !isAssembling {
                if input.isEmpty { return false }
                beginRecord(onlyChecking: onlyChecking)
            }
            precondition(assembly.isOnlyChecked == onlyChecking, "a record is begun and finished in two ways")
            if recordLength == 0 {
                guard try takeLength(&input) else { return false }
            }
            let count = min(recordLength - assembly.count, cursor.remainingInPage, input.byteCount)
            assembly.append(input.extracting(first: count), of: recordLength)
            take(count, of: &input)
            if assembly.count == recordLength {
                isAssembling = false
                isInterrupted = false
                return true
            }
            if input.isEmpty { return false }
        }
    }

    @_lifetime(input: copy input)
    private mutating func take(_ count: Int, of input: inout RawSpan) {
        input = input.extracting(droppingFirst: count)
        cursor += UInt64(count)
    }

    private mutating func beginRecord(onlyChecking: Bool) {
        recordStart = cursor
        recordLength = 0
        isAssembling = true
        isInterrupted = true
        assembly.trim()
        assembly.removeAll(onlyChecking: onlyChecking)
    }

    /// Takes the record's length, which never crosses a page's end since records start at multiples of 8.
    @_lifetime(input: copy input)
    private mutating func takeLength(_ input: inout RawSpan) throws(WALDecodeError) -> Bool {
        let count = min(4 - assembly.count, input.byteCount)
        let ahead = input
        assembly.append(input.extracting(first: count), of: 4)
        take(count, of: &input)
        guard assembly.count == 4 else { return false }
        let length = assembly.bytes.loadUnaligned(as: UInt32.self).littleEndian
        if length < WALRecord.headerSize {
            let onPage = ahead.extracting(first: min(ahead.byteCount, recordStart.remainingInPage))
            let isUnwritten = length == 0 && onPage.isAllZeros
            throw fail(
                WALDecodeError(
                    lsn: recordStart,
                    reason: .recordLength(length),
                    condition: isUnwritten ? .zeroed : .corrupt,
                    recordStart: recordStart
                )
            )
        }
        if length > maximumRecordLength {
            throw fail(
                WALDecodeError(
                    lsn: recordStart,
                    reason: .recordTooLong(length: length, maximum: UInt32(maximumRecordLength)),
                    recordStart: recordStart
                )
            )
        }
        recordLength = Int(length)
        return true
    }

    /// The record after a lost one must say which record was lost.
    ///
    /// Source: `wal-decoding.md` §7; PostgreSQL's `VerifyOverwriteContrecord`.
    private mutating func checkAbandoned(_ bytes: RawSpan) throws(WALDecodeError) {
        guard let abandoned = abandonedRecord else { return }
        abandonedRecord = nil
        // Behind the header a short main data header, two bytes, and then the lost record's LSN.
        let isNotice = bytes.byteCount >= 34 && bytes.byte(at: 17) == 0 && bytes.byte(at: 16) & 0xF0 == 0xD0
        guard isNotice, LSN(bytes.littleEndian(at: 26)) == abandoned else {
            throw fail(
                WALDecodeError(
                    lsn: recordStart,
                    reason: .abandonedRecordNotNamed(abandoned: abandoned),
                    recordStart: recordStart
                )
            )
        }
    }
}

// MARK: - Page headers

extension WALStreamDecoder {
    /// The header of the page at ``position`` once all of it is there.
    @_lifetime(input: copy input)
    private mutating func takeHeader(_ input: inout RawSpan) -> WALPageHeader? {
        let isLong = segmentSize.isSegmentStart(cursor)
        let size = isLong ? WALPage.longHeaderSize : WALPage.shortHeaderSize
        let taken = header.take(&input, upTo: size)
        if taken < size {
            isInterrupted = true
            return nil
        }
        isInterrupted = isAssembling || abandonedRecord != nil
        return header.finish(isLong: isLong)
    }

    /// Validates a page's header against what is open, and moves behind it.
    private mutating func enterPage(_ page: WALPageHeader) throws(WALDecodeError) {
        // Once a segment: the sums below stay in range that far.
        if page.long != nil {
            do {
                try Self.check(start: cursor, segmentSize: segmentSize)
            } catch {
                throw fail(error)
            }
        }
        if let reason = fault(in: page) {
            let condition = condition(of: page)
            throw fail(
                WALDecodeError(
                    lsn: cursor,
                    reason: reason,
                    condition: isAssembling && condition != .corrupt ? .torn : condition,
                    recordStart: isAssembling ? recordStart : nil
                )
            )
        }
        if isAssembling, page.flags & WALPageHeader.Flag.firstIsContinuation == 0 {
            // The rest of the record was lost in a crash and its place used again.
            abandonedRecord = recordStart
            isAssembling = false
        }
        cursor += UInt64(page.long == nil ? WALPage.shortHeaderSize : WALPage.longHeaderSize)
        resumeAt = cursor
    }

    private func fault(in page: WALPageHeader) -> WALDecodeError.Reason? {
        if page.magic != version.pageMagic {
            return .pageMagic(found: page.magic, expected: version.pageMagic)
        }
        if page.pageAddress != cursor {
            return .pageAddress(found: page.pageAddress.rawValue, expected: cursor)
        }
        if let long = page.long {
            if long.segmentSize != UInt32(segmentSize.bytes) {
                return .segmentSize(found: long.segmentSize, expected: UInt32(segmentSize.bytes))
            }
            if long.pageSize != UInt32(WALPage.size) { return .pageSize(found: long.pageSize) }
        }
        return faultInContinuation(of: page)
    }

    private func faultInContinuation(of page: WALPageHeader) -> WALDecodeError.Reason? {
        let isContinuation = page.flags & WALPageHeader.Flag.firstIsContinuation != 0
        guard isAssembling else {
            if isContinuation { return .unexpectedContinuation }
            return page.remainingLength == 0 ? nil : .unexpectedRemainingLength(page.remainingLength)
        }
        if !isContinuation {
            let isReplaced = page.flags & WALPageHeader.Flag.firstOverwritesContinuation != 0
            return isReplaced && page.remainingLength == 0 ? nil : .continuationMissing
        }
        let missing = UInt32(recordLength - assembly.count)
        return page.remainingLength == missing ? nil : .remainingLength(found: page.remainingLength, expected: missing)
    }

    private func condition(of page: WALPageHeader) -> WALDecodeError.Condition {
        if page.isZero { return .zeroed }
        let isOlder = page.pageAddress < cursor && page.pageAddress.pageOffset == 0
        return isOlder && PostgresMajorVersion(pageMagic: page.magic) != nil ? .stale : .corrupt
    }

    /// Whether a record can start at `start`: whether a decoder can be made there.
    package static func canStart(at start: LSN, segmentSize: WALSegmentSize) -> Bool {
        do throws(WALDecodeError) {
            try check(start: start, segmentSize: segmentSize)
            return true
        } catch {
            return false
        }
    }

    /// Throws unless a record can start at `start`.
    static func check(start: LSN, segmentSize: WALSegmentSize) throws(WALDecodeError) {
        let headerSize =
            segmentSize.segmentStart(of: start) == start.pageStart
            ? WALPage.longHeaderSize : WALPage.shortHeaderSize
        // The last segments before the end of the LSN range are refused, so that no sum can overflow.
        let isInRange = start.rawValue <= UInt64.max - 4 * segmentSize.bytes - UInt64(WALRecord.maximumLength) * 2
        guard start.isRecordAligned, isInRange, start.pageOffset == 0 || start.pageOffset >= headerSize else {
            throw WALDecodeError(lsn: start, reason: .startPosition)
        }
    }
}

/// The CRC-32C that belongs into the header of the record in `bytes`.
@usableFromInline
func recordChecksum(_ bytes: RawSpan) -> UInt32 {
    bytes.withUnsafeBytes { cchecksum_wal_record($0.baseAddress!, $0.count) }
}
