import Foundation

/// Numbers as people read them.
package enum Quantity {
    /// Bytes with a decimal unit: `12.3 MB`.
    package static func bytes(_ count: UInt64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = Double(count)
        var unit = 0
        while value >= 999.5 && unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(significant(value)) \(units[unit])"
    }

    /// A whole number with thin gaps between the thousands: `1 234 567`.
    package static func count(_ number: some BinaryInteger) -> String {
        let digits = Array("\(number.magnitude)")
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { text += "\u{202F}" }
            text.append(digit)
        }
        return text
    }

    /// Milliseconds: `0.42 ms`, `1.8 s`.
    package static func milliseconds(_ value: Double) -> String {
        value < 1000 ? "\(significant(value)) ms" : "\(significant(value / 1000)) s"
    }

    /// A number with about three digits that count, without zeros behind the point.
    package static func significant(_ value: Double) -> String {
        let places = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : 2
        var text = String(format: "%.\(places)f", value)
        if text.contains(".") {
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
        }
        return text == "-0" ? "0" : text
    }
}
