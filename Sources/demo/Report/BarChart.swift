import Foundation

/// Values next to one another, as bars in an SVG picture.
struct BarChart {
    /// A bar.
    struct Bar {
        var name: String
        var value: Double
        /// The value in words.
        var text: String
    }

    /// What it shows, for those who can't see it.
    var label: String
    var bars: [Bar]

    private static let (width, line) = (720.0, 26.0)
    private static let (left, right) = (150.0, 130.0)

    /// Bars from left to right, one below the other, names before them and values behind.
    var horizontal: String {
        let largest = max(bars.map(\.value).max() ?? 0, .leastNonzeroMagnitude)
        let height = Self.line * Double(bars.count) + 8
        let parts = bars.enumerated().map { index, bar in
            let top = 4 + Self.line * Double(index)
            let length = max((Self.width - Self.left - Self.right) * bar.value / largest, bar.value > 0 ? 1 : 0)
            return """
                <text x="\(number(Self.left - 8))" y="\(number(top + 17))" text-anchor="end">\(Markup.escape(bar.name))</text>
                <rect class="bar" x="\(number(Self.left))" y="\(number(top + 4))" width="\(number(length))" height="\(number(Self.line - 8))" rx="2"/>
                <text class="value" x="\(number(Self.left + length + 8))" y="\(number(top + 17))">\(Markup.escape(bar.text))</text>
                """
        }
        return picture(height, parts)
    }

    /// Bars from the bottom up, side by side, names below them: for a distribution.
    var vertical: String {
        let height = 220.0
        let (left, bottom, top) = (64.0, 34.0, 14.0)
        let scale = ChartScale(largest: bars.map(\.value).max() ?? 0)
        func y(_ value: Double) -> Double { height - bottom - (height - top - bottom) * value / scale.limit }
        let room = (Self.width - left - 12) / Double(max(bars.count, 1))
        // With many bars only some have room for their names.
        let every = max(1, Int((58 / room).rounded(.up)))
        var parts = scale.marks.map { mark in
            """
            <line class="grid" x1="\(number(left))" x2="\(number(Self.width - 12))" y1="\(number(y(mark)))" y2="\(number(y(mark)))"/>
            <text x="\(number(left - 8))" y="\(number(y(mark) + 4))" text-anchor="end">\(Markup.escape(ChartScale.label(mark)))</text>
            """
        }
        for (index, bar) in bars.enumerated() {
            let x = left + room * Double(index)
            let bottomEdge = y(0)
            let edge = bar.value > 0 ? min(y(bar.value), bottomEdge - 1) : bottomEdge
            parts.append(
                "<rect class=\"bar\" x=\"\(number(x + 1))\" y=\"\(number(edge))\" width=\"\(number(max(room - 2, 1)))\" height=\"\(number(bottomEdge - edge))\"><title>\(Markup.escape("\(bar.name): \(bar.text)"))</title></rect>"
            )
            if index.isMultiple(of: every) {
                parts.append(
                    "<text x=\"\(number(x + room / 2))\" y=\"\(number(height - bottom + 18))\" text-anchor=\"middle\">\(Markup.escape(bar.name))</text>"
                )
            }
        }
        return picture(height, parts)
    }

    private func picture(_ height: Double, _ parts: [String]) -> String {
        """
        <svg role="img" viewBox="0 0 \(number(Self.width)) \(number(height))" aria-label="\(Markup.escape(label))">
        \(parts.joined(separator: "\n"))
        </svg>
        """
    }

    private func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
