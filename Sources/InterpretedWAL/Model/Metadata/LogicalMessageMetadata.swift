/// What a logical message of Neon's own prefix says.
///
/// Source: `wal-interpretation.md` §3.8 and §11 (LogicalMessage).
public enum LogicalMessageMetadata: Hashable, Sendable {
    /// A file of the compute, kept in the store; an empty content removes it.
    case put(path: String, content: [UInt8])
    /// A stop for tests of the reference: only its testing builds send this.
    case failpoint
}

// MARK: - Bincode

extension LogicalMessageMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .put(let path, let content):
            buffer.append(variant: 0)
            buffer.append(text: path)
            buffer.append(byteString: content)
        case .failpoint:
            buffer.append(variant: 1)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .put(path: try reader.readText(), content: try reader.readByteString())
        case 1: self = .failpoint
        case let other: throw .unknownVariant(path: "MetadataRecord.LogicalMessage", value: other)
        }
    }
}
