internal import PostgresWAL
internal import ShardIdentity

/// Where the flags stand in the main data of heap records, and what they mean.
///
/// Neon's PostgreSQL 14 and 15 write a command ID into some heap records, which moves what stands behind it.
///
/// Source: `wal-interpretation.md` §3.3.
private enum HeapLayout {
    static let insertSize = 3
    static let deleteFlags = 7
    static let neonDeleteFlags = 13
    static let updateSize = 14
    static let updateFlags = 7
    static let lockSize = 8
    static let lockFlags = 7
    static let neonLockSize = 14
    static let neonLockFlags = 13
    static let lockUpdatedSize = 8
}

extension MetadataInterpreter {
    /// HEAP: which pages lose their bits in the visibility map.
    ///
    /// Source: `wal-interpretation.md` §3.3.
    static func heap(
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> VisibilityChange? {
        switch main.info & 0x70 {
        case 0x00:
            try main.requireExactly(HeapLayout.insertSize)
            return try newPage(flags: main.bytes.byte(at: 2), main, parsed)
        case 0x10:
            return try newPage(flags: try deleteFlags(main, version: version), main, parsed)
        case 0x20, 0x40:
            // Neon's form is longer, but the flags stand at the same place.
            try main.require(HeapLayout.updateSize)
            return try update(flags: main.bytes.byte(at: HeapLayout.updateFlags), main, parsed)
        case 0x60:
            return try oldPage(flags: try lockFlags(main, version: version), main, parsed)
        default:
            return nil
        }
    }

    /// HEAP2: the same for inserts of many rows and locks of updated ones.
    static func heap2(
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) -> VisibilityChange? {
        switch main.info & 0x70 {
        case 0x50:
            return try newPage(flags: try multiInsertFlags(main, fixedSize: 4), main, parsed)
        case 0x60:
            try main.require(HeapLayout.lockUpdatedSize)
            return try oldPage(flags: main.bytes.byte(at: HeapLayout.lockFlags), main, parsed)
        default:
            return nil
        }
    }

    /// The flags of a lock; the two forms differ in length.
    private static func lockFlags(
        _ main: borrowing MainData,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> UInt8 {
        try main.require(HeapLayout.lockSize)
        let isNeon = version <= .v15 && main.count >= HeapLayout.neonLockSize
        return main.bytes.byte(at: isNeon ? HeapLayout.neonLockFlags : HeapLayout.lockFlags)
    }

    private static func deleteFlags(
        _ main: borrowing MainData,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> UInt8 {
        try main.require(HeapDelete.stockSize)
        let isNeon = version <= .v15 && HeapDelete.isNeonForm(main.bytes)
        return main.bytes.byte(at: isNeon ? HeapLayout.neonDeleteFlags : HeapLayout.deleteFlags)
    }
}

// MARK: - What the flags say, shared with Neon's resource manager

extension MetadataInterpreter {
    private static var oldOrOnlyPageCleared: UInt8 { 0x01 }
    private static var newPageCleared: UInt8 { 0x02 }

    /// Inserts and deletes: the page counts as the new one.
    static func newPage(
        flags: UInt8,
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) -> VisibilityChange? {
        guard flags & oldOrOnlyPageCleared != 0 else { return nil }
        var change = try visibilityChange(main, parsed)
        change.newBlock = parsed[0].block
        return change
    }

    /// Locks: the page counts as the old one, and stays all-visible.
    static func oldPage(
        flags: UInt8,
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) -> VisibilityChange? {
        guard flags & oldOrOnlyPageCleared != 0 else { return nil }
        var change = try visibilityChange(main, parsed)
        change.oldBlock = parsed[0].block
        change.bits = VisibilityChange.frozenBit
        return change
    }

    /// Updates: the old page is the last reference, which is the only one where both versions share a page.
    static func update(
        flags: UInt8,
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) -> VisibilityChange? {
        guard flags & (oldOrOnlyPageCleared | newPageCleared) != 0 else { return nil }
        var change = try visibilityChange(main, parsed)
        if flags & oldOrOnlyPageCleared != 0 { change.oldBlock = parsed[parsed.blockCount - 1].block }
        if flags & newPageCleared != 0 { change.newBlock = parsed[0].block }
        return change
    }

    /// The flags of an insert of many rows: behind the fixed part there is an offset for each row, unless the page is
    /// made anew.
    static func multiInsertFlags(
        _ main: borrowing MainData,
        fixedSize: Int
    ) throws(InterpretationError) -> UInt8 {
        try main.require(fixedSize)
        let rowCount = Int(main.bytes.littleEndian(at: 2, as: UInt16.self))
        let initializesPage = main.info & 0x80 != 0
        try main.requireExactly(initializesPage ? fixedSize : fixedSize + 2 * rowCount)
        return main.bytes.byte(at: 0)
    }

    private static func visibilityChange(
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) -> VisibilityChange {
        guard parsed.blockCount > 0 else { throw main.error(.noBlock) }
        let block = parsed[0]
        return VisibilityChange(
            relation: RelationLocator(
                tablespace: block.tablespace,
                database: block.database,
                relation: block.relation
            ),
            bits: VisibilityChange.allBits,
            isNeon: main.resourceManager == .neon
        )
    }
}
