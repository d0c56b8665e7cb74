internal import TOMLKit

extension SafekeeperConfiguration {
    /// Bytes that a configuration file may have.
    package static let maximumFileSize: UInt64 = 1 << 20

    /// Reads a file and takes over what it sets; blocks.
    ///
    /// Throws ``ConfigurationError``; some of the keys may have been taken over.
    package mutating func apply(file path: String) throws(ConfigurationError) {
        let fileSystem = PosixFileSystem()
        var bytes: [UInt8] = []
        do throws(StorageError) {
            let file = try fileSystem.open(path, .read)
            defer { fileSystem.close(file) }
            // One byte too many is enough to refuse it.
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(Self.maximumFileSize) + 1, alignment: 1)
            defer { buffer.deallocate() }
            bytes.append(contentsOf: buffer[..<(try fileSystem.read(into: buffer, from: file, at: 0))])
        } catch {
            throw ConfigurationError(file: path, .unreadable(error))
        }
        guard bytes.count <= Self.maximumFileSize else {
            throw ConfigurationError(file: path, .size(maximum: Self.maximumFileSize))
        }
        try apply(String(decoding: bytes, as: UTF8.self), of: path)
    }

    /// Takes over what a file's text sets: TOML, with keys of ``ConfigurationKey/all`` and no tables.
    ///
    /// - Parameters:
    ///   - text: the text.
    ///   - path: the file's name, for messages.
    /// - Throws: ``ConfigurationError``; some of the keys may have been taken over.
    package mutating func apply(_ text: String, of path: String) throws(ConfigurationError) {
        for (key, value) in try Self.parse(text, of: path).sorted(by: { $0.key < $1.key }) {
            try set(key, value, of: path)
        }
    }

    /// Takes over what the command line sets: the texts of keys, and switches that are on.
    ///
    /// - Parameter settings: keys with texts; nil for a switch.
    /// - Throws: ``ConfigurationError``; some of the keys may have been taken over.
    package mutating func apply(flags settings: [(key: String, text: String?)]) throws(ConfigurationError) {
        for (key, text) in settings {
            try set(key, text.map { .text($0, isFlag: true) } ?? .boolean(true), of: nil)
        }
    }

    private mutating func set(_ name: String, _ value: ConfigurationInput, of file: String?) throws(ConfigurationError)
    {
        guard let key = ConfigurationKey.named(name) else {
            throw ConfigurationError(file: file, .unknownKey(name, nearest: ConfigurationKey.nearest(to: name)))
        }
        guard key.value.set(value, in: &self) else {
            let problem = ConfigurationError.Problem.value(
                key: name,
                found: value.description,
                expected: key.value.expected
            )
            throw ConfigurationError(file: file, problem)
        }
    }

    private static func parse(_ text: String, of path: String) throws(ConfigurationError) -> [String:
        ConfigurationInput]
    {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let start = error.source.begin
            throw ConfigurationError(
                file: path,
                .syntax(line: start.line, column: start.column, error.description)
            )
        } catch {
            throw ConfigurationError(file: path, .syntax(line: 1, column: 1, "\(error)"))
        }
        var values: [String: ConfigurationInput] = [:]
        for key in table.keys {
            guard let value = table[key] else { continue }
            values[key] =
                if let text = value.string {
                    .text(text, isFlag: false)
                } else if let number = value.int {
                    .number(Int64(number))
                } else if let bool = value.bool {
                    .boolean(bool)
                } else {
                    .other("a \(value.type)")
                }
        }
        return values
    }
}

extension ConfigurationKey {
    /// The known key that takes the fewest changes of a character to become `name`.
    static func nearest(to name: String) -> String {
        let name = Array(name.utf8.prefix(64))
        return all.map(\.name).min { changes(name, Array($0.utf8)) < changes(name, Array($1.utf8)) } ?? ""
    }

    /// How many characters have to be added, removed or exchanged to make one text of another.
    private static func changes(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var row = Array(0...second.count)
        for (index, letter) in first.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in second.enumerated() {
                let exchanged = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(exchanged, row[column + 1] + 1, row[column] + 1)
            }
        }
        return row[second.count]
    }
}
