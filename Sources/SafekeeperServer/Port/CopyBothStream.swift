package import NIOCore

/// A COPY stream both ways: payloads of CopyData come and go, each side at its own pace.
///
/// Payloads that come are the elements of the sequence. It ends when the client says so, leaves, or is lost, and throws
/// ``CopyStreamError`` if the client gives up or breaks the protocol. One task may read at a time. While nobody reads, a
/// bounded number of payloads is held (``PortLimits``), then the client has to wait; the end of the client is noticed
/// by whoever reads, and by whoever sends if the connection is lost.
package struct CopyBothStream: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let transport: PortTransport

    /// Sends a payload, and waits until the client has taken enough of what was sent before; bounds are in
    /// ``PortLimits``.
    ///
    /// Throws ``PortConnectionError/closed`` when the connection is over, `CancellationError` when the task is cancelled
    /// while it waits; the payload may have been sent then.
    package func send(_ payload: ByteBuffer) async throws {
        try await transport.send([payload])
    }

    /// Sends payloads, each as a CopyData of its own, with one flush; waits and throws like ``send(_:)``.
    package func send(contentsOf payloads: [ByteBuffer]) async throws {
        guard !payloads.isEmpty else { return }
        try await transport.send(payloads)
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(transport: transport)
    }

    /// Hands the payloads out one after the other; several come at a time where the client is ahead.
    package struct Iterator: AsyncIteratorProtocol {
        let transport: PortTransport
        /// The payloads at hand, the next one last.
        private var reversed: [ByteBuffer] = []
        private var end: CopyEnd?

        init(transport: PortTransport) {
            self.transport = transport
        }

        package mutating func next() async throws -> ByteBuffer? {
            while reversed.isEmpty {
                switch end {
                case .done, .disconnected: return nil
                case .failed(let reason): throw CopyStreamError.failed(reason)
                case .violated(let text): throw CopyStreamError.violated(text)
                case nil:
                    let batch = try await transport.nextBatch()
                    reversed = batch.payloads.reversed()
                    end = batch.end
                }
            }
            return reversed.popLast()
        }
    }
}

/// How a client's part of a COPY stream ends if not well.
package enum CopyStreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The client gives up, with its reason.
    case failed(String)
    /// The client has sent something that has no place there.
    case violated(String)

    /// The message.
    package var description: String {
        switch self {
        case .failed(let reason): "received CopyFail: \(reason)"
        case .violated(let text): text
        }
    }
}
