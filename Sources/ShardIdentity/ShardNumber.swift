/// The number of a shard of a tenant, 0 to count - 1.
@frozen
public struct ShardNumber: Hashable, Comparable, Sendable {
    /// The number, 0 to 254.
    public let rawValue: UInt8

    /// Makes a shard number; whether it is below the count shows where the two come together.
    @inlinable
    public init(_ rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Shard 0, which also holds what is not spread over the shards.
    @inlinable
    public static var zero: ShardNumber { ShardNumber(0) }

    /// Orders by number.
    @inlinable
    public static func < (lhs: ShardNumber, rhs: ShardNumber) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension ShardNumber: BinaryRepresentable {
    /// The width of the binary form: 1 byte.
    @inlinable
    public static var byteCount: Int { 1 }

    /// Parses the byte.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for anything but one byte.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try ShardNumber.checkLength(bytes)
        self.init(bytes.bigEndian(at: 0, as: UInt8.self))
    }

    /// Appends the byte.
    ///
    /// Traps if there is no room for it.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(rawValue)
    }
}

extension ShardNumber: CustomStringConvertible, LosslessStringConvertible {
    /// Parses a decimal number, as start options carry it; nil for anything else and above 255.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = UInt8(text) else {
            return nil
        }
        self.init(number)
    }

    /// The number in decimal.
    public var description: String { "\(rawValue)" }
}
