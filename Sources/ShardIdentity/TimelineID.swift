/// The identity of a timeline, a branch of a tenant's history: 128 arbitrary bits.
///
/// Not to be confused with PostgreSQL's timeline number, which is always 1 here.
/// Source: `replication-protocol.md` §1.4.
@frozen
public struct TimelineID: Hashable, Sendable {
    /// The 16 bytes as a big-endian number.
    public let bits: UInt128

    /// Makes a timeline id of its 16 bytes as a big-endian number.
    @inlinable
    public init(bits: UInt128) {
        self.bits = bits
    }
}

extension TimelineID: Comparable {
    /// Orders byte by byte, as the text form does.
    @inlinable
    public static func < (lhs: TimelineID, rhs: TimelineID) -> Bool {
        lhs.bits < rhs.bits
    }
}

extension TimelineID: BinaryRepresentable {
    /// The width of the binary form: 16 bytes.
    @inlinable
    public static var byteCount: Int { 16 }

    /// Parses 16 bytes; every content is an id.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for any other number of bytes.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try TimelineID.checkLength(bytes)
        self.init(bits: bytes.bigEndian(at: 0, as: UInt128.self))
    }

    /// Appends the 16 bytes of the id.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(bits)
    }
}

extension TimelineID: CustomStringConvertible, LosslessStringConvertible {
    /// The text form: 32 lower-case hexadecimal digits.
    public var description: String {
        Hexadecimal.text(of: bytes)
    }

    /// Parses 32 hexadecimal digits in either case; nil for anything else.
    public init?(_ text: String) {
        guard let bytes = Hexadecimal.bytes(of: text.utf8, count: TimelineID.byteCount) else { return nil }
        try? self.init(bytes: bytes)
    }
}
