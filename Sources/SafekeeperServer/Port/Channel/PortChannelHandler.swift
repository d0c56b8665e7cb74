internal import NIOCore
internal import NIOSSL
internal import ReplicationProtocol

/// Does what a ``PortSession`` wants to be done, on the event loop of its connection.
///
/// Nothing is read from the socket but what the session can make use of: while a command runs, or while more payloads of
/// a COPY stream lie here than ``PortLimits`` allow, the client has to wait. What the connection's task has to do is
/// fetched by it, see ``PortTransport``; there is one request at a time.
final class PortChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// The last message has been sent; the client is to read it and to leave.
        case lingering
        case closed
    }

    let limits: PortLimits
    let tls: TLSCredentials?
    /// Whether there were too many clients when this one came.
    let isRefused: Bool
    var session: PortSession
    var received = ReceiveBuffer()
    var context: ChannelHandlerContext?
    var phase = Phase.open
    /// Whether the socket has been asked for bytes.
    private var isReading = false
    /// Whether the client has ended its side.
    private var hasInputEnded = false
    /// Whether the last message has left for the client.
    private var isLastMessageSent = false
    /// What is to be sent when the session has got as far as it can.
    private var output = ByteBuffer()
    /// From which size on it is sent before, in bytes.
    private static let outputLimit = 32 << 10
    /// Why the connection was closed.
    var closeReason: String?

    /// What the connection's task is to do next, or where it waits for that.
    var request: PortRequest?
    var requestWaiter: EventLoopPromise<PortRequest?>?

    /// The payloads that nobody has fetched yet, or where somebody waits for some.
    var payloads: [ByteBuffer] = []
    var payloadBytes = 0
    var copyEnd: CopyEnd?
    var batchWaiter: EventLoopPromise<CopyBatch>?

    /// Those who wait until the client has taken what was sent.
    var writers: [(flag: CancellationFlag, promise: EventLoopPromise<Void>)] = []

    private var startupTimer: Scheduled<Void>?
    private var readTimer: Scheduled<Void>?
    private var lastRead = NIODeadline.now()

    init(policy: PortPolicy, limits: PortLimits, tls: TLSCredentials?, isRefused: Bool) {
        self.limits = limits
        self.tls = tls
        self.isRefused = isRefused
        session = PortSession(policy: policy)
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
        startupTimer = context.eventLoop.scheduleTask(in: limits.startupTimeout) { loopBound.value.startupTimedOut() }
        armReadTimer(after: limits.readTimeout)
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastRead = .now()
        guard phase == .open else { return }
        received.append(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        advance()
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { inputEnded() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            releaseWriters(.success(()))
            advance()
        }
        context.fireChannelWritabilityChanged()
    }

    /// A broken connection, or TLS that is none; an end of TLS without its farewell is an end like any other.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .uncleanShutdown? = error as? NIOSSLError { return }
        closeReason = closeReason ?? "\(error)"
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        releaseWriters(.failure(PortConnectionError.closed))
        inputEnded()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        phase = .closed
        self.context = nil
        startupTimer?.cancel()
        readTimer?.cancel()
        releaseWriters(.failure(PortConnectionError.closed))
        inputEnded()
    }

    private func inputEnded() {
        hasInputEnded = true
        if phase == .lingering, isLastMessageSent { context?.close(promise: nil) }
        advance()
    }

    // MARK: Going on

    private func begin() {
        if isRefused { perform(session.refuse("too many connections")) }
        advance()
    }

    /// Lets the session look at what is there as far as it can, and reads more if it has use for more.
    func advance() {
        lookAtInput()
        flushOutput()
        releaseBatch()
        readIfUseful()
    }

    private func lookAtInput() {
        while phase != .lingering, !isFull, !isHeldBack {
            switch session.next(in: received.front.readableBytesSpan) {
            case .taken(let count, let action):
                let payload = payload(of: action)
                received.drop(count)
                perform(action, payload: payload)
            case .needs(let count):
                if received.gather(count) { continue }
                guard hasInputEnded, let action = session.inputEnded() else { return }
                perform(action)
            case .waits:
                return
            }
        }
    }

    private var isFull: Bool {
        payloadBytes >= limits.maximumReadAhead || payloads.count >= limits.maximumPayloadsAhead
    }

    /// Whether the client has to take answers before it may ask for more.
    private var isHeldBack: Bool {
        phase == .open && !session.isCopying && context?.channel.isWritable == false
    }

    private func readIfUseful() {
        guard let context, !isReading, !hasInputEnded, phase != .closed else { return }
        guard phase == .lingering || (session.isListening && !isFull && !isHeldBack) else { return }
        isReading = true
        lastRead = .now()
        context.read()
    }

    private func payload(of action: PortAction?) -> ByteBuffer? {
        guard case .deliver(let range)? = action else { return nil }
        return received.slice(range)
    }

    // MARK: Doing what the session wants

    func perform(_ action: PortAction?, payload: ByteBuffer? = nil) {
        switch action {
        case nil: break
        case .send(let messages): write(ByteBuffer(messages))
        case .refuseEncryption: write(ByteBuffer(bytes: [UInt8(ascii: "N")]))
        case .acceptTLS:
            write(ByteBuffer(bytes: [UInt8(ascii: "S")]))
            flushOutput()
            startTLS()
        case .startTLS: startTLS()
        case .verify(let token): ask(.verify(token: token))
        case .run(let command): ask(.run(command))
        case .deliver: deliver(payload)
        case .endCopy(let end):
            copyEnd = end
        case .close(let messages, let reason):
            closeReason = closeReason ?? reason
            finish(with: messages)
        }
        if let startupTimer, session.isLoggedIn {
            startupTimer.cancel()
            self.startupTimer = nil
        }
    }

    private func startTLS() {
        guard let context, let tls else { return }
        let early = received.takeAll()
        do {
            let handler = NIOSSLServerHandler(context: tls.context)
            try context.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            return errorCaught(context: context, error: error)
        }
        // Through the whole pipeline once more, so that TLS sees the bytes.
        if early.readableBytes > 0 {
            context.pipeline.syncOperations.fireChannelRead(NIOAny(early))
            context.pipeline.syncOperations.fireChannelReadComplete()
        }
    }

    private func write(_ bytes: ByteBuffer) {
        guard phase == .open else { return }
        output.writeImmutableBuffer(bytes)
        if output.readableBytes >= Self.outputLimit { flushOutput() }
    }

    private func flushOutput() {
        guard let context, phase == .open, output.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        output = ByteBuffer()
    }

    /// Sends the last messages and ends our side; the client's bytes are read and dropped until it leaves.
    ///
    /// A socket that is closed while bytes lie unread makes the system tell the client that the connection is broken,
    /// and a client that is sending WAL would never see our last message.
    private func finish(with messages: [BackendMessage]) {
        readTimer?.cancel()
        received = ReceiveBuffer()
        requestWaiter?.succeed(nil)
        requestWaiter = nil
        copyEnd = copyEnd ?? .disconnected
        releaseBatch()
        releaseWriters(.failure(PortConnectionError.closed))
        guard let context, phase == .open else { return }
        flushOutput()
        phase = .lingering
        let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { _ in loopBound.value.lastMessageSent() }
        // Also if there is none: an empty write is through when all before it are.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(messages)), promise: sent)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: limits.lingerTimeout) { channel.close(promise: nil) }
    }

    private func lastMessageSent() {
        isLastMessageSent = true
        // Those beyond the limit must not stay, or there would be none.
        context?.close(mode: hasInputEnded || isRefused ? .all : .output, promise: nil)
    }

    // MARK: Time

    private func startupTimedOut() {
        guard !session.isLoggedIn else { return }
        closeAtOnce(reason: "no login within \(limits.startupTimeout.nanoseconds / 1_000_000) ms")
    }

    private func armReadTimer(after delay: TimeAmount) {
        guard let context else { return }
        let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
        readTimer = context.eventLoop.scheduleTask(in: delay) { loopBound.value.readTimerFired() }
    }

    private func readTimerFired() {
        guard phase == .open else { return }
        let left = lastRead + limits.readTimeout - .now()
        // A client that is not listened to can't say anything, unless it is because it doesn't listen itself.
        if isReading || isHeldBack, left <= .zero { return closeAtOnce(reason: "client said nothing for too long") }
        armReadTimer(after: left > .zero ? left : limits.readTimeout)
    }

    func closeAtOnce(reason: String) {
        closeReason = closeReason ?? reason
        context?.close(promise: nil)
    }
}
