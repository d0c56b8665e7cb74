import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Source: `wal-interpretation.md` §3.7.
@Suite("Interpreting ends of transactions")
struct TransactionInterpretationTests {
    /// The optional parts that a record may have, by their bits in `xinfo`.
    enum Part: UInt32, CaseIterable {
        case database = 0x01
        case subtransactions = 0x02
        case relations = 0x04
        case invalidations = 0x08
        case prepared = 0x10
        case origin = 0x20
        case identifier = 0x80
        case statistics = 0x100

        /// In the order in which they stand in a record.
        static let inOrder: [Part] = [
            .database, .subtransactions, .relations, .statistics, .invalidations, .prepared, .identifier, .origin,
        ]

        var content: [UInt8] {
            switch self {
            case .database: littleEndian(UInt32(5), UInt32(1663))
            case .subtransactions: littleEndian(Int32(2), UInt32(741), UInt32(742))
            case .relations:
                littleEndian(Int32(2)) + littleEndian(UInt32(1663), UInt32(5), UInt32(16384))
                    + littleEndian(UInt32(1664), UInt32(0), UInt32(1262))
            case .statistics: littleEndian(Int32(2)) + Array(repeating: 7, count: 24)
            case .invalidations: littleEndian(Int32(3)) + Array(repeating: 6, count: 48)
            case .prepared: littleEndian(UInt32(739))
            case .identifier: Array("name\0".utf8)
            case .origin: littleEndian(UInt64(0x1234), Int64(99))
            }
        }
    }

    static let time: Int64 = 0x0002_B5D3_1122_3344

    /// Main data with the parts that `xinfo` names.
    static func mainData(xinfo: UInt32) -> [UInt8] {
        littleEndian(time, xinfo) + Part.inOrder.filter { xinfo & $0.rawValue != 0 }.flatMap(\.content)
    }

    private func expected(xinfo: UInt32, info: UInt8, origin: UInt16) -> XactCommon {
        let has = { (part: Part) in xinfo & part.rawValue != 0 }
        var originLSN: UInt64 = has(.origin) ? 0x1234 : 0
        // The identifier is not passed over: its bytes and the LSN behind it come out as the LSN.
        if has(.origin) && has(.identifier) {
            let bytes = Array((Part.identifier.content + Part.origin.content).prefix(8))
            originLSN = bytes.span.bytes.littleEndian(at: 0)
        }
        let relations = [
            RelationLocator(tablespace: 1663, database: 5, relation: 16384),
            RelationLocator(tablespace: 1664, database: 0, relation: 1262),
        ]
        return XactCommon(
            xid: has(.prepared) ? 739 : 740,
            info: info,
            time: Self.time,
            xinfo: xinfo,
            database: has(.database) ? 5 : 0,
            tablespace: has(.database) ? 1663 : 0,
            subtransactions: has(.subtransactions) ? [741, 742] : [],
            droppedRelations: has(.relations) ? relations : [],
            originLSN: LSN(originLSN),
            originID: origin,
            headerXID: 740,
            lsn: Interpretation.next
        )
    }

    private func metadata(_ info: UInt8, _ end: XactCommon) -> MetadataRecord? {
        switch info & 0x70 {
        case 0x00: .transaction(.commit(end))
        case 0x20: .transaction(.abort(end))
        case 0x30: .transaction(.commitPrepared(end))
        case 0x40: .transaction(.abortPrepared(end))
        default: nil
        }
    }

    @Test("All sets of parts, for every operation", arguments: PostgresMajorVersion.allCases)
    func parts(version: PostgresMajorVersion) throws {
        for bits in 0..<UInt32(512) {
            // Bits without a part of their own pass through untouched.
            let xinfo = bits | 0x4000_0000
            let operation: UInt8 = [0x00, 0x20, 0x30, 0x40][Int(bits % 4)]
            let origin: UInt16 = bits & Part.origin.rawValue == 0 ? 0 : 3
            let record = CraftedRecord(
                resourceManager: .transaction,
                info: operation | 0x80,
                transactionID: 740,
                origin: origin == 0 ? nil : origin,
                mainData: Self.mainData(xinfo: xinfo)
            )
            let end = expected(xinfo: xinfo, info: operation, origin: origin)
            #expect(
                try Interpretation.metadata(of: record, version: version) == metadata(operation, end),
                "xinfo \(xinfo)"
            )
        }
    }

    @Test("Without information there is only a time", arguments: [0x00, 0x20, 0x30, 0x40] as [UInt8])
    func timeOnly(operation: UInt8) throws {
        // What follows would be parts, if the info byte said so.
        let record = CraftedRecord(
            resourceManager: .transaction,
            info: operation,
            transactionID: 740,
            mainData: Self.mainData(xinfo: 0x1FF)
        )
        let end = XactCommon(xid: 740, info: operation, time: Self.time, headerXID: 740, lsn: Interpretation.next)
        #expect(try Interpretation.metadata(of: record, version: .v16) == metadata(operation, end))
    }

    @Test("Preparing keeps the whole state file")
    func prepare() throws {
        for info: UInt8 in [0x10, 0x90] {
            for length in [0, 1, 255, 256, 10_000] {
                let data = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let record = CraftedRecord(
                    resourceManager: .transaction,
                    info: info,
                    transactionID: 750,
                    mainData: data
                )
                let metadata = try Interpretation.metadata(of: record, version: .v17)
                #expect(metadata == .transaction(.prepare(xid: 750, data: data)))
            }
        }
    }

    @Test("Assignments and invalidations say nothing", arguments: [0x50, 0x60, 0x70, 0xD0, 0xF0] as [UInt8])
    func others(info: UInt8) throws {
        let record = CraftedRecord(resourceManager: .transaction, info: info, mainData: [1, 2, 3])
        #expect(try Interpretation.metadata(of: record, version: .v15) == nil)
    }
}
