/// One version of a page, as the stream carries it and as the store keeps it.
///
/// Source: `wal-interpretation.md` §10 (Value).
public enum StoredValue: Hashable, Sendable {
    /// The whole page.
    case image([UInt8])
    /// A change to apply to an earlier version.
    case record(NeonWALRecord)

    /// Whether this version needs no earlier one.
    public var startsFreshPage: Bool {
        switch self {
        case .image: true
        case .record(.postgres(let willInit, _)): willInit
        case .record: false
        }
    }

    /// Whether the value with these bytes needs no earlier version, told from its first bytes only.
    ///
    /// False for anything too short to be an image or a PostgreSQL record.
    @inlinable
    public static func startsFreshPage(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount >= imageHeaderSize else { return false }
        switch bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self).bigEndian {
        case 0:
            return true
        case 1:
            return bytes.byteCount >= postgresRecordHeaderSize
                && bytes.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt32.self) == 0
                && bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt8.self) == 1
        default:
            return false
        }
    }

    /// The bytes before an image's page: variant and length.
    public static let imageHeaderSize = 12
    /// The bytes before a PostgreSQL record: both variants, will-init flag and length.
    public static let postgresRecordHeaderSize = 17
}

extension StoredValue: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .image(let page):
            buffer.append(variant: 0)
            buffer.append(byteString: page)
        case .record(let record):
            buffer.append(variant: 1)
            record.encode(into: &buffer)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .image(try reader.readByteString())
        case 1: self = .record(try NeonWALRecord(from: &reader))
        case let other: throw .unknownVariant(path: "Value", value: other)
        }
    }
}
