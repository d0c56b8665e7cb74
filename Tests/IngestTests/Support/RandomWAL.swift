import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures

/// Records as a server might write them, at random, and what each shard is to get of them.
///
/// It keeps account of which relations and databases there are, so that all records make sense.
struct RandomWAL {
    /// A record before it is split over shards.
    struct Record {
        var lsn: LSN
        var xid: UInt32 = 0
        var metadata: MetadataRecord?
        var writes: [(relation: RelationTag, block: UInt32, value: StoredValue)] = []
        var flushUncommitted = false
    }

    var generator: SeededGenerator
    private var lsn: LSN
    private var relations: [RelationTag: UInt32] = [:]
    /// The blocks written since their relation was made or cut: the first record of a block has the whole page.
    private var written: [RelationTag: Set<UInt32>] = [:]
    private var databases: Set<UInt32> = [5]
    private var nextRelation: UInt32 = 16384
    private var nextDatabase: UInt32 = 50000
    private var nextXID: UInt32 = 800
    private var prepared: [UInt32] = []
    private var nextMultiXact: UInt32 = 1
    private var nextMember: UInt32 = 1

    init(seed: UInt64, from lsn: LSN) {
        generator = SeededGenerator(seed: seed)
        self.lsn = lsn
    }

    /// What every run begins with: a database, and first pages of the logs.
    mutating func preamble() -> [Record] {
        [
            record(.relationMap(.update(database: 5, tablespace: 1663, size: 2, content: [1, 2]))),
            record(.clog(.zeroPage(segment: 0, page: 0))),
            record(.multiXact(.zeroPage(kind: .multiXactOffsets, segment: 0, page: 0))),
            record(.multiXact(.zeroPage(kind: .multiXactMembers, segment: 0, page: 0))),
        ]
    }

    mutating func next() -> Record {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<55: return write()
        case 55..<63: return create()
        case 63..<68: return truncate()
        case 68..<76: return clear()
        case 76..<86: return end()
        case 86..<88: return prepare()
        case 88..<90: return databaseChange()
        case 90..<93: return multiXact()
        case 93..<95:
            let path = "pg_replslot/s\(Int.random(in: 0..<3, using: &generator))/state"
            return record(.logicalMessage(.put(path: path, content: generator.bytes(upTo: 3))))
        case 95..<97:
            return record(.replicationOrigin(.set(remoteLSN: LSN(generator.next()), originID: 3)))
        case 97: return record(.xlog(.raw(info: 0x30, lsn: lsn, mainData: generator.bytes(4))))
        case 98: return record(.standby(.runningTransactions(oldestRunningXID: nextXID)))
        default: return record(nil)
        }
    }

    private mutating func record(_ metadata: MetadataRecord?, xid: UInt32 = 0) -> Record {
        lsn += 8 * UInt64.random(in: 1...40, using: &generator)
        return Record(lsn: lsn, xid: xid, metadata: metadata)
    }

    private mutating func anyRelation(fork: UInt8? = nil) -> RelationTag? {
        relations.keys.filter { fork == nil || $0.fork == fork }
            .sorted {
                ($0.locator.database, $0.locator.relation, $0.fork) < (
                    $1.locator.database, $1.locator.relation, $1.fork
                )
            }
            .randomElement(using: &generator)
    }

    private mutating func write() -> Record {
        var result = record(nil, xid: generator.chance(1, in: 3) ? nextXID : 0)
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            guard let relation = anyRelation() else { break }
            let size = relations[relation] ?? 0
            let block =
                generator.chance(1, in: 3)
                ? size + UInt32.random(in: 0..<6, using: &generator)
                : UInt32.random(in: 0..<max(size, 1), using: &generator)
            if result.writes.contains(where: { $0.relation == relation && $0.block == block }) { continue }
            relations[relation] = max(size, block + 1)
            let isFirst = written[relation, default: []].insert(block).inserted
            let value: StoredValue =
                generator.chance(1, in: 4)
                ? .image([UInt8](repeating: UInt8.random(in: 1...255, using: &generator), count: 8192))
                : .record(.postgres(willInit: isFirst || generator.chance(1, in: 5), record: generator.bytes(upTo: 40)))
            result.writes.append((relation, block, value))
        }
        return result
    }

    private mutating func create() -> Record {
        let database = databases.sorted().randomElement(using: &generator) ?? 5
        var relation = RelationTag(
            locator: RelationLocator(tablespace: 1663, database: database, relation: nextRelation + 1),
            fork: UInt8.random(in: 0...3, using: &generator)
        )
        // Maps mostly belong to a table.
        if relation.fork != ForkNumber.main, let table = anyRelation(fork: ForkNumber.main),
            relations[RelationTag(locator: table.locator, fork: relation.fork)] == nil
        {
            relation.locator = table.locator
        } else {
            nextRelation += 1
        }
        relations[relation] = 0
        written[relation] = nil
        return record(.storageManager(.create(relation)), xid: nextXID)
    }

    private mutating func truncate() -> Record {
        guard let relation = anyRelation(fork: ForkNumber.main) else { return record(nil) }
        let blocks = UInt32.random(in: 0...(relations[relation] ?? 0), using: &generator)
        let flags = UInt32.random(in: 0...3, using: &generator) << 1 | 1
        let kept = min(blocks, 1)
        // Of a table of a few blocks the first page of the visibility map is needed, or three of free space.
        let sizes = [
            (flag: UInt32(1), fork: ForkNumber.main, blocks: blocks),
            (flag: 2, fork: ForkNumber.visibilityMap, blocks: kept),
            (flag: 4, fork: ForkNumber.freeSpaceMap, blocks: 2 + kept),
        ]
        for size in sizes where flags & size.flag != 0 {
            let cut = RelationTag(locator: relation.locator, fork: size.fork)
            relations[cut] = relations[cut].map { min($0, size.blocks) }
            written[cut] = written[cut]?.filter { $0 < size.blocks }
        }
        return record(.storageManager(.truncate(blockCount: blocks, relation: relation.locator, flags: flags)))
    }

    private mutating func clear() -> Record {
        guard let map = anyRelation(fork: ForkNumber.visibilityMap) else { return record(nil) }
        let pages = written[map, default: []].sorted()
        let blocks = (0..<2).map { _ in
            generator.chance(1, in: 3) ? nil : pages.randomElement(using: &generator).map { $0 * 32672 + 5 }
        }
        let bits = ClearVisibilityBits(
            newHeapBlock: blocks[0],
            oldHeapBlock: blocks[1],
            visibilityMap: map,
            flags: 3
        )
        return record(.heap(.clearVisibilityBits(bits)), xid: nextXID)
    }

    private mutating func end() -> Record {
        let xid = nextXID
        nextXID += UInt32.random(in: 1...5, using: &generator)
        var end = XactCommon(
            xid: xid,
            info: 0,
            time: 1,
            subtransactions: Array(xid + 1..<nextXID),
            headerXID: xid,
            lsn: lsn
        )
        if generator.chance(1, in: 4), let relation = anyRelation() {
            end.droppedRelations = [relation.locator]
            for fork in UInt8(0)...3 { relations[RelationTag(locator: relation.locator, fork: fork)] = nil }
        }
        if generator.chance(1, in: 8), let prepared = prepared.popLast() {
            end.xid = prepared
            return record(.transaction(generator.chance(1, in: 2) ? .commitPrepared(end) : .abortPrepared(end)))
        }
        return record(.transaction(generator.chance(1, in: 4) ? .abort(end) : .commit(end)), xid: xid)
    }

    private mutating func prepare() -> Record {
        nextXID += 1
        prepared.append(nextXID)
        return record(.transaction(.prepare(xid: nextXID, data: generator.bytes(upTo: 20))), xid: nextXID)
    }

    private mutating func databaseChange() -> Record {
        if databases.count > 1, generator.chance(1, in: 2), let dropped = databases.subtracting([5]).min() {
            databases.remove(dropped)
            for relation in relations.keys where relation.locator.database == dropped { relations[relation] = nil }
            return record(.database(.drop(database: dropped, tablespaces: [1663])))
        }
        nextDatabase += 1
        databases.insert(nextDatabase)
        for (relation, size) in relations where relation.locator.database == 5 {
            var copy = relation
            copy.locator.database = nextDatabase
            relations[copy] = size
            written[copy] = written[relation]
        }
        var result = record(
            .database(.create(database: nextDatabase, tablespace: 1663, sourceDatabase: 5, sourceTablespace: 1663))
        )
        result.flushUncommitted = true
        return result
    }

    private mutating func multiXact() -> Record {
        let members = (0..<2).map { _ in
            MultiXactMember(xid: nextXID, status: UInt32.random(in: 0...5, using: &generator))
        }
        defer {
            nextMultiXact += 1
            nextMember += 2
        }
        return record(.multiXact(.create(multiXact: nextMultiXact, memberOffset: nextMember, members: members)))
    }
}

extension RandomWAL.Record {
    /// What a shard gets; nil if nothing.
    func share(of shard: ShardIdentity) -> InterpretedRecord? {
        var result = InterpretedRecord(
            metadata: metadata(for: shard),
            nextRecordLSN: lsn,
            flushUncommitted: flushUncommitted,
            xid: xid
        )
        for (relation, block, value) in writes {
            guard let key = CompactKey(.relationBlock(relation, block: block)) else { continue }
            if shard.isLocal(Key(key)) {
                result.batch.append(value, key: key, lsn: lsn)
            } else if shard.number == .zero {
                result.batch.metadata.append(.observed(key: key, lsn: lsn))
            }
        }
        return shard.number == .zero || !result.isEmpty ? result : nil
    }

    private func metadata(for shard: ShardIdentity) -> MetadataRecord? {
        switch metadata {
        case .heap(.clearVisibilityBits(var bits)):
            let isOwn = { (block: UInt32) in
                shard.isLocal(.relationBlock(bits.visibilityMap, block: block / 32672))
            }
            let new = bits.newHeapBlock.flatMap { isOwn($0) ? $0 : nil }
            let old = bits.oldHeapBlock.flatMap { isOwn($0) ? $0 : nil }
            guard new != nil || old != nil else { return nil }
            bits.newHeapBlock = new
            bits.oldHeapBlock = old
            return .heap(.clearVisibilityBits(bits))
        case .logicalMessage:
            return shard.number == .zero ? metadata : nil
        default:
            return metadata
        }
    }
}

extension [RandomWAL.Record] {
    /// A shard's message.
    func message(for shard: ShardIdentity) -> [UInt8] {
        testMessage(compactMap { $0.share(of: shard) }, nextRecordLSN: last?.lsn)
    }
}
