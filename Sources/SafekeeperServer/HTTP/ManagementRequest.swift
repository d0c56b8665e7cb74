/// What is asked for by a request's method and address.
///
/// The address is unescaped and one slash at its end is passed over; an element is never empty.
/// Source: `safekeeper-operations.md` §1.1.
struct ManagementRequest {
    /// The elements of the path; nil if the path is none that could be found.
    let elements: [String]?
    private let query: [(name: String, value: String)]

    init(path: String, query: String?) {
        elements = Self.elements(of: path)
        self.query = (query ?? "").split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            func text(_ part: Substring) -> String {
                let spaced = part.map { $0 == "+" ? " " : String($0) }.joined()
                return Self.unescaped(spaced) ?? spaced
            }
            return (text(parts[0]), parts.count == 2 ? text(parts[1]) : "")
        }
    }

    /// A parameter of the query; nil if it is missing.
    ///
    /// Throws ``ManagementError/badRequest(_:)`` if it is there with two values.
    func parameter(_ name: String) throws(ManagementError) -> String? {
        let values = query.filter { $0.name == name }.map(\.value)
        guard values.allSatisfy({ $0 == values[0] }) else {
            throw .badRequest("param \(name) specified more than once")
        }
        return values.first
    }

    /// A parameter that is true or false; nil if it is missing.
    func flag(_ name: String) throws(ManagementError) -> Bool? {
        switch try parameter(name) {
        case nil: return nil
        case "true": return true
        case "false": return false
        default:
            throw .badRequest("cannot parse query param \(name): provided string was not `true` or `false`")
        }
    }

    private static func elements(of path: String) -> [String]? {
        guard var path = unescaped(path), path.hasPrefix("/") else { return nil }
        path.removeFirst()
        if path.hasSuffix("/") { path.removeLast() }
        let elements = path.split(separator: "/", omittingEmptySubsequences: false)
        return elements.contains("") ? nil : elements.map(String.init)
    }

    /// Replaces `%` and two digits by the byte they stand for; nil if something else follows a `%`, or the result is no
    /// UTF-8.
    private static func unescaped(_ text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let escaped = Array(text.utf8)
        var bytes: [UInt8] = []
        var position = 0
        while position < escaped.count {
            if escaped[position] == UInt8(ascii: "%") {
                let digits = escaped[(position + 1)...].prefix(2)
                guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                    let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { return nil }
                bytes.append(byte)
                position += 3
            } else {
                bytes.append(escaped[position])
                position += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
