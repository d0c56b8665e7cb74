import PostgresWAL

/// A record that can be interpreted, and how much of its main data that takes.
struct WellFormedRecord: CustomStringConvertible {
    enum Need: Equatable {
        /// At least so many bytes; more do no harm.
        case atLeast(Int)
        /// All of them, neither less nor more.
        case exactly
    }

    var name: String
    var version: PostgresMajorVersion
    var record: CraftedRecord
    var need: Need

    var description: String { "\(name) of \(version)" }

    /// Every operation that is read, in the forms of every version.
    static let all = PostgresMajorVersion.allCases.flatMap { version in
        heap(version) + neon(version) + transactions(version) + slrus(version) + others(version)
    }

    private static func heap(_ version: PostgresMajorVersion) -> [WellFormedRecord] {
        let make = Maker(version: version, hasBlocks: true)
        let dialects = version <= .v15 ? HeapMainData.Dialect.allCases : [.stock]
        let perDialect = dialects.flatMap { dialect in
            [
                make("HEAP delete, \(dialect)", .heap, 0x10, HeapMainData.delete(dialect, flags: 0x01), .atLeast(8)),
                make("HEAP update, \(dialect)", .heap, 0x20, HeapMainData.update(dialect, flags: 0x03), .atLeast(14)),
                make(
                    "HEAP HOT update, \(dialect)",
                    .heap,
                    0x40,
                    HeapMainData.update(dialect, flags: 0x01),
                    .atLeast(14)
                ),
                make("HEAP lock, \(dialect)", .heap, 0x60, HeapMainData.lock(dialect, flags: 0x01), .atLeast(8)),
            ]
        }
        let initial = HeapMainData.multiInsert(flags: 0x01, rows: 3, offsets: false)
        return perDialect + [
            make("HEAP insert", .heap, 0x00, HeapMainData.insert(flags: 0x01), .exactly),
            make("HEAP2 multi insert", .heap2, 0x50, HeapMainData.multiInsert(flags: 0x01, rows: 3), .exactly),
            make("HEAP2 multi insert, init page", .heap2, 0xD0, initial, .exactly),
            make("HEAP2 lock updated", .heap2, 0x60, HeapMainData.lockUpdated(flags: 0x01), .atLeast(8)),
        ]
    }

    private static func neon(_ version: PostgresMajorVersion) -> [WellFormedRecord] {
        guard version >= .v16 else { return [] }
        let make = Maker(version: version, hasBlocks: true)
        let update = HeapMainData.update(.neon, flags: 0x03)
        let initial = NeonMainData.multiInsert(flags: 0x01, rows: 3, offsets: false)
        return [
            make("NEON insert", .neon, 0x00, HeapMainData.insert(flags: 0x01), .exactly),
            make("NEON delete", .neon, 0x10, NeonMainData.delete(flags: 0x01), .atLeast(12)),
            make("NEON update", .neon, 0x20, update, .atLeast(18)),
            make("NEON HOT update", .neon, 0x30, update, .atLeast(18)),
            make("NEON lock", .neon, 0x40, NeonMainData.lock(flags: 0x01), .atLeast(12)),
            make("NEON multi insert", .neon, 0x50, NeonMainData.multiInsert(flags: 0x01, rows: 3), .exactly),
            make("NEON multi insert, init page", .neon, 0xD0, initial, .exactly),
        ]
    }

    private static func transactions(_ version: PostgresMajorVersion) -> [WellFormedRecord] {
        let make = Maker(version: version)
        // The origin's time stamp is at the end, and not read; with an identifier in front five bytes more are not.
        let everything = TransactionInterpretationTests.mainData(xinfo: 0x17F)
        let named = TransactionInterpretationTests.mainData(xinfo: 0x1FF)
        return [
            make("XACT commit", .transaction, 0x00, littleEndian(UInt64(1)), .atLeast(8)),
            make("XACT commit, all parts", .transaction, 0x80, everything, .atLeast(everything.count - 8)),
            make("XACT abort", .transaction, 0xA0, everything, .atLeast(everything.count - 8)),
            make("XACT commit prepared", .transaction, 0xB0, named, .atLeast(named.count - 13)),
            make("XACT abort prepared", .transaction, 0xC0, named, .atLeast(named.count - 13)),
            make("XACT prepare", .transaction, 0x10, [1, 2, 3, 4], .atLeast(0)),
        ]
    }

    private static func slrus(_ version: PostgresMajorVersion) -> [WellFormedRecord] {
        let make = Maker(version: version)
        let page = version >= .v17 ? littleEndian(Int64(70)) : littleEndian(UInt32(70))
        let create =
            littleEndian(UInt32(1), UInt32(2), UInt32(3)) + (0..<6).flatMap { littleEndian(UInt32($0)) }
        return [
            make("CLOG zero page", .clog, 0x00, page, .atLeast(page.count)),
            make("CLOG truncate", .clog, 0x10, page + littleEndian(UInt64(1)), .atLeast(page.count + 8)),
            make("MULTIXACT zero offsets page", .multiXact, 0x00, page, .atLeast(page.count)),
            make("MULTIXACT zero members page", .multiXact, 0x10, page, .atLeast(page.count)),
            make("MULTIXACT create", .multiXact, 0x20, create, .atLeast(36)),
            make("MULTIXACT truncate", .multiXact, 0x30, Array(repeating: 1, count: 20), .atLeast(20)),
        ]
    }

    private static func others(_ version: PostgresMajorVersion) -> [WellFormedRecord] {
        let make = Maker(version: version)
        let drop = littleEndian(UInt32(16390), Int32(2), UInt32(1663), UInt32(16400))
        let running =
            littleEndian(Int32(1), Int32(2), UInt32(0), UInt32(845), UInt32(745), UInt32(844))
            + littleEndian(UInt32(745), UInt32(746), UInt32(747))
        let message = LogicalMessage.mainData(prefix: Array("neon-file:a/b".utf8), content: [1, 2, 3])
        return [
            make("XLOG checkpoint", .xlog, 0x00, Array(repeating: 5, count: 88), .atLeast(0)),
            make("SMGR create", .storage, 0x10, Array(repeating: 0, count: 16), .atLeast(16)),
            make("SMGR truncate", .storage, 0x20, Array(repeating: 0, count: 20), .atLeast(20)),
            make("DBASE create", .database, 0x00, Array(repeating: 0, count: 16), .atLeast(16)),
            make("DBASE drop", .database, version == .v14 ? 0x10 : 0x20, drop, .atLeast(16)),
            make("RELMAP update", .relationMap, 0x00, Array(repeating: 1, count: 524), .atLeast(12)),
            make("STANDBY running transactions", .standby, 0x10, running, .atLeast(36)),
            make("REPLORIGIN set", .replicationOrigin, 0x00, Array(repeating: 1, count: 16), .atLeast(10)),
            make("REPLORIGIN drop", .replicationOrigin, 0x10, [1, 0], .atLeast(2)),
            make("LOGICALMSG", .logicalMessage, 0x00, message, .atLeast(message.count)),
        ]
    }
}

/// Makes the records of one version.
private struct Maker {
    var version: PostgresMajorVersion
    var hasBlocks = false

    func callAsFunction(
        _ name: String,
        _ resourceManager: ResourceManager,
        _ info: UInt8,
        _ mainData: [UInt8],
        _ need: WellFormedRecord.Need
    ) -> WellFormedRecord {
        let blocks = hasBlocks ? [CraftedBlock(block: 40000), CraftedBlock(block: 3)] : []
        return WellFormedRecord(
            name: name,
            version: version,
            record: CraftedRecord(resourceManager: resourceManager, info: info, blocks: blocks, mainData: mainData),
            need: need
        )
    }
}
