package import NIOCore

/// Bytes as they came from the socket, made whole only where a message lies across two pieces.
///
/// A message that lies in one piece is handed out as a slice of it; of any other, only the part up to its end is
/// copied. Most bytes are not copied at all.
package struct ReceiveBuffer {
    /// What is looked at.
    package private(set) var front = ByteBuffer()
    /// The pieces behind it.
    private var rest = CircularBuffer<ByteBuffer>()
    /// The bytes in all pieces.
    package private(set) var count = 0

    package init() {}

    /// Adds a piece behind all others.
    package mutating func append(_ piece: ByteBuffer) {
        guard piece.readableBytes > 0 else { return }
        count += piece.readableBytes
        if front.readableBytes == 0 {
            front = piece
        } else {
            rest.append(piece)
        }
    }

    /// Brings bytes to the front until `size` of them are there; false if there is nothing that can be brought.
    package mutating func gather(_ size: Int) -> Bool {
        guard front.readableBytes < size, !rest.isEmpty else { return false }
        // The front grows by doubling with what there is: the size is only what the client says, and a client that sends
        // byte by byte must not have everything copied for each of them.
        while front.readableBytes < size, var piece = rest.popFirst() {
            if let part = piece.readSlice(length: min(size - front.readableBytes, piece.readableBytes)) {
                front.writeImmutableBuffer(part)
            }
            if piece.readableBytes > 0 { rest.prepend(piece) }
        }
        return true
    }

    /// The bytes at these offsets of the front, where they lie.
    package func slice(_ range: Range<Int>) -> ByteBuffer? {
        front.getSlice(at: front.readerIndex + range.lowerBound, length: range.count)
    }

    /// Drops bytes of the front.
    package mutating func drop(_ size: Int) {
        front.moveReaderIndex(forwardBy: size)
        count -= size
        if front.readableBytes == 0 { front = rest.popFirst() ?? ByteBuffer() }
    }

    /// Takes everything out.
    package mutating func takeAll() -> ByteBuffer {
        _ = gather(count)
        defer { self = ReceiveBuffer() }
        return front
    }
}
