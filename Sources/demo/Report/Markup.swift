/// Pieces of a page, in a form that is HTML and XML at once.
enum Markup {
    /// Text as it stands between tags or in an attribute.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n", "\r": escaped.unicodeScalars.append(scalar)
            // No other control character may stand in XML, nor these two.
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): escaped += "\u{FFFD}"
            case "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A table: the first column has names, the others figures.
    static func table(_ heading: [String], _ rows: [[String]]) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            let texts = cells.enumerated().map { index, cell in
                let tag = index == 0 ? "th" : tag
                let scope = index == 0 && tag == "th" ? " scope=\"row\"" : ""
                return "<\(tag)\(scope)>\(escape(cell))</\(tag)>"
            }
            return "<tr>\(texts.joined())</tr>"
        }
        let head = heading.map { "<th scope=\"col\">\(escape($0))</th>" }.joined()
        let body = rows.map { row($0, "td") }.joined(separator: "\n")
        return """
            <div class="wide"><table>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(body)
            </tbody>
            </table></div>
            """
    }

    /// A part of the page under a heading.
    static func section(_ heading: String, _ explanation: String, _ content: String) -> String {
        """
        <section>
        <h2>\(escape(heading))</h2>
        <p>\(escape(explanation))</p>
        \(content)
        </section>
        """
    }
}
