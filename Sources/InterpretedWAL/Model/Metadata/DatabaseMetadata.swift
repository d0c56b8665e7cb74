/// What a DBASE record says: databases that appear or vanish.
///
/// Source: `wal-interpretation.md` §3.6 and §11 (Dbase).
public enum DatabaseMetadata: Hashable, Sendable {
    /// A database was made as a file copy of another one.
    case create(database: UInt32, tablespace: UInt32, sourceDatabase: UInt32, sourceTablespace: UInt32)
    /// A database was dropped from these tablespaces.
    case drop(database: UInt32, tablespaces: [UInt32])
}

// MARK: - Bincode

extension DatabaseMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .create(let database, let tablespace, let sourceDatabase, let sourceTablespace):
            buffer.append(variant: 0)
            buffer.append(bigEndian: database)
            buffer.append(bigEndian: tablespace)
            buffer.append(bigEndian: sourceDatabase)
            buffer.append(bigEndian: sourceTablespace)
        case .drop(let database, let tablespaces):
            buffer.append(variant: 1)
            buffer.append(bigEndian: database)
            buffer.append(sequence: tablespaces)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .create(
                database: try reader.read(),
                tablespace: try reader.read(),
                sourceDatabase: try reader.read(),
                sourceTablespace: try reader.read()
            )
        case 1:
            self = .drop(database: try reader.read(), tablespaces: try reader.readUInt32Sequence())
        case let other:
            throw .unknownVariant(path: "MetadataRecord.Dbase", value: other)
        }
    }
}
