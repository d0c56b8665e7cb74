public import PostgresWAL

/// What a REPLORIGIN record says: how far a replication origin has been replayed.
///
/// Source: `wal-interpretation.md` §3.8 and §11 (Replorigin).
public enum ReplicationOriginMetadata: Hashable, Sendable {
    /// The origin has been replayed up to this LSN of its own.
    case set(remoteLSN: LSN, originID: UInt16)
    /// The origin was dropped.
    case drop(originID: UInt16)
}

// MARK: - Bincode

extension ReplicationOriginMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .set(let remoteLSN, let originID):
            buffer.append(variant: 0)
            buffer.append(bigEndian: remoteLSN.rawValue)
            buffer.append(bigEndian: originID)
        case .drop(let originID):
            buffer.append(variant: 1)
            buffer.append(bigEndian: originID)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .set(remoteLSN: LSN(try reader.read()), originID: try reader.read())
        case 1: self = .drop(originID: try reader.read())
        case let other: throw .unknownVariant(path: "MetadataRecord.Replorigin", value: other)
        }
    }
}
