internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Relation files that are made or cut.
// Source: `ingest.md` §2.4, §2.6.

extension WALIngest {
    mutating func ingest(_ change: StorageManagerMetadata) throws(IngestFault) {
        switch change {
        case .create(let relation):
            // A base backup may have seen the relation before its WAL says so.
            if state.isInBackup, try size(of: relation) != nil { return }
            try create(relation, blocks: 0)
        case .truncate(let blockCount, let locator, let flags):
            if flags & TruncatedForks.heap != 0 { try truncate(RelationTag(locator: locator), to: blockCount) }
            if flags & TruncatedForks.freeSpaceMap != 0 { try truncateFreeSpaceMap(of: locator, to: blockCount) }
            if flags & TruncatedForks.visibilityMap != 0 { try truncateVisibilityMap(of: locator, to: blockCount) }
        }
    }

    // Of a page that is needed in part the new size counts on every shard, whoever owns it. Upstream counts it on its owner
    // only, and so takes it off the size that shard zero knows and tells computes.

    /// Cuts a free space map to what `heapBlocks` need; the page that is needed in part starts from zero.
    private mutating func truncateFreeSpaceMap(of locator: RelationLocator, to heapBlocks: UInt32) throws(IngestFault) {
        let relation = RelationTag(locator: locator, fork: ForkNumber.freeSpaceMap)
        var page = FreeSpaceMap.firstBlock(beyond: heapBlocks)
        if heapBlocks % FreeSpaceMap.slotsPerPage != 0 {
            let key = Key.relationBlock(relation, block: page)
            if identity.isLocal(key) { try putZeroPage(key) }
            page += 1
        }
        if let size = try size(of: relation), size > page { try truncate(relation, to: page) }
    }

    /// Cuts a visibility map to what `heapBlocks` need; of a page that is needed in part the rest is cleared.
    private mutating func truncateVisibilityMap(of locator: RelationLocator, to heapBlocks: UInt32) throws(IngestFault)
    {
        let relation = RelationTag(locator: locator, fork: ForkNumber.visibilityMap)
        var block = VisibilityMapPage.block(of: heapBlocks)
        let position = VisibilityMapPage.position(of: heapBlocks)
        if position.byte != 0 || position.bit != 0 {
            let key = Key.relationBlock(relation, block: block)
            if identity.isLocal(key) {
                try put(.truncateVisibilityMap(byte: UInt64(position.byte), offset: UInt64(position.bit)), key)
            }
            block += 1
        }
        if let size = try size(of: relation), size > block { try truncate(relation, to: block) }
    }
}

/// The flags of a truncation.
private enum TruncatedForks {
    static let heap: UInt32 = 1
    static let visibilityMap: UInt32 = 2
    static let freeSpaceMap: UInt32 = 4
}

/// The layout of free space maps: a tree of pages, of which the lowest have a slot for each heap block.
private enum FreeSpaceMap {
    static let slotsPerPage: UInt32 = 4069

    /// The map's block with the first slot at or behind `heapBlocks`.
    static func firstBlock(beyond heapBlocks: UInt32) -> UInt32 {
        let leaf = heapBlocks / slotsPerPage
        return leaf + 2 + leaf / slotsPerPage + leaf / slotsPerPage / slotsPerPage
    }
}
