public import PostgresWAL

/// Why a message of the interpreted stream cannot be read.
///
/// The message, and with it the connection, is lost; nothing else is.
///
/// Source: `wal-interpretation.md` §13 and §14.
public enum WireError: Error, Hashable, Sendable {
    /// The message ends early, or a length inside leads out of its field: at `offset`, `needed` bytes were expected
    /// and `available` are there.
    case truncated(offset: Int, needed: UInt64, available: Int)
    /// The varint at `offset` has more than 10 bytes or more than 64 bits.
    case invalidVarint(offset: Int)
    /// The tag that ends at `offset` has the field number 0 or more than 32 bits.
    case invalidTag(UInt64, offset: Int)
    /// A field whose content starts at `offset` is a group or has a wire type that does not exist.
    case unsupportedWireType(UInt8, field: UInt32, offset: Int)
    /// A known field whose content starts at `offset` is not of the wire type that the schema says.
    case wireTypeMismatch(UInt8, field: UInt32, offset: Int)
    /// A field that has to be there is not.
    case missingField(WireField)
    /// A message field occurs again at `offset`: merging would be legal, but no sender does it.
    case repeatedField(WireField, offset: Int)
    /// The type of a value's metadata is neither 0 nor 1.
    case unexpectedValueType(Int32)
    /// A value does not lie inside of its batch's raw bytes.
    case valueOutOfBounds(lsn: LSN, offset: UInt64, length: UInt64, rawSize: Int)
    /// A batch declares another number of serialized values than it has.
    case valueCountMismatch(declared: UInt64, found: Int)
    /// The message in bincode form is not decodable.
    case bincode(BincodeError)
    /// The metadata of the record with this next LSN is not decodable.
    case metadataRecord(BincodeError, nextRecordLSN: LSN)
    /// The message has more records and values than are made into objects.
    case tooManyEntries(limit: Int)
    /// The message is not decompressible.
    case compression(CompressionError)
}

/// A field that the wire format allows to be absent and its readers do not.
public enum WireField: String, Hashable, Sendable {
    /// The position after the message's last record.
    case nextRecordLSN = "InterpretedWalRecords::next_record_lsn"
    /// A record's values.
    case batch = "InterpretedWalRecord::batch"
    /// A value's key.
    case key = "ValueMeta::key"
    /// Where a serialized value starts.
    case batchOffset = "ValueMeta::batch_offset"
    /// The bytes of a serialized value.
    case length = "ValueMeta::len"
    /// Whether a serialized value needs no earlier one.
    case willInit = "ValueMeta::will_init"
}

extension WireError: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .truncated(let offset, let needed, let available):
            "\(needed) bytes needed at offset \(offset), \(available) there"
        case .invalidVarint(let offset):
            "varint of more than 64 bits at offset \(offset)"
        case .invalidTag(let tag, let offset):
            "invalid tag \(tag) at offset \(offset)"
        case .unsupportedWireType(let wireType, let field, let offset):
            "unsupported wire type \(wireType) of field \(field) at offset \(offset)"
        case .wireTypeMismatch(let wireType, let field, let offset):
            "unexpected wire type \(wireType) of field \(field) at offset \(offset)"
        case .missingField(let field):
            "\(field.rawValue) missing"
        case .repeatedField(let field, let offset):
            "\(field.rawValue) repeated at offset \(offset)"
        case .unexpectedValueType(let type):
            "Unexpected ValueMeta::type \(type)"
        case .valueOutOfBounds(let lsn, let offset, let length, let rawSize):
            "value at LSN \(lsn) with \(length) bytes at offset \(offset) outside of \(rawSize) raw bytes"
        case .valueCountMismatch(let declared, let found):
            "\(found) serialized values, \(declared) declared"
        case .bincode(let error):
            error.description
        case .metadataRecord(let error, let nextRecordLSN):
            "\(error) (metadata of the record with next LSN \(nextRecordLSN))"
        case .tooManyEntries(let limit):
            "more than \(limit) records and values"
        case .compression(let error):
            error.description
        }
    }
}
