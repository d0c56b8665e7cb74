/// What an XACT record says: how a transaction ended, or that it was prepared.
///
/// Source: `wal-interpretation.md` §3.7 and §11 (Xact).
public enum TransactionMetadata: Hashable, Sendable {
    /// The transaction committed.
    case commit(XactCommon)
    /// The transaction was rolled back.
    case abort(XactCommon)
    /// A prepared transaction committed.
    case commitPrepared(XactCommon)
    /// A prepared transaction was rolled back.
    case abortPrepared(XactCommon)
    /// A transaction was prepared; `data` is the content of its two-phase state file.
    case prepare(xid: UInt32, data: [UInt8])
}

// MARK: - Bincode

extension TransactionMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .commit(let end):
            buffer.append(variant: 0)
            end.encode(into: &buffer)
        case .abort(let end):
            buffer.append(variant: 1)
            end.encode(into: &buffer)
        case .commitPrepared(let end):
            buffer.append(variant: 2)
            end.encode(into: &buffer)
        case .abortPrepared(let end):
            buffer.append(variant: 3)
            end.encode(into: &buffer)
        case .prepare(let xid, let data):
            buffer.append(variant: 4)
            buffer.append(bigEndian: xid)
            buffer.append(byteString: data)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .commit(try XactCommon(from: &reader))
        case 1: self = .abort(try XactCommon(from: &reader))
        case 2: self = .commitPrepared(try XactCommon(from: &reader))
        case 3: self = .abortPrepared(try XactCommon(from: &reader))
        case 4: self = .prepare(xid: try reader.read(), data: try reader.readByteString())
        case let other: throw .unknownVariant(path: "MetadataRecord.Xact", value: other)
        }
    }
}
