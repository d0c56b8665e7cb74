public import ShardIdentity

/// What a HEAP or HEAP2 record says beyond page contents.
///
/// Source: `wal-interpretation.md` §3.3 and §11 (Heapam).
public enum HeapMetadata: Hashable, Sendable {
    /// Heap pages changed whose visibility map bits have to be cleared.
    case clearVisibilityBits(ClearVisibilityBits)
}

/// Which bits of the visibility map a change of heap pages clears.
///
/// In one shard's copy, blocks whose map page belongs to another shard are nil.
///
/// Source: `wal-interpretation.md` §2 and §11 (ClearVmBits).
public struct ClearVisibilityBits: Hashable, Sendable {
    /// The heap block that holds the new row version.
    public var newHeapBlock: UInt32?
    /// The heap block that holds the old row version.
    public var oldHeapBlock: UInt32?
    /// The visibility map: the relation's fork 2.
    public var visibilityMap: RelationTag
    /// 3: all-visible and all-frozen; 2: all-frozen only.
    public var flags: UInt8

    /// Makes a value of its parts.
    public init(newHeapBlock: UInt32?, oldHeapBlock: UInt32?, visibilityMap: RelationTag, flags: UInt8) {
        self.newHeapBlock = newHeapBlock
        self.oldHeapBlock = oldHeapBlock
        self.visibilityMap = visibilityMap
        self.flags = flags
    }
}

// MARK: - Bincode

extension HeapMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .clearVisibilityBits(let bits):
            buffer.append(variant: 0)
            bits.encode(into: &buffer)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .clearVisibilityBits(try ClearVisibilityBits(from: &reader))
        case let other: throw .unknownVariant(path: "MetadataRecord.Heapam", value: other)
        }
    }
}

extension ClearVisibilityBits: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(optional: newHeapBlock)
        buffer.append(optional: oldHeapBlock)
        visibilityMap.encode(into: &buffer)
        buffer.append(flags)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        self.init(
            newHeapBlock: try reader.readOptionalUInt32(),
            oldHeapBlock: try reader.readOptionalUInt32(),
            visibilityMap: try RelationTag(from: &reader),
            flags: try reader.read()
        )
    }
}
