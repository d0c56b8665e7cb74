/// How many neighbouring blocks of a relation stay together on one shard, at least 1.
@frozen
public struct ShardStripeSize: Hashable, Sendable {
    /// The size in pages of 8 KiB, never 0.
    public let pages: UInt32

    /// Makes a stripe size of a number of pages; throws ``ShardIdentityError/invalidStripeSize`` for 0.
    @inlinable
    public init(pages: UInt32) throws(ShardIdentityError) {
        guard pages > 0 else { throw .invalidStripeSize }
        self.pages = pages
    }

    @inlinable
    init(nonZeroPages pages: UInt32) {
        self.pages = pages
    }

    /// The stripe size of new tenants: 2048 pages, 16 MiB.
    @inlinable
    public static var standard: ShardStripeSize { ShardStripeSize(nonZeroPages: 2048) }

    /// The stripe size of tenants from before April 2025: 32768 pages, 256 MiB.
    @inlinable
    public static var former: ShardStripeSize { ShardStripeSize(nonZeroPages: 32768) }

    /// The stripe that a block lies in, counted from the start of the relation's fork.
    @inlinable
    public func stripe(ofBlock block: UInt32) -> UInt32 { block / pages }
}

extension ShardStripeSize: BinaryRepresentable {
    /// The width of the binary form: 4 bytes.
    @inlinable
    public static var byteCount: Int { 4 }

    /// Parses the pages, big-endian.
    ///
    /// Throws ``ShardIdentityError/wrongLength(expected:found:)`` for anything but four bytes, and
    /// ``ShardIdentityError/invalidStripeSize`` for 0.
    @inlinable
    public init(bytes: RawSpan) throws(ShardIdentityError) {
        try ShardStripeSize.checkLength(bytes)
        try self.init(pages: bytes.bigEndian(at: 0, as: UInt32.self))
    }

    /// Appends the pages, big-endian.
    ///
    /// Traps if there is no room for them.
    @inlinable
    public func write(to output: inout OutputRawSpan) {
        output.appendBigEndian(pages)
    }
}

extension ShardStripeSize: CustomStringConvertible, LosslessStringConvertible {
    /// Parses a decimal number of pages, as start options carry it; nil for anything else, for 0 and above 32 bits.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let pages = UInt32(text) else {
            return nil
        }
        try? self.init(pages: pages)
    }

    /// The pages in decimal.
    public var description: String { "\(pages)" }
}
