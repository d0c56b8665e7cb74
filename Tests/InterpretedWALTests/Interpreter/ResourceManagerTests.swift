import InterpretationModel
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Source: `wal-interpretation.md` §3.2, §3.5, §3.6 and §3.8.
@Suite("Interpreting the rarer resource managers")
struct ResourceManagerTests {
    static let olderVersions: [PostgresMajorVersion] = [.v14, .v15, .v16]

    private func metadata(
        _ resourceManager: ResourceManager,
        _ info: UInt8,
        _ mainData: [UInt8],
        _ version: PostgresMajorVersion = .v16
    ) throws -> MetadataRecord? {
        let record = CraftedRecord(resourceManager: resourceManager, info: info, mainData: mainData)
        return try Interpretation.metadata(of: record, version: version)
    }

    // MARK: - SLRUs

    @Test("CLOG and MULTIXACT: page numbers of 4 bytes up to 16", arguments: olderVersions)
    func shortPageNumbers(version: PostgresMajorVersion) throws {
        let page = littleEndian(UInt32(70))
        #expect(try metadata(.clog, 0x00, page, version) == .clog(.zeroPage(segment: 2, page: 6)))
        #expect(
            try metadata(.multiXact, 0x00, page, version)
                == .multiXact(.zeroPage(kind: .multiXactOffsets, segment: 2, page: 6))
        )
        #expect(
            try metadata(.multiXact, 0x10, page, version)
                == .multiXact(.zeroPage(kind: .multiXactMembers, segment: 2, page: 6))
        )
        let truncate = littleEndian(UInt32(64), UInt32(800), UInt32(1))
        #expect(
            try metadata(.clog, 0x10, truncate, version)
                == .clog(.truncate(page: 64, oldestXID: 800, oldestXIDDatabase: 1))
        )
    }

    @Test("CLOG and MULTIXACT: page numbers of 8 bytes in 17, cut to 4")
    func longPageNumbers() throws {
        for number: Int64 in [70, 70 | 9 << 32, -4_294_967_226] {
            let page = littleEndian(number)
            #expect(try metadata(.clog, 0x00, page, .v17) == .clog(.zeroPage(segment: 2, page: 6)))
            #expect(
                try metadata(.multiXact, 0x00, page, .v17)
                    == .multiXact(.zeroPage(kind: .multiXactOffsets, segment: 2, page: 6))
            )
            #expect(
                try metadata(.multiXact, 0x10, page, .v17)
                    == .multiXact(.zeroPage(kind: .multiXactMembers, segment: 2, page: 6))
            )
            let truncate = page + littleEndian(UInt32(800), UInt32(1))
            #expect(
                try metadata(.clog, 0x10, truncate, .v17)
                    == .clog(.truncate(page: 70, oldestXID: 800, oldestXIDDatabase: 1))
            )
        }
        let last = littleEndian(UInt32.max)
        #expect(try metadata(.clog, 0x00, last) == .clog(.zeroPage(segment: 0x07FF_FFFF, page: 31)))
    }

    @Test("MULTIXACT: create and truncate")
    func multiXact() throws {
        let members = (0..<300).map { MultiXactMember(xid: 800 + UInt32($0), status: UInt32($0 % 6)) }
        let create =
            littleEndian(UInt32(1), UInt32(2), UInt32(members.count))
            + members.flatMap { littleEndian($0.xid, $0.status) }
        #expect(
            try metadata(.multiXact, 0x20, create)
                == .multiXact(.create(multiXact: 1, memberOffset: 2, members: members))
        )
        let truncate = littleEndian(UInt32(1), UInt32(2), UInt32(3), UInt32(4), UInt32(5))
        #expect(
            try metadata(.multiXact, 0x30, truncate)
                == .multiXact(
                    .truncate(oldestDatabase: 1, startMultiXact: 2, endMultiXact: 3, startMember: 4, endMember: 5)
                )
        )
        #expect(try metadata(.multiXact, 0x40, truncate) == nil)
    }

    // MARK: - Files and databases

    @Test("DBASE: what each info byte means in each version", arguments: PostgresMajorVersion.allCases)
    func database(version: PostgresMajorVersion) throws {
        let create = littleEndian(UInt32(16390), UInt32(1663), UInt32(1), UInt32(1664))
        let drop = littleEndian(UInt32(16390), Int32(2), UInt32(1663), UInt32(16400))
        let created = MetadataRecord.database(
            .create(database: 16390, tablespace: 1663, sourceDatabase: 1, sourceTablespace: 1664)
        )
        let dropped = MetadataRecord.database(.drop(database: 16390, tablespaces: [1663, 16400]))
        for low: UInt8 in [0x00, 0x01] {
            #expect(try metadata(.database, 0x00 | low, create, version) == created)
            #expect(try metadata(.database, 0x10 | low, drop, version) == (version == .v14 ? dropped : nil))
            #expect(try metadata(.database, 0x20 | low, drop, version) == (version == .v14 ? nil : dropped))
        }
    }

    @Test("DBASE: only a creation by file copy flushes", arguments: PostgresMajorVersion.allCases)
    func flush(version: PostgresMajorVersion) throws {
        let drop = littleEndian(UInt32(16390), Int32(1), UInt32(1663), UInt32(0))
        let shards = try ShardIdentity.all(count: 2, stripeSize: 8)
        for (info, isFlushed) in [(UInt8(0x00), true), (0x01, true), (0x10, false), (0x20, false)] {
            let record = CraftedRecord(resourceManager: .database, info: info, mainData: drop)
            let results = try Interpretation.results(of: record.contents, version: version, shards: shards)
            #expect(results[0]?.record.flushUncommitted == isFlushed)
            if isFlushed { #expect(results[1]?.record.flushUncommitted == true) }
        }
        let other = CraftedRecord(resourceManager: .tablespace, info: 0x00, mainData: drop)
        #expect(try Interpretation.results(of: other.contents, version: version)[0]?.record.flushUncommitted == false)
    }

    @Test("SMGR: create takes the fork's low byte, truncate everything")
    func storageManager() throws {
        let locator = RelationLocator(tablespace: 1663, database: 5, relation: 16384)
        let create = littleEndian(UInt32(1663), UInt32(5), UInt32(16384), UInt32(0x0102))
        #expect(
            try metadata(.storage, 0x11, create) == .storageManager(.create(RelationTag(locator: locator, fork: 2)))
        )
        let truncate = littleEndian(UInt32(23), UInt32(1663), UInt32(5), UInt32(16384), UInt32(7))
        #expect(
            try metadata(.storage, 0x21, truncate)
                == .storageManager(.truncate(blockCount: 23, relation: locator, flags: 7))
        )
        #expect(try metadata(.storage, 0x30, create) == nil)
    }

    @Test("RELMAP: the file as it comes, whatever the size says", arguments: [0, 4, -1, 512] as [Int32])
    func relationMap(size: Int32) throws {
        let mainData = littleEndian(UInt32(5), UInt32(1663), size) + [0x17, 0x27, 0x59, 0x00]
        let expected = RelationMapMetadata.update(
            database: 5,
            tablespace: 1663,
            size: size,
            content: [0x17, 0x27, 0x59, 0x00]
        )
        for info: UInt8 in [0x00, 0x10, 0xF0] {
            #expect(try metadata(.relationMap, info, mainData) == .relationMap(expected))
        }
    }

    // MARK: - The rest

    @Test("XLOG: whole main data, the info byte without its low bits")
    func xlog() throws {
        for info in stride(from: UInt8(0), through: 0xF0, by: 0x10) where info != 0x40 {
            let expected = MetadataRecord.xlog(.raw(info: info, lsn: Interpretation.next, mainData: [9, 8, 7]))
            #expect(try metadata(.xlog, info, [9, 8, 7], .v15) == expected)
            #expect(try metadata(.xlog, info | 0x02, [9, 8, 7], .v15) == expected)
        }
    }

    @Test("STANDBY: the oldest running transaction")
    func standby() throws {
        let mainData =
            littleEndian(Int32(1), Int32(2), UInt32(0xE3A4_A300), UInt32(845), UInt32(745), UInt32(844))
            + littleEndian(UInt32(745), UInt32(746), UInt32(747))
        #expect(try metadata(.standby, 0x10, mainData) == .standby(.runningTransactions(oldestRunningXID: 745)))
        for info: UInt8 in [0x00, 0x20] { #expect(try metadata(.standby, info, mainData) == nil) }
    }

    @Test("REPLORIGIN: set and drop")
    func replicationOrigin() throws {
        let set = littleEndian(UInt64(0x1234), UInt16(7), UInt8(1))
        #expect(
            try metadata(.replicationOrigin, 0x00, set)
                == .replicationOrigin(.set(remoteLSN: LSN(0x1234), originID: 7))
        )
        #expect(try metadata(.replicationOrigin, 0x10, [7, 1]) == .replicationOrigin(.drop(originID: 0x0107)))
        #expect(try metadata(.replicationOrigin, 0x20, set) == nil)
    }

    @Test("LOGICALMSG: files of Neon's computes, and nothing else")
    func logicalMessage() throws {
        let cases: [(prefix: String, path: String?)] = [
            ("neon-file:pg_logical/x", "pg_logical/x"), ("neon-file:", ""),
            ("neon-file:\u{00E4}\u{20AC}", "\u{00E4}\u{20AC}"),
            ("neon-test", nil), ("neon-fil", nil), ("neon-file", nil), ("Neon-file:x", nil), ("", nil), ("other", nil),
        ]
        for (prefix, path) in cases {
            for content in [[], [1, 2, 3], Array(repeating: UInt8(0xFF), count: 70_000)] {
                let mainData = LogicalMessage.mainData(prefix: Array(prefix.utf8), content: content)
                let expected = path.map { MetadataRecord.logicalMessage(.put(path: $0, content: content)) }
                #expect(try metadata(.logicalMessage, 0x00, mainData) == expected, "\(prefix)")
                #expect(try metadata(.logicalMessage, 0x10, mainData) == nil)
            }
        }
    }

    @Test("Resource managers without metadata", arguments: [5, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 128, 255])
    func others(id: UInt8) throws {
        for info in stride(from: UInt8(0), through: 0xF0, by: 0x10) {
            #expect(try metadata(ResourceManager(rawValue: id), info, [1, 2, 3]) == nil)
        }
    }
}

/// Main data of logical messages.
enum LogicalMessage {
    static func mainData(prefix: [UInt8], content: [UInt8] = []) -> [UInt8] {
        littleEndian(UInt32(5), UInt32(0xABAB_AB01), UInt64(prefix.count + 1), UInt64(content.count)) + prefix + [0]
            + content
    }
}
