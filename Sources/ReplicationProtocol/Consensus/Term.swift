/// The number of an election; votes and the history of WAL both use it.
///
/// Source: `safekeeper-core.md` §0.
@frozen
public struct Term: Hashable, Comparable, Sendable {
    /// The number.
    public let rawValue: UInt64

    /// Makes a term.
    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The term before any election, 0: no proposer is ever elected in it.
    @inlinable
    public static var initial: Term { Term(0) }

    /// The next term; nil after the last one.
    public var next: Term? {
        rawValue == .max ? nil : Term(rawValue + 1)
    }

    /// Orders by number.
    @inlinable
    public static func < (lhs: Term, rhs: Term) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension Term: CustomStringConvertible {
    /// The number in decimal.
    public var description: String { "\(rawValue)" }
}
