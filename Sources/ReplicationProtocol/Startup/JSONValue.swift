/// A JSON value of the few kinds that the choice of a protocol is written with.
///
/// Arrays, fractions and booleans are not among them, and nothing is nested deeper than ``maximumDepth``.
public indirect enum JSONValue: Hashable, Sendable {
    /// No value.
    case null
    /// A whole number of at most 64 bits.
    case integer(Int64)
    /// A text.
    case string(String)
    /// Names with values, in the order written; each name once.
    case object([Member])

    /// A name with its value.
    public struct Member: Hashable, Sendable {
        /// The name.
        public let name: String
        /// The value.
        public let value: JSONValue
    }

    /// How many objects may lie inside of each other.
    public static let maximumDepth = 8

    /// The value of a name; nil if there is none, or if this is not an object.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// Parses a text that is one value; throws ``JSONError``.
    public init(parsing text: String) throws(JSONError) {
        var reader = JSONReader(text)
        self = try reader.readDocument()
    }
}

/// Why a text is not a JSON value; the position is in bytes of UTF-8.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected.
    public let expected: String
    /// Where something else was found.
    public let position: Int

    /// What is wrong, in words.
    public var description: String { "expected \(expected) at position \(position)" }
}
