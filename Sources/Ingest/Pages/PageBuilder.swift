internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

/// Makes pages of their last image and the changes behind it, as far as that can be done here.
///
/// Source: `ingest.md` §4.3, §4.4.
struct PageBuilder {
    let version: PostgresMajorVersion

    func page(of history: PageHistory) throws(ReadError) -> [UInt8] {
        var page = try base(of: history)
        for change in history.changes {
            guard case .record(let record) = change.value else {
                throw .invalidChange(history.key, lsn: change.lsn)
            }
            if case .postgres(_, let bytes) = record {
                try replay(bytes, change, onto: &page)
            } else {
                guard let current = page else { throw missingBase(history) }
                page = try apply(record, change, to: current)
            }
        }
        guard let page else { throw .missing(history.key, lsn: history.lsn) }
        return page
    }

    /// The page to begin with; nil if there is none.
    private func base(of history: PageHistory) throws(ReadError) -> [UInt8]? {
        guard case .image(let image) = history.base?.value else {
            // PostgreSQL logs maps only from their first use on: a page that isn't there is new.
            return history.key.isVisibilityMapBlock || history.key.isFreeSpaceMapBlock ? zeros : nil
        }
        let hasTime = history.key.isSLRUBlock && image.count == CommitLogPage.sizeWithTime
        guard image.count == RelationPage.size || hasTime else {
            throw .unreadable(history.key, lsn: history.lsn)
        }
        return image
    }

    private var zeros: [UInt8] { [UInt8](repeating: 0, count: RelationPage.size) }

    private func missingBase(_ history: PageHistory) -> ReadError {
        .noBase(history.key, lsn: history.lsn, changes: history.changes.count)
    }

    // MARK: Changes that ingest has made

    private func apply(
        _ record: NeonWALRecord,
        _ change: StoredVersion,
        to current: [UInt8]
    ) throws(ReadError) -> [UInt8] {
        let key = change.key
        let invalid = ReadError.invalidChange(key, lsn: change.lsn)
        var page = current
        switch record {
        case .clearVisibilityMapFlags(let newHeapBlock, let oldHeapBlock, let flags):
            for block in [newHeapBlock, oldHeapBlock].compactMap(\.self) {
                guard VisibilityMapPage.block(of: block) == key.field6 else { throw invalid }
                VisibilityMapPage.clear(flags, of: block, on: &page)
            }
            PageHeader.setLSN(change.lsn, on: &page)
        case .truncateVisibilityMap(let byte, let offset):
            guard byte < UInt64(RelationPage.size - VisibilityMapPage.headerSize), offset < 8 else { throw invalid }
            VisibilityMapPage.truncate(byte: Int(byte), bit: Int(offset), on: &page)
        case .clogSetCommitted(let xids, let timestamp):
            try setStatus(.committed, of: xids, change, on: &page)
            page.removeLast(page.count - RelationPage.size)
            withUnsafeBytes(of: timestamp.bigEndian) { page.append(contentsOf: $0) }
        case .clogSetAborted(let xids):
            try setStatus(.aborted, of: xids, change, on: &page)
        case .multiXactOffsetCreate(let multiXact, let memberOffset):
            guard SLRUPage.key(.multiXactOffsets, page: MultiXactOffsetsPage.number(of: multiXact)) == key else {
                throw invalid
            }
            MultiXactOffsetsPage.set(memberOffset, of: multiXact, on: &page)
        case .multiXactMembersCreate(let memberOffset, let members):
            guard SLRUPage.key(.multiXactMembers, page: MultiXactMembersPage.number(of: memberOffset)) == key,
                members.count <= MultiXactMembersPage.room(at: memberOffset)
            else { throw invalid }
            for (index, member) in members.enumerated() {
                MultiXactMembersPage.set(member, at: memberOffset &+ UInt32(index), on: &page)
            }
        case .auxiliaryFile, .postgres:
            throw invalid
        }
        return page
    }

    private func setStatus(
        _ status: CommitLogPage.Status,
        of xids: [UInt32],
        _ change: StoredVersion,
        on page: inout [UInt8]
    ) throws(ReadError) {
        for xid in xids {
            guard SLRUPage.key(.clog, page: CommitLogPage.number(of: xid)) == change.key else {
                throw .invalidChange(change.key, lsn: change.lsn)
            }
            CommitLogPage.set(status, of: xid, on: &page)
        }
    }

    // MARK: Records of PostgreSQL

    /// Does what replaying a record would do to the page: restores the image it has, or sets bits of a visibility map.
    private func replay(_ bytes: [UInt8], _ change: StoredVersion, onto page: inout [UInt8]?) throws(ReadError) {
        let key = change.key
        let invalid = ReadError.invalidChange(key, lsn: change.lsn)
        guard let record = WALRecord(kept: bytes.span.bytes, next: change.lsn) else { throw invalid }
        var parsed = ParsedRecord(version: version)
        do {
            try parsed.parse(record)
        } catch {
            throw invalid
        }
        guard let index = (0..<parsed.blockCount).first(where: { parsed[$0].key == key }) else { throw invalid }
        let block = parsed[index]
        if block.appliesImage {
            var restored = zeros
            var span = restored.mutableSpan
            var room = span.mutableBytes
            do {
                try block.image.restore(from: parsed.image(of: block, in: record), into: &room)
            } catch {
                throw invalid
            }
            PageHeader.setLSN(change.lsn, on: &restored)
            page = restored
        } else if let change = VisibilityChange(record, parsed), key.isVisibilityMapBlock, var current = page {
            guard VisibilityMapPage.block(of: change.heapBlock) == key.field6 else { throw invalid }
            PageHeader.initializeIfNew(&current)
            VisibilityMapPage.set(change.flags, of: change.heapBlock, on: &current)
            PageHeader.setLSN(record.next, on: &current)
            page = current
        } else {
            throw .needsReplay(key, lsn: change.lsn)
        }
    }
}

/// The record by which vacuum marks a heap block in the visibility map: the map's block comes first, then the heap's.
///
/// PostgreSQL's `xl_heap_visible`: a horizon of 32 bits, then flags.
private struct VisibilityChange {
    let heapBlock: UInt32
    let flags: UInt8

    init?(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) {
        let mainData = parsed.mainData(of: record)
        guard record.resourceManager == .heap2, record.info & 0x70 == 0x40, parsed.blockCount == 2,
            mainData.byteCount >= 5
        else { return nil }
        heapBlock = parsed[1].block
        flags = mainData.byte(at: 4) & 0x03
    }
}

extension BlockReference {
    fileprivate var key: Key {
        let locator = RelationLocator(tablespace: tablespace, database: database, relation: relation)
        return .relationBlock(RelationTag(locator: locator, fork: fork), block: block)
    }
}
