/// One connection's place in a fan-out.
///
/// Numbers are counted in 64 bits and never used again, so however often shards connect, neither do they run out nor is
/// one taken for another.
package struct SenderID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    package let rawValue: UInt64

    package var description: String { "sender \(rawValue)" }

    package static func < (lhs: SenderID, rhs: SenderID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// One reader of a fan-out; counted like ``SenderID``.
package struct ReaderID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    package let rawValue: UInt64

    package var description: String { "reader \(rawValue)" }

    package static func < (lhs: ReaderID, rhs: ReaderID) -> Bool { lhs.rawValue < rhs.rawValue }
}
