import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Bits of visibility maps that records clear, and what pages become of that.
struct VisibilityMapRecordTests {
    private func clear(_ new: UInt32?, _ old: UInt32?, _ flags: UInt8 = 3) -> MetadataRecord {
        .heap(
            .clearVisibilityBits(
                ClearVisibilityBits(newHeapBlock: new, oldHeapBlock: old, visibilityMap: tableMap, flags: flags)
            )
        )
    }

    private func deltas(_ shard: TestShard, at lsn: LSN) throws -> [UInt32: String] {
        var deltas: [UInt32: String] = [:]
        for block in UInt32(0)..<4 {
            guard let found = try shard.store.newest(.relationBlock(tableMap, block: block), atOrBelow: lsn),
                found.lsn == lsn
            else { continue }
            deltas[block] = hexText(found.bytes)
        }
        return deltas
    }

    @Test("blocks on one page of the map are one change, on two pages two")
    func changes() throws {
        let shard = try TestShard()
        try shard.record(writes: [.image(tableMap, 3, page(0xFF))])
        let prefix = "0000000100000001"
        #expect(try deltas(shard, at: shard.record(clear(17, nil))) == [0: prefix + "010000001100" + "03"])
        #expect(try deltas(shard, at: shard.record(clear(nil, 7, 2))) == [0: prefix + "000100000007" + "02"])
        #expect(
            try deltas(shard, at: shard.record(clear(17, 32671)))
                == [0: prefix + "0100000011" + "0100007F9F" + "03"]
        )
        #expect(
            try deltas(shard, at: shard.record(clear(40000, 7)))
                == [1: prefix + "0100009C4000" + "03", 0: prefix + "000100000007" + "03"]
        )
        #expect(try deltas(shard, at: shard.record(clear(nil, nil))) == [:])
        #expect(shard.warnings.all == [])
    }

    @Test("a map that is unknown or too short makes a warning and no change")
    func unknown() throws {
        let shard = try TestShard()
        let first = try shard.record(clear(1, nil))
        #expect(try deltas(shard, at: first) == [:])
        try shard.record(writes: [.image(tableMap, 0, page(0xFF))])
        let second = try shard.record(clear(40000, 7))
        #expect(try deltas(shard, at: second).keys.sorted() == [0])
        #expect(
            shard.warnings.all == [
                .visibilityMapUnknown(tableMap, lsn: first),
                .visibilityMapTooShort(tableMap, block: 1, size: 1, lsn: second),
            ]
        )
    }

    @Test("pages have the bits cleared, and the record's LSN")
    func pages() throws {
        let shard = try TestShard()
        try shard.record(writes: [.image(tableMap, 0, page(0xFF)), .image(tableMap, 1, page(0xFF))])
        // From the sheet: heap block, block of the map, byte of the page, mask left by flags 3 and by flags 2.
        let cases: [(UInt32, UInt32, Int, UInt8, UInt8)] = [
            (17, 0, 28, 0xF3, 0xF7), (32671, 0, 8191, 0x3F, 0x7F), (32672, 1, 24, 0xFC, 0xFD),
            (40000, 1, 1856, 0xFC, 0xFD),
        ]
        for (heapBlock, block, byte, all, frozen) in cases {
            for (flags, mask) in [(UInt8(2), frozen), (3, all)] {
                let lsn = try shard.record(clear(heapBlock, nil, flags))
                let page = try shard.ingest.reader.page(tableMap, block: block, at: lsn)
                #expect(page[byte] == mask)
                #expect(page[0..<8].elementsEqual([0, 0, 0, 0] + littleEndian(UInt32(lsn.rawValue))))
            }
        }
    }

    @Test("a truncated map loses the bits behind, and keeps those before")
    func truncated() throws {
        let shard = try TestShard()
        try shard.record(writes: [.image(tableMap, 0, page(0xFF))])
        let lsn = try shard.record(.storageManager(.truncate(blockCount: 10, relation: table, flags: 2)))
        let page = try shard.ingest.reader.page(tableMap, block: 0, at: lsn)
        #expect(page[0..<26].allSatisfy { $0 == 0xFF })
        #expect(page[26] == 0x0F)
        #expect(page[27...].allSatisfy { $0 == 0 })
    }

    @Test("the change goes to the shard that owns the map's page")
    func sharded() throws {
        for number in UInt8(0)..<4 {
            let shard = try TestShard(testShard(number, of: 4, stripe: 1))
            let identity = shard.ingest.shard.identity
            let own = (UInt32(0)..<40).filter { identity.isLocal(.relationBlock(tableMap, block: $0)) }
            for block in own { try shard.record(writes: [.image(tableMap, block, page(0xFF))]) }
            let block = try #require(own.first)
            let lsn = try shard.record(clear(block * 32672 + 5, nil))
            let changed = try shard.ingest.reader.page(tableMap, block: block, at: lsn)
            #expect(changed[25] == 0xF3)
        }
    }
}

func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}
