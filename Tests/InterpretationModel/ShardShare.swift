package import InterpretedWAL
import PostgresWAL
package import ShardIdentity

/// What a shard is to get of a record, worked out from all that the record says: block by block, the plain way.
///
/// Source: `wal-interpretation.md` §2 and §4.
package enum ShardShare {
    /// A shard's share of a record, given what an unsharded tenant gets of it; nil if the sender keeps it back.
    package static func share(of whole: InterpretedRecord, for shard: ShardIdentity) -> InterpretedRecord? {
        var share = InterpretedRecord(
            metadata: metadata(of: whole, for: shard),
            nextRecordLSN: whole.nextRecordLSN,
            flushUncommitted: whole.flushUncommitted,
            xid: whole.xid
        )
        for case .serialized(let key, let lsn, let offset, let length, let willInit) in whole.batch.metadata {
            if shard.isLocal(Key(key)) {
                share.batch.metadata.append(
                    .serialized(
                        key: key,
                        lsn: lsn,
                        offset: share.batch.rawBytes.count,
                        length: length,
                        willInit: willInit
                    )
                )
                share.batch.rawBytes += whole.batch.rawBytes[offset..<offset + length]
                share.batch.maxLSN = lsn
                share.batch.count += 1
            } else if shard.number == .zero {
                share.batch.metadata.append(.observed(key: key, lsn: lsn))
            }
        }
        return share.isEmpty && shard.number != .zero ? nil : share
    }

    /// The shards of a layout that get more than others do: shard 0 and the owners of what the record touches.
    package static func concerned(
        by whole: InterpretedRecord,
        count: ShardCount,
        stripeSize: ShardStripeSize
    ) -> [ShardNumber] {
        let blocks = whole.batch.metadata.map { Key($0.key) }
        let maps = whole.metadata?.visibilityMapKeys.map { [$0.old, $0.new].compactMap { $0 } } ?? []
        var concerned = [ShardNumber.zero]
        for key in blocks + maps {
            let owner = ShardIdentity.shardNumber(of: key, count: count, stripeSize: stripeSize)
            // There are few: looking through a list is quicker than hashing.
            if !concerned.contains(owner) { concerned.append(owner) }
        }
        return concerned
    }

    private static func metadata(of whole: InterpretedRecord, for shard: ShardIdentity) -> MetadataRecord? {
        switch whole.metadata {
        case .heap(.clearVisibilityBits(let bits)): bits.part(for: shard).map { .heap(.clearVisibilityBits($0)) }
        case .neon(.clearVisibilityBits(let bits)): bits.part(for: shard).map { .neon(.clearVisibilityBits($0)) }
        case .logicalMessage: shard.number == .zero ? whole.metadata : nil
        case let other: other
        }
    }
}

extension MetadataRecord {
    /// The pages of visibility maps that a record changes.
    package var visibilityMapKeys: (old: Key?, new: Key?)? {
        switch self {
        case .heap(.clearVisibilityBits(let bits)), .neon(.clearVisibilityBits(let bits)): bits.mapKeys
        default: nil
        }
    }
}

extension ClearVisibilityBits {
    /// Heap blocks whose bits share a page: two bits each in 8192 - 24 bytes.
    package static let heapBlocksPerPage: UInt32 = (8192 - 24) * 8 / 2

    fileprivate var mapKeys: (old: Key?, new: Key?) {
        (oldHeapBlock.map(mapKey), newHeapBlock.map(mapKey))
    }

    private func mapKey(_ heapBlock: UInt32) -> Key {
        .relationBlock(visibilityMap, block: heapBlock / Self.heapBlocksPerPage)
    }

    /// The blocks whose bits a shard holds; nil if it holds neither's.
    fileprivate func part(for shard: ShardIdentity) -> ClearVisibilityBits? {
        var part = self
        if !(mapKeys.old.map(shard.isLocal) ?? false) { part.oldHeapBlock = nil }
        if !(mapKeys.new.map(shard.isLocal) ?? false) { part.newHeapBlock = nil }
        return part.oldHeapBlock == nil && part.newHeapBlock == nil ? nil : part
    }
}

extension ShardIdentity {
    /// All shards of a layout; count 0 for an unsharded tenant.
    package static func all(count: Int, stripeSize: UInt32) throws -> [ShardIdentity] {
        let count = ShardCount(UInt8(count))
        return try (0..<count.effective).map { number in
            ShardIdentity(
                index: try ShardIndex(number: ShardNumber(UInt8(number)), count: count),
                stripeSize: try ShardStripeSize(pages: stripeSize)
            )
        }
    }
}
