public import ShardIdentity

/// What an SMGR record says: relation files that appear or shrink.
///
/// Source: `wal-interpretation.md` §3.5 and §11 (Smgr).
public enum StorageManagerMetadata: Hashable, Sendable {
    /// A fork of a relation was created.
    case create(RelationTag)
    /// A relation was cut to `blockCount` blocks; `flags` names the forks: 1 heap, 2 visibility map, 4 free space map.
    case truncate(blockCount: UInt32, relation: RelationLocator, flags: UInt32)
}

// MARK: - Bincode

extension StorageManagerMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .create(let relation):
            buffer.append(variant: 0)
            relation.encode(into: &buffer)
        case .truncate(let blockCount, let relation, let flags):
            buffer.append(variant: 1)
            buffer.append(bigEndian: blockCount)
            relation.encode(into: &buffer)
            buffer.append(bigEndian: flags)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .create(try RelationTag(from: &reader))
        case 1:
            self = .truncate(
                blockCount: try reader.read(),
                relation: try RelationLocator(from: &reader),
                flags: try reader.read()
            )
        case let other:
            throw .unknownVariant(path: "MetadataRecord.Smgr", value: other)
        }
    }
}
