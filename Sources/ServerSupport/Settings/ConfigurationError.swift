internal import Glibc

/// A setting that can't be used.
package struct ConfigurationError: Error, Hashable, Sendable {
    /// What is wrong.
    package enum Problem: Hashable, Sendable {
        /// The file can't be read.
        case unreadable(code: Int32)
        /// The file is too big to be a configuration.
        case size(maximum: UInt64)
        /// The file is not TOML.
        case syntax(line: Int, column: Int, String)
        /// A key that is not known, with the known one that is most like it.
        case unknownKey(String, nearest: String)
        /// A value of the wrong type, or out of range.
        case value(key: String, found: String, expected: String)
    }

    /// The file's path, or nil for the command line.
    package let file: String?
    /// What is wrong.
    package let problem: Problem

    package init(file: String?, _ problem: Problem) {
        self.file = file
        self.problem = problem
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// The message.
    package var description: String {
        let place = file.map { "\($0): " } ?? ""
        return switch problem {
        case .unreadable(let code): "can't open \(file ?? "?"): \(String(cString: strerror(code)))"
        case .size(let maximum): "\(place)more than \(maximum) bytes are no configuration"
        case .syntax(let line, let column, let message): "\(file ?? "?"):\(line):\(column): \(message)"
        case .unknownKey(let key, let nearest): "\(place)unknown key \(key); the nearest known one is \(nearest)"
        case .value(let key, let found, let expected):
            "\(place)\(file == nil ? SettingName.flag(key) : key) = \(found), expected \(expected)"
        }
    }
}
