internal import InterpretedWAL
internal import NIOCore
internal import ReplicationProtocol

/// Payloads framed as CopyData: small ones put together in one buffer, large ones left where they lie.
struct CopyDataFrames: Sequence, IteratorProtocol {
    /// From which size on a payload is not copied, in bytes.
    static let copyLimit = 8 << 10

    private var payloads: ArraySlice<ByteBuffer>
    /// A payload whose header has been given.
    private var pending: ByteBuffer?

    init(_ payloads: [ByteBuffer]) {
        self.payloads = payloads[...]
    }

    mutating func next() -> ByteBuffer? {
        if let payload = pending {
            pending = nil
            return payload
        }
        guard !payloads.isEmpty else { return nil }
        var frames = ByteBuffer()
        while let payload = payloads.popFirst() {
            frames.writeInteger(UInt8(ascii: "d"))
            frames.writeInteger(UInt32(payload.readableBytes + 4))
            if payload.readableBytes >= Self.copyLimit {
                pending = payload
                break
            }
            frames.writeImmutableBuffer(payload)
        }
        return frames
    }
}

extension ByteBuffer {
    /// The frames of messages.
    init(_ messages: [BackendMessage]) {
        var output = OutputBuffer()
        for message in messages { message.encode(into: &output) }
        self.init()
        output.withUnsafeBytes { _ = self.writeBytes($0) }
    }
}
