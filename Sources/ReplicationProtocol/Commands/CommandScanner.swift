/// A position in the text of a command.
struct CommandScanner {
    private let text: [UInt8]
    /// The bytes of UTF-8 passed so far.
    private(set) var position = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    var isAtEnd: Bool { position == text.count }

    var next: UInt8? { isAtEnd ? nil : text[position] }

    /// Passes over exactly this text, or stays.
    mutating func skip(_ expected: StaticString) -> Bool {
        let matches = expected.withUTF8Buffer { text[position...].starts(with: $0) }
        if matches { position += expected.utf8CodeUnitCount }
        return matches
    }

    /// Takes bytes as long as they satisfy the condition.
    mutating func take(while condition: (UInt8) -> Bool) -> String {
        let start = position
        while let byte = next, condition(byte) { position += 1 }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    @discardableResult
    mutating func skipWhitespace() -> Bool {
        !take(while: \.isASCIIWhitespace).isEmpty
    }

    /// Takes a word, and the white space before it: letters, digits, `_` and `-`, or an identifier in double quotes,
    /// which is given with them.
    mutating func takeWord() -> String {
        skipWhitespace()
        guard next == UInt8(ascii: "\"") else { return take(while: \.isWordPart) }
        position += 1
        let name = take { $0 != UInt8(ascii: "\"") }
        guard !isAtEnd else { return "" }
        position += 1
        return "\"\(name)\""
    }

    /// Takes a word if it is this one in either case, or stays.
    mutating func skip(keyword: String) -> Bool {
        let start = position
        if takeWord().uppercased() == keyword { return true }
        position = start
        return false
    }

    /// The offset of the last such byte from here on.
    func lastIndex(of byte: UInt8) -> Int? {
        text[position...].lastIndex(of: byte)
    }

    mutating func takeByte() {
        position += 1
    }
}

extension UInt8 {
    var isASCIIWhitespace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }

    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    var isHexDigit: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
    }

    var isWordPart: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "_")
            || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
    }
}
