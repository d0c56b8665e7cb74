internal import NIOCore
internal import ReplicationProtocol

/// What tasks see of a connection: each call is carried out on its event loop.
struct PortTransport: Sendable {
    let channel: any Channel
    private let handler: NIOLoopBound<PortChannelHandler>

    /// Wraps the handler of a channel; called on its event loop.
    init(_ handler: PortChannelHandler, of channel: any Channel) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    private var eventLoop: any EventLoop { channel.eventLoop }

    /// Runs a call on the event loop and waits for what it gives; at once if this is the event loop's thread.
    private func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (PortChannelHandler) -> EventLoopFuture<Value>
    ) async throws -> Value {
        if eventLoop.inEventLoop { return try await body(handler.value).get() }
        return try await eventLoop.flatSubmit { body(handler.value) }.get()
    }

    // MARK: For the connection's task

    /// What is to be done next; nil when the connection is over or the task is cancelled.
    func nextRequest() async -> PortRequest? {
        let flag = CancellationFlag()
        return await withTaskCancellationHandler {
            try? await onLoop { $0.nextRequest(flag, on: eventLoop) }
        } onCancel: {
            flag.set()
            eventLoop.execute { handler.value.cancelRequest() }
        }
    }

    /// Tells the session something.
    func tell(_ event: @escaping @Sendable (inout PortSession) -> PortAction?) {
        eventLoop.execute { handler.value.tell(event) }
    }

    /// Closes the connection, dropping what the client has not taken.
    func close(reason: String) {
        eventLoop.execute { handler.value.closeAtOnce(reason: reason) }
    }

    /// Waits until the connection is closed; gives the reason.
    func closed() async -> String {
        try? await channel.closeFuture.get()
        return (try? await eventLoop.submit { handler.value.closeReason }.get()) ?? "client left"
    }

    // MARK: For the command that runs

    func answer(_ event: @escaping @Sendable (inout PortSession) -> PortAction?) async throws {
        try await eventLoop.submit { try handler.value.answer(event) }.get()
    }

    /// Payloads of the COPY stream, at least one, or its end.
    func nextBatch() async throws -> CopyBatch {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await onLoop { $0.nextBatch(flag, on: eventLoop) }
        } onCancel: {
            flag.set()
            eventLoop.execute { handler.value.cancelBatch() }
        }
    }

    /// Sends payloads of the COPY stream; returns when the client has taken enough of what was sent.
    func send(_ payloads: [ByteBuffer]) async throws {
        let flag = CancellationFlag()
        try await withTaskCancellationHandler {
            try await onLoop { $0.send(payloads, flag, on: eventLoop) }
        } onCancel: {
            flag.set()
            eventLoop.execute { handler.value.cancelWriter(flag) }
        }
    }
}
