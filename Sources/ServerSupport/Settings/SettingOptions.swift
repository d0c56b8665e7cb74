package import ArgumentParser

/// Flags that are settings: keys with the texts that were given.
package protocol SettingOptions: ParsableArguments {
    /// Those that were given; nil for a switch.
    var settings: [(key: String, text: String?)] { get }
}

extension SettingOptions {
    /// The texts that were given, in the order of the keys.
    package func given(_ texts: KeyValuePairs<String, String?>) -> [(key: String, text: String?)] {
        texts.compactMap { key, text in text.map { (key, $0) } }
    }
}

extension SettingKey {
    /// What `--help` says of a key: what it is, its type and its default.
    ///
    /// - Parameters:
    ///   - name: the name in the file; there has to be such a key.
    ///   - valueName: what stands for the value behind the flag; nothing for a switch.
    /// - Returns: the help of a flag.
    package static func help(_ name: String, _ valueName: String = "") -> ArgumentHelp {
        guard let key = named(name) else { preconditionFailure("there is no key \(name)") }
        let defaultText = key.defaultText.map { " (default: \($0))" } ?? ""
        return ArgumentHelp("\(key.help) [\(key.value.expected)]\(defaultText)", valueName: valueName)
    }
}

/// The flags of ``ProcessSettings``.
package struct ProcessOptions<Settings: ProcessSettings>: SettingOptions {
    @Option(help: SettingKey<Settings>.help("log_level", "levels"))
    var logLevel: String?
    @Option(help: SettingKey<Settings>.help("log_format", "format"))
    var logFormat: String?
    @Option(help: SettingKey<Settings>.help("shutdown_timeout", "duration"))
    var shutdownTimeout: String?

    package init() {}

    package var settings: [(key: String, text: String?)] {
        given(["log_level": logLevel, "log_format": logFormat, "shutdown_timeout": shutdownTimeout])
    }
}
