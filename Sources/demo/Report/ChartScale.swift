import Foundation

/// Values along an axis from zero, with marks at round numbers.
package struct ChartScale: Hashable, Sendable {
    /// The end of the axis: a multiple of ``step``, at least the largest value.
    package let limit: Double
    /// From mark to mark.
    package let step: Double

    /// - Parameters:
    ///   - largest: the largest value; one that is no number, or none at all, counts as one.
    ///   - count: about how many marks there are to be.
    package init(largest: Double, count: Int = 4) {
        let largest = largest.isFinite && largest > 0 ? largest : 1
        let rough = largest / Double(max(count, 1))
        let power = pow(10, log10(rough).rounded(.down))
        let factor = [1, 2, 2.5, 5].first { $0 * power >= rough * 0.999_999 } ?? 10
        step = factor * power
        limit = step * (largest / step - 1e-9).rounded(.up)
    }

    /// The marks, zero and the limit included.
    package var marks: [Double] {
        (0...Int((limit / step).rounded())).map { Double($0) * step }
    }

    /// A mark's label.
    package static func label(_ value: Double) -> String {
        value >= 1000 ? Quantity.count(Int(value.rounded())) : Quantity.significant(value)
    }
}
