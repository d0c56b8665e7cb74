/// Why bytes are not the bincode form of the value that was expected.
///
/// Source: `wal-interpretation.md` §9.
public enum BincodeError: Error, Hashable, Sendable {
    /// The bytes end early: at `offset`, `needed` bytes were expected and `available` are there.
    case truncated(offset: Int, needed: UInt64, available: Int)
    /// A sequence at `offset` claims more elements than the bytes after it can hold.
    case sequenceTooLong(offset: Int, count: UInt64, maximum: Int)
    /// An enum index that this version does not know; `path` names the enum.
    case unknownVariant(path: String, value: UInt32)
    /// The byte at `offset` should be 0 or 1: a bool, or an option's tag.
    case invalidFlag(offset: Int, value: UInt8)
    /// The text at `offset` is not UTF-8.
    case invalidUTF8(offset: Int)
    /// Bytes follow the value.
    case trailingBytes(count: Int)
    /// The size at `offset` is above 2^63 - 1.
    case sizeTooLarge(offset: Int, value: UInt64)
    /// A count at `offset` that is stored twice differs.
    case countMismatch(offset: Int, declared: UInt64, found: Int)
}

extension BincodeError: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        "deserialize error: \(reason)"
    }

    private var reason: String {
        switch self {
        case .truncated(let offset, let needed, let available):
            "\(needed) bytes needed at offset \(offset), \(available) there"
        case .sequenceTooLong(let offset, let count, let maximum):
            "sequence of \(count) elements at offset \(offset), room for at most \(maximum)"
        case .unknownVariant(let path, let value):
            "unknown variant \(value) of \(path)"
        case .invalidFlag(let offset, let value):
            "0 or 1 expected at offset \(offset), \(value) found"
        case .invalidUTF8(let offset):
            "text at offset \(offset) is not UTF-8"
        case .trailingBytes(let count):
            "\(count) bytes after the end"
        case .sizeTooLarge(let offset, let value):
            "size \(value) at offset \(offset)"
        case .countMismatch(let offset, let declared, let found):
            "\(found) elements at offset \(offset), \(declared) declared"
        }
    }
}
