public import PostgresWAL

/// An XLOG record, which the receiver takes apart itself.
///
/// Source: `wal-interpretation.md` §3.2 and §11 (Xlog).
public enum XLogMetadata: Hashable, Sendable {
    /// The record's info byte & 0xF0, the LSN its values are stamped with, and its whole main data.
    case raw(info: UInt8, lsn: LSN, mainData: [UInt8])
}

// MARK: - Bincode

extension XLogMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .raw(let info, let lsn, let mainData):
            buffer.append(variant: 0)
            buffer.append(info)
            buffer.append(bigEndian: lsn.rawValue)
            buffer.append(byteString: mainData)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .raw(
                info: try reader.read(),
                lsn: LSN(try reader.read()),
                mainData: try reader.readByteString()
            )
        case let other:
            throw .unknownVariant(path: "MetadataRecord.Xlog", value: other)
        }
    }
}
