/// A JSON value.
///
/// Nothing is nested deeper than ``maximumDepth``.
public indirect enum JSONValue: Hashable, Sendable {
    /// No value.
    case null
    /// True or false.
    case boolean(Bool)
    /// A whole number, of all sizes that have names here: 64 bits with or without a sign.
    case integer(Int128)
    /// A number with a fraction or an exponent, or beyond the whole numbers.
    case fraction(Double)
    /// A text.
    case string(String)
    /// Values in order.
    case array([JSONValue])
    /// Names with values, in the order written; each name once.
    case object([Member])

    /// A name with its value.
    public struct Member: Hashable, Sendable {
        /// The name.
        public let name: String
        /// The value.
        public let value: JSONValue

        /// Makes a member.
        public init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// How many objects and arrays may lie inside of each other.
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

    /// Parses the value that a text begins with, whatever follows it; throws ``JSONError``.
    public init(parsingPrefixOf text: String) throws(JSONError) {
        var reader = JSONReader(text)
        self = try reader.readValue(depth: 0)
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
