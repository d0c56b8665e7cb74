internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Bits of visibility maps that changes of heap pages clear.
// Source: `ingest.md` §2.5.

extension WALIngest {
    mutating func clear(_ bits: ClearVisibilityBits) throws(IngestFault) {
        guard bits.newHeapBlock != nil || bits.oldHeapBlock != nil else { return }
        let map = bits.visibilityMap
        guard let size = try size(of: map) else {
            warn(.visibilityMapUnknown(map, lsn: lsn))
            return
        }
        let new = checked(bits.newHeapBlock, map, size)
        let old = checked(bits.oldHeapBlock, map, size)
        if let new, let old, VisibilityMapPage.block(of: new) == VisibilityMapPage.block(of: old) {
            try putClear(new: new, old: old, bits.flags, map, of: new)
            return
        }
        if let new { try putClear(new: new, old: nil, bits.flags, map, of: new) }
        if let old { try putClear(new: nil, old: old, bits.flags, map, of: old) }
    }

    /// A heap block, if the map has a page for it.
    private func checked(_ heapBlock: UInt32?, _ map: RelationTag, _ size: UInt32) -> UInt32? {
        guard let heapBlock else { return nil }
        let block = VisibilityMapPage.block(of: heapBlock)
        guard block < size else {
            warn(.visibilityMapTooShort(map, block: block, size: size, lsn: lsn))
            return nil
        }
        return heapBlock
    }

    private mutating func putClear(
        new: UInt32?,
        old: UInt32?,
        _ flags: UInt8,
        _ map: RelationTag,
        of heapBlock: UInt32
    ) throws(IngestFault) {
        try put(
            .clearVisibilityMapFlags(newHeapBlock: new, oldHeapBlock: old, flags: flags),
            .relationBlock(map, block: VisibilityMapPage.block(of: heapBlock))
        )
    }
}
