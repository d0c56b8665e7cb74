/// The types of settings, with their ranges and the properties that they set.
package enum SettingValue<Settings: Configurable>: Sendable {
    package typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    /// On or off.
    case boolean(Path<Bool>)
    /// A whole number that may be missing.
    case optionalNumber(Path<UInt64?>, ClosedRange<UInt64>)
    /// A count.
    case count(Path<Int>, ClosedRange<Int>)
    /// A number of bytes.
    case size(Path<Int>, ClosedRange<Int>)
    /// A duration.
    case duration(Path<Duration>, ClosedRange<Duration>)
    /// A text that isn't empty.
    case text(Path<String>)
    /// A text that may be missing; an empty one is as good as none.
    case optionalText(Path<String?>)
    /// Where to listen.
    case address(Path<ListenAddress>)
    /// Where to listen, if at all.
    case optionalAddress(Path<ListenAddress?>)
    /// One of a few words.
    case choice([String], get: @Sendable (Settings) -> String, set: ChoiceSetter)
    /// A text with rules of its own; the setter gives false for one that breaks them.
    case parsed(expected: String, get: @Sendable (Settings) -> String, set: ChoiceSetter)

    /// A table or a list, with rules of its own.
    case structured(expected: String, text: @Sendable (Settings) -> String?, set: StructureSetter)

    /// Sets a value that is not a text only.
    package typealias StructureSetter = @Sendable (inout Settings, SettingInput) throws(SettingFault) -> Void

    /// Sets a value; gives false for a text that isn't one.
    package typealias ChoiceSetter = @Sendable (inout Settings, String) -> Bool
}

/// What is wrong inside of a table or a list.
package enum SettingFault: Error, Hashable, Sendable {
    /// The whole of it is not what its key takes.
    case value
    /// A key in it is not known.
    case unknownKey(String, nearest: String)
    /// A key in it has a value that it does not take.
    case member(key: String, found: String, expected: String)
    /// A key is missing that has to be in it.
    case missing(key: String)
}

/// A value as it is written.
package enum SettingInput: Hashable, Sendable {
    /// A text: of the command line, where everything is one, or of a file.
    case text(String, isFlag: Bool)
    case number(Int64)
    case boolean(Bool)
    case table([String: SettingInput])
    case list([SettingInput])
    /// Something that no setting is.
    case other(String)

    package var description: String {
        switch self {
        case .text(let text, let isFlag): isFlag ? text : "\"\(text)\""
        case .number(let number): "\(number)"
        case .boolean(let value): "\(value)"
        case .table: "a table"
        case .list: "an array"
        case .other(let kind): kind
        }
    }

    /// The text of a value that has to be one.
    package var text: String? {
        guard case .text(let text, _) = self else { return nil }
        return text
    }

    /// A whole number; on the command line it is a text.
    package var number: Int64? {
        switch self {
        case .number(let number): number
        case .text(let text, isFlag: true): Int64(text)
        default: nil
        }
    }
}

extension SettingValue {
    /// What can be written, in words.
    package var expected: String {
        switch self {
        case .boolean: "true or false"
        case .optionalNumber(_, let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .count(_, let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .size(_, let range):
            "a number of bytes or a size such as 16MiB, "
                + "from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))"
        case .duration(_, let range):
            "a duration such as 300ms or 15m, "
                + "from \(HumanDuration.text(range.lowerBound)) to \(HumanDuration.text(range.upperBound))"
        case .text: "a text that is not empty"
        case .optionalText: "a text; empty means none"
        case .address, .optionalAddress: "host:port, with a port from 0 to 65535"
        case .choice(let names, _, _): names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        case .parsed(let expected, _, _), .structured(let expected, _, _): expected
        }
    }

    /// The value that a configuration has, as it is written in a file; nil if it has none.
    package func text(in configuration: Settings) -> String? {
        func quoted(_ text: String) -> String { "\"\(text)\"" }
        return switch self {
        case .boolean(let path): "\(configuration[keyPath: path])"
        case .optionalNumber(let path, _): configuration[keyPath: path].map { "\($0)" }
        case .count(let path, _): "\(configuration[keyPath: path])"
        case .size(let path, _): quoted(ByteSize.text(configuration[keyPath: path]))
        case .duration(let path, _): quoted(HumanDuration.text(configuration[keyPath: path]))
        case .text(let path): quoted(configuration[keyPath: path])
        case .optionalText(let path): configuration[keyPath: path].map(quoted)
        case .address(let path): quoted("\(configuration[keyPath: path])")
        case .optionalAddress(let path): configuration[keyPath: path].map { quoted("\($0)") }
        case .choice(_, let get, _), .parsed(_, let get, _): quoted(get(configuration))
        case .structured(_, let text, _): text(configuration)
        }
    }

    /// Sets the value; gives false for one of the wrong type or out of range.
    func set(_ input: SettingInput, in configuration: inout Settings) throws(SettingFault) -> Bool {
        func store<Value>(_ value: Value?, _ path: Path<Value>, where isAllowed: (Value) -> Bool) -> Bool {
            guard let value, isAllowed(value) else { return false }
            configuration[keyPath: path] = value
            return true
        }
        switch self {
        case .boolean(let path):
            guard case .boolean(let value) = input else { return false }
            return store(value, path) { _ in true }
        case .optionalNumber(let path, let range):
            let number = input.number.flatMap { UInt64(exactly: $0) }
            return store(number, path) { $0.map(range.contains) ?? false }
        case .count(let path, let range):
            return store(input.number.map { Int($0) }, path, where: range.contains)
        case .size(let path, let range):
            return store(
                input.number.map { Int($0) } ?? input.text.flatMap(ByteSize.parse),
                path,
                where: range.contains
            )
        case .duration(let path, let range):
            return store(input.text.flatMap(HumanDuration.parse), path, where: range.contains)
        case .text(let path):
            return store(input.text, path) { !$0.isEmpty && Self.isPlain($0) }
        case .optionalText(let path):
            guard let text = input.text, Self.isPlain(text) else { return false }
            return store(text.isEmpty ? .some(nil) : text, path) { _ in true }
        case .address(let path):
            return store(input.text.flatMap { ListenAddress($0) }, path) { _ in true }
        case .optionalAddress(let path):
            guard let address = input.text.flatMap({ ListenAddress($0) }) else { return false }
            return store(address, path) { _ in true }
        case .choice(_, _, let set), .parsed(_, _, let set):
            guard let text = input.text else { return false }
            return set(&configuration, text)
        case .structured(_, _, let set):
            try set(&configuration, input)
            return true
        }
    }

    /// Whether a text can be a path or a name: nothing that would end it early or break a line.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
