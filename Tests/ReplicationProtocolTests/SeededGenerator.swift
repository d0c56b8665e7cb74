/// A small random number generator (splitmix64) whose seed tests print on failure.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of any magnitude: every bit length is equally likely.
    mutating func magnitude() -> UInt64 {
        next() >> UInt64.random(in: 0...63, using: &self)
    }

    mutating func bytes(upTo maximum: Int) -> [UInt8] {
        (0..<Int.random(in: 0...maximum, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    mutating func numbers(upTo maximum: Int) -> [UInt32] {
        (0..<Int.random(in: 0...maximum, using: &self)).map { _ in UInt32(truncatingIfNeeded: next()) }
    }

    mutating func chance(_ part: Int, in whole: Int) -> Bool {
        Int.random(in: 0..<whole, using: &self) < part
    }
}
