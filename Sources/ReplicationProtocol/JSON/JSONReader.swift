/// A position in a JSON text.
struct JSONReader {
    private let text: [UInt8]
    private var position = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    /// Reads a value after which nothing follows.
    mutating func readDocument() throws(JSONError) -> JSONValue {
        let value = try readValue(depth: 0)
        skipWhitespace()
        guard position == text.count else { throw error("the end") }
        return value
    }

    mutating func readValue(depth: Int) throws(JSONError) -> JSONValue {
        skipWhitespace()
        switch next {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < JSONValue.maximumDepth else {
                throw error("at most \(JSONValue.maximumDepth) nested objects and arrays")
            }
            return next == UInt8(ascii: "{")
                ? .object(try readMembers(depth: depth + 1)) : .array(try readElements(depth: depth + 1))
        case UInt8(ascii: "\""):
            return .string(try readString())
        case UInt8(ascii: "n"):
            try skip(word: "null")
            return .null
        case UInt8(ascii: "t"):
            try skip(word: "true")
            return .boolean(true)
        case UInt8(ascii: "f"):
            try skip(word: "false")
            return .boolean(false)
        default:
            return try readNumber()
        }
    }

    private mutating func readElements(depth: Int) throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        try skip(UInt8(ascii: "["), "an array")
        skipWhitespace()
        if next == UInt8(ascii: "]") {
            position += 1
            return []
        }
        while true {
            elements.append(try readValue(depth: depth))
            skipWhitespace()
            guard next == UInt8(ascii: ",") else { break }
            position += 1
        }
        try skip(UInt8(ascii: "]"), "a comma or a closing bracket")
        return elements
    }

    private mutating func readMembers(depth: Int) throws(JSONError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        try skip(UInt8(ascii: "{"), "an object")
        skipWhitespace()
        if next == UInt8(ascii: "}") {
            position += 1
            return []
        }
        while true {
            skipWhitespace()
            let start = position
            let name = try readString()
            guard names.insert(name).inserted else { throw JSONError(expected: "each name once", position: start) }
            skipWhitespace()
            try skip(UInt8(ascii: ":"), "a colon")
            members.append(JSONValue.Member(name: name, value: try readValue(depth: depth)))
            skipWhitespace()
            guard next == UInt8(ascii: ",") else { break }
            position += 1
        }
        try skip(UInt8(ascii: "}"), "a comma or a closing brace")
        return members
    }

    private mutating func readNumber() throws(JSONError) -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let digits = position
        let isWellFormed = skipDigits() && !(position - digits > 1 && text[digits] == UInt8(ascii: "0"))
        guard isWellFormed else { throw JSONError(expected: "a value", position: start) }
        let end = position
        if next == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() else { throw error("a digit") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() else { throw error("a digit") }
        }
        let number = String(decoding: text[start..<position], as: UTF8.self)
        if position == end, let integer = Int128(number) { return .integer(integer) }
        guard let fraction = Double(number), fraction.isFinite else {
            throw JSONError(expected: "a number that is not too large", position: start)
        }
        return .fraction(fraction)
    }

    /// Passes over digits; gives whether there was one.
    private mutating func skipDigits() -> Bool {
        let start = position
        while next?.isDigit == true { position += 1 }
        return position > start
    }

    private mutating func readString() throws(JSONError) -> String {
        try skip(UInt8(ascii: "\""), "a string")
        var content: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw error("no control character") }
            position += 1
            if byte == UInt8(ascii: "\\") {
                content.append(contentsOf: String(Character(try readEscape())).utf8)
            } else {
                content.append(byte)
            }
        }
        try skip(UInt8(ascii: "\""), "a closing quote")
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func readEscape() throws(JSONError) -> Unicode.Scalar {
        let letter = next
        position += 1
        switch letter {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try readUnicodeEscape()
        default:
            position -= 1
            throw error("an escape sequence")
        }
    }

    /// Reads four digits, and the second half of a surrogate pair.
    private mutating func readUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try readHexUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        try skip(UInt8(ascii: "\\"), "the other half of a surrogate pair")
        try skip(UInt8(ascii: "u"), "the other half of a surrogate pair")
        let second = try readHexUnit()
        guard (0xD800...0xDBFF).contains(first), (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw error("a surrogate pair") }
        return scalar
    }

    private mutating func readHexUnit() throws(JSONError) -> UInt16 {
        let digits = text[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy(\.isHexDigit),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw error("four hexadecimal digits") }
        position += 4
        return unit
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skip(_ byte: UInt8, _ expected: String) throws(JSONError) {
        guard next == byte else { throw error(expected) }
        position += 1
    }

    private mutating func skip(word: StaticString) throws(JSONError) {
        for offset in 0..<word.utf8CodeUnitCount { try skip(word.utf8Start[offset], "\(word)") }
    }

    private mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private func error(_ expected: String) -> JSONError {
        JSONError(expected: expected, position: position)
    }
}
