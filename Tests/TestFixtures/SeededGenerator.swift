/// A small seeded generator (SplitMix64): the same seed gives the same test.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Random bytes, eight for each step of the generator.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// A number of any magnitude: every bit length is equally likely.
    package mutating func magnitude() -> UInt64 {
        next() >> UInt64.random(in: 0...63, using: &self)
    }

    /// Up to `maximum` random bytes.
    package mutating func bytes(upTo maximum: Int) -> [UInt8] {
        bytes(Int.random(in: 0...maximum, using: &self))
    }

    /// Up to `maximum` random numbers.
    package mutating func numbers(upTo maximum: Int) -> [UInt32] {
        (0..<Int.random(in: 0...maximum, using: &self)).map { _ in UInt32(truncatingIfNeeded: next()) }
    }

    /// True in `part` of `whole` cases.
    package mutating func chance(_ part: Int, in whole: Int) -> Bool {
        Int.random(in: 0..<whole, using: &self) < part
    }
}
