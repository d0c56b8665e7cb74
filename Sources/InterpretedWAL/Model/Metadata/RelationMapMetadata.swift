/// What a RELMAP record says: the map of system catalogues to their files was replaced.
///
/// Source: `wal-interpretation.md` §3.5 and §11 (Relmap).
public enum RelationMapMetadata: Hashable, Sendable {
    /// The map file of a database in a tablespace; `size` is the record's own count, which nobody checks.
    case update(database: UInt32, tablespace: UInt32, size: Int32, content: [UInt8])
}

// MARK: - Bincode

extension RelationMapMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .update(let database, let tablespace, let size, let content):
            buffer.append(variant: 0)
            buffer.append(bigEndian: database)
            buffer.append(bigEndian: tablespace)
            buffer.append(bigEndian: size)
            buffer.append(byteString: content)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .update(
                database: try reader.read(),
                tablespace: try reader.read(),
                size: try reader.read(),
                content: try reader.readByteString()
            )
        case let other:
            throw .unknownVariant(path: "MetadataRecord.Relmap", value: other)
        }
    }
}
