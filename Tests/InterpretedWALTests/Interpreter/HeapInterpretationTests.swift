import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §3.3 and §3.4.
@Suite("Interpreting heap records")
struct HeapInterpretationTests {
    typealias Dialect = HeapMainData.Dialect

    /// What a record clears: new block, old block, bits.
    struct Cleared: Equatable {
        var new: UInt32?
        var old: UInt32?
        var bits: UInt8 = 3
    }

    static let allDialects = PostgresMajorVersion.allCases.flatMap { version in
        (version <= .v15 ? Dialect.allCases : [.stock]).map { (version, $0) }
    }
    static let newerVersions: [PostgresMajorVersion] = [.v16, .v17]

    /// The record on blocks 40000 and 3 of 1663/5/16384: the new page and, behind it, the old one.
    private func cleared(
        _ resourceManager: ResourceManager,
        _ info: UInt8,
        _ mainData: [UInt8],
        _ version: PostgresMajorVersion,
        blocks: [UInt32] = [40000, 3]
    ) throws -> Cleared? {
        let record = CraftedRecord(
            resourceManager: resourceManager,
            info: info,
            blocks: blocks.map { CraftedBlock(block: $0) },
            mainData: mainData
        )
        let bits: ClearVisibilityBits
        switch try Interpretation.metadata(of: record, version: version) {
        case nil: return nil
        case .heap(.clearVisibilityBits(let found)) where resourceManager != .neon: bits = found
        case .neon(.clearVisibilityBits(let found)) where resourceManager == .neon: bits = found
        case let other:
            Issue.record("\(String(describing: other))")
            return nil
        }
        #expect("\(bits.visibilityMap)" == "1663/5/16384_vm")
        return Cleared(new: bits.newHeapBlock, old: bits.oldHeapBlock, bits: bits.flags)
    }

    @Test("HEAP: insert, with and without an init page", arguments: PostgresMajorVersion.allCases)
    func insert(version: PostgresMajorVersion) throws {
        for info: UInt8 in [0x00, 0x80] {
            let set = try cleared(.heap, info, HeapMainData.insert(flags: 0x09), version)
            #expect(set == Cleared(new: 40000))
            #expect(try cleared(.heap, info, HeapMainData.insert(flags: 0xFE), version) == nil)
        }
    }

    @Test("HEAP: delete reports its page as the new one", arguments: allDialects)
    func delete(version: PostgresMajorVersion, dialect: Dialect) throws {
        let set = try cleared(.heap, 0x10, HeapMainData.delete(dialect, flags: 0x01), version)
        #expect(set == Cleared(new: 40000))
        #expect(try cleared(.heap, 0x10, HeapMainData.delete(dialect, flags: 0x00), version) == nil)
    }

    @Test("HEAP: update and HOT update; the old page is the last one", arguments: allDialects)
    func update(version: PostgresMajorVersion, dialect: Dialect) throws {
        for info: UInt8 in [0x20, 0x40, 0xA0] {
            for oldRow: [UInt8] in [[], Array(repeating: 0xFF, count: 20)] {
                let cleared = { (flags: UInt8, blocks: [UInt32]) in
                    try self.cleared(
                        .heap,
                        info,
                        HeapMainData.update(dialect, flags: flags, oldRow: oldRow),
                        version,
                        blocks: blocks
                    )
                }
                #expect(try cleared(0xFC, [40000, 3]) == nil)
                #expect(try cleared(0x01, [40000, 3]) == Cleared(old: 3))
                #expect(try cleared(0x02, [40000, 3]) == Cleared(new: 40000))
                #expect(try cleared(0x03, [40000, 3]) == Cleared(new: 40000, old: 3))
                #expect(try cleared(0x01, [40000]) == Cleared(old: 40000))
                #expect(try cleared(0x03, [40000, 7, 3]) == Cleared(new: 40000, old: 3))
            }
        }
    }

    @Test("HEAP: lock clears all-frozen only", arguments: allDialects)
    func lock(version: PostgresMajorVersion, dialect: Dialect) throws {
        for padding: UInt16 in [0, 0x0100, 0xFFFF] {
            let set = try cleared(.heap, 0x60, HeapMainData.lock(dialect, flags: 0x01, padding: padding), version)
            #expect(set == Cleared(old: 40000, bits: 2))
            #expect(try cleared(.heap, 0x60, HeapMainData.lock(dialect, flags: 0xFE, padding: padding), version) == nil)
        }
    }

    @Test("HEAP: truncate, confirm and in-place updates clear nothing", arguments: PostgresMajorVersion.allCases)
    func otherHeapOperations(version: PostgresMajorVersion) throws {
        for info: UInt8 in [0x30, 0x50, 0x70] {
            #expect(try cleared(.heap, info, Array(repeating: 0xFF, count: 20), version) == nil)
        }
        for info: UInt8 in [0x00, 0x10, 0x20, 0x30, 0x40, 0x70] {
            #expect(try cleared(.heap2, info, Array(repeating: 0xFF, count: 20), version) == nil)
        }
    }

    @Test("HEAP2: multi insert of 0 to 300 rows", arguments: PostgresMajorVersion.allCases)
    func multiInsert(version: PostgresMajorVersion) throws {
        for rows: UInt16 in [0, 1, 2, 125, 126, 127, 300] {
            let set = try cleared(.heap2, 0x50, HeapMainData.multiInsert(flags: 0x03, rows: rows), version)
            #expect(set == Cleared(new: 40000), "\(rows) rows")
            let unset = try cleared(.heap2, 0x50, HeapMainData.multiInsert(flags: 0x02, rows: rows), version)
            #expect(unset == nil, "\(rows) rows")
            let initial = try cleared(
                .heap2,
                0xD0,
                HeapMainData.multiInsert(flags: 0x01, rows: rows, offsets: false),
                version
            )
            #expect(initial == Cleared(new: 40000), "\(rows) rows")
        }
    }

    @Test("HEAP2: lock of an updated row", arguments: PostgresMajorVersion.allCases)
    func lockUpdated(version: PostgresMajorVersion) throws {
        let set = try cleared(.heap2, 0x60, HeapMainData.lockUpdated(flags: 0x01), version)
        #expect(set == Cleared(old: 40000, bits: 2))
        #expect(try cleared(.heap2, 0x60, HeapMainData.lockUpdated(flags: 0x00), version) == nil)
    }

    @Test("NEON: every operation", arguments: newerVersions)
    func neon(version: PostgresMajorVersion) throws {
        let delete = NeonMainData.delete, lock = NeonMainData.lock
        let both = HeapMainData.update(.neon, flags: 0x03)
        let multi = NeonMainData.multiInsert(flags: 0x01, rows: 3)
        let initial = NeonMainData.multiInsert(flags: 0x01, rows: 3, offsets: false)
        let cases: [(UInt8, [UInt8], Cleared?)] = [
            (0x00, HeapMainData.insert(flags: 0x01), Cleared(new: 40000)),
            (0x00, HeapMainData.insert(flags: 0xFE), nil),
            (0x80, HeapMainData.insert(flags: 0x01), Cleared(new: 40000)), (0x10, delete(0x01), Cleared(new: 40000)),
            (0x10, delete(0x00), nil), (0x20, both, Cleared(new: 40000, old: 3)),
            (0x30, both, Cleared(new: 40000, old: 3)),
            (0xA0, both, Cleared(new: 40000, old: 3)), (0x20, HeapMainData.update(.neon, flags: 0x01), Cleared(old: 3)),
            (0x30, HeapMainData.update(.neon, flags: 0x02), Cleared(new: 40000)), (0x40, lock(0x00), nil),
            (0x20, HeapMainData.update(.neon, flags: 0xFC), nil), (0x40, lock(0x01), Cleared(old: 40000, bits: 2)),
            (0x50, multi, Cleared(new: 40000)), (0xD0, initial, Cleared(new: 40000)),
            (0x50, NeonMainData.multiInsert(flags: 0x02, rows: 3), nil),
        ]
        for (info, mainData, expected) in cases {
            #expect(try cleared(.neon, info, mainData, version) == expected, "info \(info), \(mainData)")
        }
    }

    // MARK: - Deletes with the old row, where the forms of 14 and 15 can be of one length

    @Test("HEAP: deletes that log the old row", arguments: allDialects)
    func deleteWithOldRow(version: PostgresMajorVersion, dialect: Dialect) throws {
        let seed = UInt64.random(in: 0...(.max))
        var generator = SeededGenerator(seed: seed)
        for length in 1...64 {
            for flags: UInt8 in 0..<32 where flags & 0x06 != 0 {
                let row = oldRow(length, dialect, using: &generator)
                let mainData = HeapMainData.delete(
                    dialect,
                    flags: flags,
                    infobits: infobits(using: &generator),
                    commandID: UInt32(truncatingIfNeeded: generator.magnitude()),
                    padding: UInt16(truncatingIfNeeded: generator.next()),
                    oldRow: row
                )
                let expected: Cleared? = flags & 0x01 == 0 ? nil : Cleared(new: 40000)
                #expect(
                    try cleared(.heap, 0x10, mainData, version) == expected,
                    "seed \(seed): \(dialect), flags \(flags), main data \(mainData)"
                )
            }
        }
    }

    /// The header in front of the old row, and `length` bytes of row: 2 + 2 bytes of row flags and the data's offset,
    /// with a command ID between in Neon's form.
    private func oldRow(_ length: Int, _ dialect: Dialect, using generator: inout SeededGenerator) -> [UInt8] {
        let masks = (0..<4).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let dataOffset: UInt8 = [24, 24, 24, 32, 40, 56].randomElement(using: &generator) ?? 24
        let commandID = dialect == .neon ? littleEndian(UInt32.random(in: 0...9, using: &generator)) : []
        let row = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return commandID + masks + [dataOffset] + row
    }

    /// What a deleted row's infobits can be: its deleter is no mere locker of its key.
    private func infobits(using generator: inout SeededGenerator) -> UInt8 {
        [0x10, 0x14, 0x11, 0x00].randomElement(using: &generator) ?? 0x10
    }

    @Test("HEAP: in 16 and 17 a delete of Neon's length has no other form", arguments: newerVersions)
    func onlyOneForm(version: PostgresMajorVersion) throws {
        // The flags at 7 say nothing, those at 13 would.
        let neon = HeapMainData.delete(.neon, flags: 0x01)
        #expect(try cleared(.heap, 0x10, neon, version) == nil)
        let padded = HeapMainData.delete(.neon, flags: 0x00, padding: 0x0100)
        #expect(try cleared(.heap, 0x10, padded, version) == Cleared(new: 40000))
        #expect(try cleared(.heap, 0x60, HeapMainData.lock(.neon, flags: 0x01), version) == nil)
    }
}
