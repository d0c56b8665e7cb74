internal import CoreMetrics
package import NIOCore
package import ReplicationProtocol
internal import Synchronization

/// The messages of one proposer that wait for the disk: bounded in number and in bytes.
///
/// One task fills it and one empties it. When it is full the reader waits, reads no more from its connection, and so
/// stops the sender; it goes on once the queue is half empty, so that it isn't woken for each message.
///
/// Source: `safekeeper-core.md` §0, §5.
package final class MessageQueue: Sendable {
    /// A message.
    package struct Element: Sendable {
        package let message: ProposerMessage
        /// For an append request its WAL, in the memory it was received in.
        package let wal: ByteBuffer
        /// Bytes of the encoded message.
        package let size: Int

        package init(message: ProposerMessage, wal: ByteBuffer, size: Int) {
            self.message = message
            self.wal = wal
            self.size = size
        }
    }

    /// Bounds.
    package struct Limits: Hashable, Sendable {
        /// Messages that wait at most; at least 1.
        package var count = 256
        /// Bytes of messages that wait at most; a message that is longer than that waits alone.
        ///
        /// Whatever waits delays a commit behind it: a disk that writes 200 MB a second needs 10 ms for this much.
        package var bytes = 2 << 20

        package init() {}
    }

    private struct State {
        var elements: [Element?]
        var head = 0
        var count = 0
        var bytes = 0
        /// No more will come: what is there is still taken.
        var isFinished = false
        /// What is there isn't wanted any more.
        var isAbandoned = false
        var untilFilled: Promise<Void>?
        var untilRoom: Promise<Void>?
    }

    private let state: Mutex<State>
    private let limits: Limits
    private let metrics: SafekeeperMetrics

    init(limits: Limits = Limits(), metrics: SafekeeperMetrics) {
        self.limits = limits
        self.metrics = metrics
        state = Mutex(State(elements: Array(repeating: nil, count: limits.count)))
    }

    deinit {
        abandon()
    }

    /// How many messages wait.
    var count: Int { state.withLock { $0.count } }

    /// Bytes of the messages that wait.
    var byteCount: Int { state.withLock { $0.bytes } }

    /// Adds a message if there is room.
    ///
    /// - Returns: whether it is done with: also if nobody wants it any more.
    func offer(_ element: Element) -> Bool {
        let size = element.size
        // Counted before it can be taken: a sum that is short for a moment would show as a negative one.
        metrics.receiverQueueDepthTotal.increment()
        metrics.receiverQueueSizeTotal.increment(by: Double(size))
        let (isDone, isIn, waiting) = state.withLock { state -> (Bool, Bool, Promise<Void>?) in
            if state.isAbandoned { return (true, false, nil) }
            guard state.count < limits.count, state.count == 0 || state.bytes + size <= limits.bytes else {
                return (false, false, nil)
            }
            state.elements[(state.head + state.count) % limits.count] = element
            state.count += 1
            state.bytes += size
            return (true, true, state.untilFilled.take())
        }
        if !isIn { uncount(1, size) }
        waiting?.resolve(())
        return isDone
    }

    private func uncount(_ count: Int, _ bytes: Int) {
        metrics.receiverQueueDepthTotal.decrement(by: Double(count))
        metrics.receiverQueueSizeTotal.decrement(by: Double(bytes))
    }

    /// The next message; nil if there is none now.
    func next() -> Element? {
        next { _ in true }
    }

    /// The next message if it is there and wanted.
    func next(if isWanted: (ProposerMessage) -> Bool) -> Element? {
        let (element, waiting) = state.withLock { state -> (Element?, Promise<Void>?) in
            guard state.count > 0, let element = state.elements[state.head] else { return (nil, nil) }
            guard isWanted(element.message) else { return (nil, nil) }
            state.elements[state.head] = nil
            state.head = (state.head + 1) % limits.count
            state.count -= 1
            state.bytes -= element.size
            let isHalfEmpty = state.count <= limits.count / 2 && state.bytes <= limits.bytes / 2
            return (element, isHalfEmpty ? state.untilRoom.take() : nil)
        }
        waiting?.resolve(())
        if let element { uncount(1, element.size) }
        return element
    }

    /// Waits until there is a message.
    ///
    /// Not ended by the task's cancellation: what was received is written.
    ///
    /// - Returns: false if there will be none.
    nonisolated(nonsending) func untilFilled() async -> Bool {
        let promise = Promise<Void>()
        let isThere = state.withLock { state -> Bool? in
            if state.count > 0 { return true }
            if state.isFinished || state.isAbandoned { return false }
            state.untilFilled = promise
            return nil
        }
        if let isThere { return isThere }
        await promise.value()
        return state.withLock { $0.count > 0 }
    }

    /// Waits until the queue is half empty, or nobody wants messages any more, or the task is cancelled.
    func untilRoom() async {
        let promise = Promise<Void>()
        let hasRoom = state.withLock { state in
            let isHalfEmpty = state.count <= limits.count / 2 && state.bytes <= limits.bytes / 2
            if state.isAbandoned || isHalfEmpty { return true }
            state.untilRoom = promise
            return false
        }
        if !hasRoom { await promise.value(ifCancelled: ()) }
    }

    /// Takes no more messages; what is there is still taken from it.
    func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            return state.untilFilled.take()
        }
        waiting?.resolve(())
    }

    /// Drops what is there, and whatever will be added.
    func abandon() {
        let (count, bytes, waiting) = state.withLock { state -> (Int, Int, [Promise<Void>?]) in
            defer {
                state.elements = Array(repeating: nil, count: limits.count)
                state.count = 0
                state.bytes = 0
                state.isAbandoned = true
            }
            return (state.count, state.bytes, [state.untilFilled.take(), state.untilRoom.take()])
        }
        uncount(count, bytes)
        for promise in waiting { promise?.resolve(()) }
    }
}

extension MessageQueue.Element {
    /// Decodes a message; its WAL stays in the memory that it was received in.
    ///
    /// - Parameters:
    ///   - bytes: the message, whole.
    ///   - version: the form that it has.
    /// - Throws: ``ConsensusMessageError``.
    package init(decoding bytes: ByteBuffer, version: ConsensusProtocolVersion) throws(ConsensusMessageError) {
        let message = try ProposerMessage(decoding: bytes.readableBytesSpan, version: version)
        var wal = ByteBuffer()
        if case .append(let request) = message {
            let range = request.walRange(in: version)
            guard let slice = bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count) else {
                preconditionFailure("the WAL of a decoded message isn't in it")
            }
            wal = slice
        }
        self.init(message: message, wal: wal, size: bytes.readableBytes)
    }
}
