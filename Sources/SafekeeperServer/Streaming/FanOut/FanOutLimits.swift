/// The bounds of a fan-out, and how patient it is.
package struct FanOutLimits: Hashable, Sendable {
    /// The most messages that wait for one sender; the one being sent counts.
    package var queuedMessages: Int
    /// The bytes of waiting messages at which a sender gets no more: the message that reaches them is still taken.
    package var queuedBytes: Int
    /// How long a sender may hold others up before they go on without it.
    package var grace: Duration
    /// How far behind a reader's position, in bytes of WAL, it is worth waiting for another one to come up, and how far
    /// ahead of it a new sender may start and still be served by it.
    package var reach: UInt64
    /// The most senders of one timeline; more are refused.
    package var senders: Int

    /// Makes limits; the defaults are those of a server.
    package init(
        queuedMessages: Int = 8,
        queuedBytes: Int = 2 << 20,
        grace: Duration = .milliseconds(500),
        reach: UInt64 = 16 << 20,
        senders: Int = 1024
    ) {
        precondition(queuedMessages > 0 && queuedBytes > 0 && senders > 0, "a limit that allows nothing")
        self.queuedMessages = queuedMessages
        self.queuedBytes = queuedBytes
        self.grace = grace
        self.reach = reach
        self.senders = senders
    }
}

/// Messages in a queue, and the bytes of records in them.
package struct QueueLoad: Hashable, Sendable {
    package var messages: Int
    package var bytes: Int

    package init(messages: Int = 0, bytes: Int = 0) {
        self.messages = messages
        self.bytes = bytes
    }

    static func += (load: inout QueueLoad, other: QueueLoad) {
        load.messages += other.messages
        load.bytes += other.bytes
    }

    static func -= (load: inout QueueLoad, other: QueueLoad) {
        load.messages -= other.messages
        load.bytes -= other.bytes
    }
}

extension FanOutLimits {
    /// Whether a queue with so much in it takes another message.
    func hasRoom(beside load: QueueLoad) -> Bool {
        load.messages < queuedMessages && load.bytes < queuedBytes
    }
}
