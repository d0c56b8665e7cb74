extension SettingKey {
    /// A configuration file in which every key is explained and none is set.
    package static var fileText: String {
        var text = """
            # \(Settings.heading)
            #
            # Every key is here, commented out, with its default or, where there is none, with an example. A flag of the
            # same name overrides it: listen_pg is --listen-pg. Durations are numbers with units: ms, s, m, h, d and more.
            # Sizes are numbers of bytes, or have a unit: KiB, MiB, GiB. An unknown key is an error.

            """
        for (title, keys) in Settings.sections {
            text += "\n# ---- \(title) ----\n" + explained(keys)
        }
        return text + Settings.tablesText
    }

    /// Keys with all that there is to know of them, as lines of a file.
    package static func explained(_ keys: [SettingKey]) -> String {
        keys.reduce(into: "") { text, key in
            text += "\n" + wrapped(key.help) + wrapped("Type: \(key.value.expected).")
            if let defaultText = key.defaultText {
                text += "#\(key.name) = \(defaultText)\n"
            } else {
                text += "# No default. Example:\n#\(key.name) = \(key.example ?? "")\n"
            }
        }
    }

    /// Comment lines of at most 120 columns.
    package static func wrapped(_ sentence: String) -> String {
        var lines: [String] = []
        for word in sentence.split(separator: " ") {
            if let line = lines.last, line.utf8.count + word.utf8.count + 1 <= 120 {
                lines[lines.count - 1] = line + " " + word
            } else {
                lines.append("# " + word)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
