/// One message of a client after login, cut out of the stream: a tag, and a body that stays where it is.
///
/// ```
/// byte 0   1        5            5 + n
///      tag | length | body (n)   |        length = n + 4, big-endian
/// ```
///
/// Source: `replication-protocol.md` §1.7.
public struct FrontendFrame: Hashable, Sendable {
    /// The bytes before the body.
    public static let headerSize = 5
    /// The message's letter.
    public let tag: UInt8
    /// The bytes of the body.
    public let bodySize: Int

    /// Where the body lies, counted from the tag.
    public var bodyRange: Range<Int> { Self.headerSize..<size }

    /// The bytes of the whole frame.
    public var size: Int { Self.headerSize + bodySize }

    /// Looks for a frame at the start of the bytes received so far.
    ///
    /// Nil means that more bytes are needed. An error means that the connection is over: there is no way to find the next
    /// frame. The length is judged as soon as it is there, so nothing is ever collected for a frame over `maximumSize`,
    /// which is in bytes and counts tag and length as well.
    public static func next(in received: RawSpan, maximumSize: Int) throws(FrameError) -> FrontendFrame? {
        guard received.byteCount >= headerSize else { return nil }
        let tag = received.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        let length = UInt32(bigEndian: received.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt32.self))
        guard length >= 4 else { throw .tooShort(tag: tag, length: length) }
        guard Int(length) + 1 <= maximumSize else {
            throw .tooLong(tag: tag, length: length, maximum: maximumSize - 1)
        }
        let frame = FrontendFrame(tag: tag, bodySize: Int(length) - 4)
        return received.byteCount >= frame.size ? frame : nil
    }
}

/// Why a frame ends the connection; lengths are in bytes without the tag.
public enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A length that does not even count itself.
    case tooShort(tag: UInt8, length: UInt32)
    /// A length above the limit.
    case tooLong(tag: UInt8, length: UInt32, maximum: Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .tooShort(let tag, let length): "length \(length) of message \(tag) is below 4"
        case .tooLong(let tag, let length, let maximum): "length \(length) of message \(tag) is above \(maximum)"
        }
    }
}
