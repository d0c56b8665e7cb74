/// What is wrong with one field of a message.
public struct FieldFault: Error, Hashable, Sendable {
    /// The field, by its name on the wire.
    public let field: String
    /// What is wrong with it.
    public let kind: Kind

    /// The ways in which a field can be wrong.
    public enum Kind: Hashable, Sendable {
        /// Fewer bytes are left than the field takes.
        case truncated(needed: Int, available: Int)
        /// A text without the zero byte that ends it.
        case unterminated
        /// A text that is not UTF-8.
        case invalidUTF8
        /// A count of elements that do not fit into the bytes left.
        case countTooLarge(count: UInt64, maximum: Int)
        /// A value that the field does not allow, in words with what it does allow.
        case invalidValue(String)
        /// A value of a key with another width than the key has.
        case wrongLength(expected: Int, found: UInt32)
        /// Bytes after the last field.
        case trailingBytes(Int)
    }

    /// Makes a fault of a field.
    public init(field: String, _ kind: Kind) {
        self.field = field
        self.kind = kind
    }
}

extension FieldFault: CustomStringConvertible {
    /// The text for the log and for the peer.
    public var description: String {
        switch kind {
        case .truncated(let needed, let available): "reading \(field): only \(available) bytes left, expected \(needed)"
        case .unterminated: "reading \(field): no terminating zero byte"
        case .invalidUTF8: "reading \(field): not UTF-8"
        case .countTooLarge(let count, let maximum): "reading \(field): \(count) elements, at most \(maximum) fit"
        case .invalidValue(let what): "reading \(field): \(what)"
        case .wrongLength(let expected, let found): "reading \(field): \(found) bytes, expected \(expected)"
        case .trailingBytes(let count): "\(count) bytes after \(field)"
        }
    }
}
