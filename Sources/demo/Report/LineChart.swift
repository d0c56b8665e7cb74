import Foundation

/// Values over time, as lines in an SVG picture.
struct LineChart {
    /// A line.
    struct Series {
        var name: String
        /// Seconds and value; where there is no value the line has a gap.
        var points: [(seconds: Double, value: Double?)]
    }

    /// What it shows, for those who can't see it.
    var label: String
    /// The unit of the values.
    var unit: String
    var series: [Series]
    var events: [RunReport.Event] = []

    /// How many lines have colours of their own.
    static let colourCount = 6

    private static let (width, height) = (720.0, 250.0)
    private static let (left, right, top, bottom) = (64.0, 12.0, 22.0, 34.0)

    var svg: String {
        let seconds = series.flatMap { $0.points.map(\.seconds) } + events.map(\.seconds)
        let vertical = ChartScale(largest: series.flatMap { $0.points.compactMap(\.value) }.max() ?? 0)
        let horizontal = ChartScale(largest: seconds.max() ?? 0, count: 8)
        func x(_ seconds: Double) -> Double {
            Self.left + (Self.width - Self.left - Self.right) * seconds / horizontal.limit
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - (Self.height - Self.top - Self.bottom) * value / vertical.limit
        }
        var parts: [String] = []
        for mark in vertical.marks {
            let place = number(y(mark))
            parts.append(
                "<line class=\"grid\" x1=\"\(number(Self.left))\" x2=\"\(number(Self.width - Self.right))\" y1=\"\(place)\" y2=\"\(place)\"/>"
            )
            parts.append(text(ChartScale.label(mark), Self.left - 8, y(mark) + 4, "end"))
        }
        for mark in horizontal.marks {
            parts.append(text(ChartScale.label(mark), x(mark), Self.height - Self.bottom + 18, "middle"))
        }
        parts.append(text(unit, 4, 12, "start"))
        parts.append(text("s", Self.width - 2, Self.height - 2, "end"))
        for (index, event) in events.enumerated() {
            let place = number(x(event.seconds))
            parts.append(
                "<line class=\"event\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(number(Self.top))\" y2=\"\(number(Self.height - Self.bottom))\"><title>\(Markup.escape(event.text))</title></line>"
            )
            parts.append(text("\(index + 1)", x(event.seconds), Self.top - 6, "middle"))
        }
        for (index, line) in series.enumerated() {
            for run in runs(line) {
                let points = run.map { "\(number(x($0.seconds))),\(number(y($0.value)))" }.joined(separator: " ")
                parts.append("<polyline class=\"line c\(index % Self.colourCount)\" points=\"\(points)\"/>")
                if run.count == 1, let point = run.first {
                    parts.append(
                        "<circle class=\"dot c\(index % Self.colourCount)\" cx=\"\(number(x(point.seconds)))\" cy=\"\(number(y(point.value)))\" r=\"2\"/>"
                    )
                }
            }
        }
        return """
            \(legend)
            <svg role="img" viewBox="0 0 \(number(Self.width)) \(number(Self.height))" aria-label="\(Markup.escape(label))">
            \(parts.joined(separator: "\n"))
            </svg>
            """
    }

    /// The names of the lines; of events those numbers that stand above the picture.
    private var legend: String {
        var items = series.enumerated().map { index, line in
            "<li><span class=\"key c\(index % Self.colourCount)\"></span>\(Markup.escape(line.name))</li>"
        }
        items += events.enumerated().map { index, event in
            "<li><span class=\"number\">\(index + 1)</span>\(Markup.escape(event.text))</li>"
        }
        return "<ul class=\"legend\">\(items.joined())</ul>"
    }

    /// The parts of a line without gaps.
    private func runs(_ line: Series) -> [[(seconds: Double, value: Double)]] {
        var runs: [[(seconds: Double, value: Double)]] = [[]]
        for point in line.points {
            if let value = point.value {
                runs[runs.count - 1].append((point.seconds, value))
            } else if runs[runs.count - 1].isEmpty == false {
                runs.append([])
            }
        }
        return runs.filter { !$0.isEmpty }
    }

    private func text(_ content: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(Markup.escape(content))</text>"
    }

    private func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
