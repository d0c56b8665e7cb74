import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures

/// Random messages of all kinds of records, with numbers of every magnitude.
extension SeededGenerator {
    mutating func batch(recordsUpTo maximum: Int = 6) -> InterpretedBatch {
        let records = (0..<Int.random(in: 0...maximum, using: &self)).map { _ in record() }
        return InterpretedBatch(
            records: records,
            nextRecordLSN: LSN(magnitude()),
            rawWALStartLSN: chance(1, in: 2) ? LSN(magnitude()) : nil
        )
    }

    mutating func record() -> InterpretedRecord {
        InterpretedRecord(
            metadata: chance(1, in: 2) ? metadata() : nil,
            batch: values(),
            nextRecordLSN: LSN(chance(1, in: 10) ? 0 : magnitude()),
            flushUncommitted: chance(1, in: 4),
            xid: chance(1, in: 4) ? 0 : UInt32(truncatingIfNeeded: magnitude())
        )
    }

    mutating func values() -> SerializedValueBatch {
        var batch = SerializedValueBatch()
        for _ in 0..<Int.random(in: 0...4, using: &self) {
            let lsn = LSN(magnitude())
            if chance(1, in: 4) {
                batch.metadata.append(.observed(key: key(), lsn: lsn))
            } else {
                batch.append(value(), key: key(), lsn: lsn)
            }
        }
        return batch
    }

    mutating func key() -> CompactKey {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: CompactKey(high: 0, low: 0)
        case 1: CompactKey(high: next(), low: next())
        case 2: CompactKey(high: magnitude(), low: magnitude())
        default: CompactKey(high: 0x0006_7F00_0000_0500, low: 0x0040_0000_0000_0000 | magnitude() & 0xFFFF_FFFF)
        }
    }

    mutating func value() -> StoredValue {
        switch Int.random(in: 0..<10, using: &self) {
        case 0: .image(bytes(upTo: 60))
        case 1: .record(.clogSetCommitted(xids: numbers(upTo: 3), timestamp: Int64(truncatingIfNeeded: next())))
        case 2: .record(.auxiliaryFile(path: "pg_logical/ü", content: chance(1, in: 2) ? bytes(upTo: 9) : nil))
        default: .record(.postgres(willInit: chance(1, in: 3), record: bytes(upTo: 80)))
        }
    }

    mutating func metadata() -> MetadataRecord {
        let number = UInt32(truncatingIfNeeded: next())
        let locator = RelationLocator(tablespace: 1663, database: 5, relation: number)
        let tag = RelationTag(locator: locator, fork: 2)
        let bits = ClearVisibilityBits(
            newHeapBlock: chance(1, in: 2) ? number : nil,
            oldHeapBlock: chance(1, in: 2) ? number : nil,
            visibilityMap: tag,
            flags: 3
        )
        switch Int.random(in: 0..<12, using: &self) {
        case 0: return .heap(.clearVisibilityBits(bits))
        case 1: return .neon(.clearVisibilityBits(bits))
        case 2: return .storageManager(.truncate(blockCount: number, relation: locator, flags: 7))
        case 3: return .database(.drop(database: number, tablespaces: numbers(upTo: 3)))
        case 4: return .clog(.zeroPage(segment: number, page: 3))
        case 5: return .transaction(.commit(transactionEnd()))
        case 6:
            let members = numbers(upTo: 4).map { MultiXactMember(xid: $0, status: $0 & 3) }
            return .multiXact(.create(multiXact: number, memberOffset: 1, members: members))
        case 7: return .relationMap(.update(database: 5, tablespace: 1663, size: 4, content: bytes(upTo: 20)))
        case 8: return .xlog(.raw(info: 0x30, lsn: LSN(next()), mainData: bytes(upTo: 20)))
        case 9: return .logicalMessage(.put(path: "a/\(number)", content: bytes(upTo: 20)))
        case 10: return .standby(.runningTransactions(oldestRunningXID: number))
        default: return .replicationOrigin(.set(remoteLSN: LSN(next()), originID: 1))
        }
    }

    mutating func transactionEnd() -> XactCommon {
        let relations = numbers(upTo: 3).map { RelationLocator(tablespace: 1663, database: 5, relation: $0) }
        return XactCommon(
            xid: UInt32(truncatingIfNeeded: next()),
            info: 0,
            time: Int64(truncatingIfNeeded: next()),
            xinfo: 0x26,
            subtransactions: numbers(upTo: 3),
            droppedRelations: relations,
            originLSN: LSN(next()),
            originID: 7,
            headerXID: UInt32(truncatingIfNeeded: next()),
            lsn: LSN(next())
        )
    }
}
