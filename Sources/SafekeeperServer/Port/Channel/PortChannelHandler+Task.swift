internal import NIOCore
internal import ReplicationProtocol

/// What a connection's task is to do.
enum PortRequest: Sendable {
    /// Judge a token.
    case verify(token: String)
    /// Run a command.
    case run(PortCommand)
}

/// Payloads of a COPY stream in order, and its end if that follows them.
struct CopyBatch: Sendable {
    let payloads: [ByteBuffer]
    let end: CopyEnd?
}

// MARK: - For the connection's task

extension PortChannelHandler {
    func ask(_ request: PortRequest) {
        if let requestWaiter {
            self.requestWaiter = nil
            requestWaiter.succeed(request)
        } else {
            self.request = request
        }
    }

    /// What is to be done next; nil when the connection is over, or the task that asks has been cancelled.
    func nextRequest(_ flag: CancellationFlag, on eventLoop: any EventLoop) -> EventLoopFuture<PortRequest?> {
        if let request, !flag.isSet {
            self.request = nil
            return eventLoop.makeSucceededFuture(request)
        }
        guard phase == .open, !flag.isSet else { return eventLoop.makeSucceededFuture(nil) }
        let promise = eventLoop.makePromise(of: PortRequest?.self)
        requestWaiter = promise
        return promise.futureResult
    }

    func cancelRequest() {
        requestWaiter?.succeed(nil)
        requestWaiter = nil
    }

    /// Tells the session something that the task found out, and goes on.
    func tell(_ event: (inout PortSession) -> PortAction?) {
        perform(event(&session))
        advance()
    }
}

// MARK: - For the command that runs

extension PortChannelHandler {
    /// Sends what the command answers; throws if there is nobody to answer to.
    func answer(_ event: (inout PortSession) -> PortAction?) throws(PortConnectionError) {
        guard phase == .open, let action = event(&session) else { throw .closed }
        perform(action)
        advance()
    }

    func deliver(_ payload: ByteBuffer?) {
        guard let payload else { return }
        payloads.append(payload)
        payloadBytes += payload.readableBytes
    }

    func nextBatch(_ flag: CancellationFlag, on eventLoop: any EventLoop) -> EventLoopFuture<CopyBatch> {
        guard !flag.isSet else { return eventLoop.makeFailedFuture(CancellationError()) }
        guard batchWaiter == nil else { return eventLoop.makeFailedFuture(PortConnectionError.readTwice) }
        let promise = eventLoop.makePromise(of: CopyBatch.self)
        batchWaiter = promise
        releaseBatch()
        // There may be room for more now.
        advance()
        return promise.futureResult
    }

    func cancelBatch() {
        batchWaiter?.fail(CancellationError())
        batchWaiter = nil
    }

    /// Gives what there is to the one who waits for it.
    func releaseBatch() {
        guard let waiter = batchWaiter else { return }
        guard !payloads.isEmpty || copyEnd != nil else { return }
        let batch = CopyBatch(payloads: payloads, end: copyEnd)
        payloads = []
        payloadBytes = 0
        batchWaiter = nil
        waiter.succeed(batch)
    }

    /// Sends payloads, each as a CopyData, with one flush.
    ///
    /// What is returned succeeds at once if the client takes what it is sent; else when little enough is left.
    func send(
        _ payloads: [ByteBuffer],
        _ flag: CancellationFlag,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        guard !flag.isSet else { return eventLoop.makeFailedFuture(CancellationError()) }
        guard let context, phase == .open, session.isCopying else {
            return eventLoop.makeFailedFuture(PortConnectionError.closed)
        }
        for bytes in CopyDataFrames(payloads) { context.write(wrapOutboundOut(bytes), promise: nil) }
        context.flush()
        // The flush may have found out that the connection is broken.
        guard phase == .open else { return eventLoop.makeFailedFuture(PortConnectionError.closed) }
        if context.channel.isWritable { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        writers.append((flag, promise))
        return promise.futureResult
    }

    func cancelWriter(_ flag: CancellationFlag) {
        guard let index = writers.firstIndex(where: { $0.flag === flag }) else { return }
        writers.remove(at: index).promise.fail(CancellationError())
    }

    func releaseWriters(_ result: Result<Void, any Error>) {
        let released = writers
        writers = []
        for writer in released { writer.promise.completeWith(result) }
    }
}
