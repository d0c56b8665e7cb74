/// What a record of Neon's own resource manager says beyond page contents.
///
/// Source: `wal-interpretation.md` §3.4 and §11 (Neonrmgr).
public enum NeonMetadata: Hashable, Sendable {
    /// Heap pages changed whose visibility map bits have to be cleared.
    case clearVisibilityBits(ClearVisibilityBits)
}

// MARK: - Bincode

extension NeonMetadata: BincodeCodable {
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
        case let other: throw .unknownVariant(path: "MetadataRecord.Neonrmgr", value: other)
        }
    }
}
