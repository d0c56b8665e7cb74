internal import Glibc
internal import TOMLKit

extension Configurable {
    /// Bytes that a configuration file may have.
    package static var maximumFileSize: UInt64 { 1 << 20 }

    /// Reads a file and takes over what it sets; blocks.
    ///
    /// Throws ``ConfigurationError``; some of the keys may have been taken over.
    package mutating func apply(file path: String) throws(ConfigurationError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ConfigurationError(file: path, .unreadable(code: errno)) }
        defer { close(descriptor) }
        // One byte too many is enough to refuse it.
        var bytes = [UInt8](repeating: 0, count: Int(Self.maximumFileSize) + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            guard got >= 0 else { throw ConfigurationError(file: path, .unreadable(code: errno)) }
            if got == 0 { break }
            count += got
        }
        bytes.removeLast(bytes.count - count)
        guard bytes.count <= Self.maximumFileSize else {
            throw ConfigurationError(file: path, .size(maximum: Self.maximumFileSize))
        }
        try apply(String(decoding: bytes, as: UTF8.self), of: path)
    }

    /// Takes over what a file's text sets: TOML, with keys of ``SettingKey/all``, and tables that have keys of their own.
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

    private mutating func set(_ name: String, _ value: SettingInput, of file: String?) throws(ConfigurationError) {
        guard let key = SettingKey<Self>.named(name) else {
            throw ConfigurationError(file: file, .unknownKey(name, nearest: SettingKey<Self>.nearest(to: name)))
        }
        let problem: ConfigurationError.Problem
        do throws(SettingFault) {
            if try key.value.set(value, in: &self) { return }
            problem = .value(key: name, found: value.description, expected: key.value.expected)
        } catch {
            problem = .init(error, in: name, value, expected: key.value.expected)
        }
        throw ConfigurationError(file: file, problem)
    }

    /// Takes over what a table inside of a file sets: settings of a part of their own.
    package mutating func apply(table: [String: SettingInput]) throws(SettingFault) {
        for (name, value) in table.sorted(by: { $0.key < $1.key }) {
            guard let key = SettingKey<Self>.named(name) else {
                throw .unknownKey(name, nearest: SettingKey<Self>.nearest(to: name))
            }
            guard try key.value.set(value, in: &self) else {
                throw .member(key: name, found: value.description, expected: key.value.expected)
            }
        }
    }

    private static func parse(_ text: String, of path: String) throws(ConfigurationError) -> [String:
        SettingInput]
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
        return SettingInput.values(of: table)
    }
}

extension SettingInput {
    fileprivate static func values(of table: TOMLTable) -> [String: SettingInput] {
        var values: [String: SettingInput] = [:]
        for key in table.keys { values[key] = table[key].map { SettingInput($0) } }
        return values
    }

    private init(_ value: some TOMLValueConvertible) {
        self =
            if let text = value.string {
                .text(text, isFlag: false)
            } else if let number = value.int {
                .number(Int64(number))
            } else if let bool = value.bool {
                .boolean(bool)
            } else if let table = value.table {
                .table(Self.values(of: table))
            } else if let list = value.array {
                .list(list.map { SettingInput($0) })
            } else {
                .other("a \(value.type)")
            }
    }
}

extension ConfigurationError.Problem {
    fileprivate init(_ fault: SettingFault, in name: String, _ value: SettingInput, expected: String) {
        self =
            switch fault {
            case .value: .value(key: name, found: value.description, expected: expected)
            case .unknownKey(let key, let nearest): .unknownKey("\(name).\(key)", nearest: nearest)
            case .member(let key, let found, let expected):
                .value(key: "\(name).\(key)", found: found, expected: expected)
            case .missing(let key): .value(key: "\(name).\(key)", found: "nothing", expected: "a value")
            }
    }
}

extension SettingKey {
    /// The known key that takes the fewest changes of a character to become `name`.
    package static func nearest(to name: String) -> String {
        let name = Array(name.utf8.prefix(64))
        return (all + Settings.tables).map(\.name).min { changes(name, Array($0.utf8)) < changes(name, Array($1.utf8)) }
            ?? ""
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
