/// A program's settings, with what there is to know of each.
package protocol Configurable: Sendable {
    /// Makes settings of which none is set.
    init()

    /// All keys by section, in the order of the file.
    static var sections: [SettingSection<Self>] { get }

    /// Keys whose values are tables: they stand behind all others, since a table in a file has no end.
    static var tables: [SettingKey<Self>] { get }

    /// What the file begins with: whose settings they are.
    static var heading: String { get }

    /// What the file ends with: tables, explained.
    static var tablesText: String { get }
}

extension Configurable {
    /// There are none.
    package static var tables: [SettingKey<Self>] { [] }

    /// There are none.
    package static var tablesText: String { "" }
}

/// Keys of one subject.
package typealias SettingSection<Settings: Configurable> = (title: String, keys: [SettingKey<Settings>])

/// A setting: its name in the file, from which the flag's name follows, and what there is to know of it.
package struct SettingKey<Settings: Configurable>: Sendable {
    /// The name in the file.
    package let name: String
    /// What it sets, with its unit and what it is good for.
    package let help: String
    /// An example, for a setting that is missing by default.
    package let example: String?
    /// Its type, range and place.
    package let value: SettingValue<Settings>

    package init(_ name: String, _ value: SettingValue<Settings>, example: String? = nil, help: String) {
        self.name = name
        self.value = value
        self.example = example
        self.help = help
    }

    /// The value of settings of which none is set, as it is written in a file; nil if there is none.
    package var defaultText: String? { value.text(in: Settings()) }

    /// All keys in the order of the file, but for tables.
    package static var all: [SettingKey] { Settings.sections.flatMap(\.keys) }

    /// The key of a name, also one of a table.
    package static func named(_ name: String) -> SettingKey? {
        (all + Settings.tables).first { $0.name == name }
    }

    /// The flag of a key: `listen_pg` is `--listen-pg`.
    package static func flag(_ name: String) -> String { SettingName.flag(name) }
}

/// How names are written.
package enum SettingName {
    /// The flag of a key: `listen_pg` is `--listen-pg`.
    package static func flag(_ name: String) -> String {
        "--" + name.map { $0 == "_" ? "-" : String($0) }.joined()
    }
}
