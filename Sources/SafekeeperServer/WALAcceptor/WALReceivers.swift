internal import CoreMetrics
package import ReplicationProtocol
internal import Synchronization

/// The proposers that are connected to one timeline.
///
/// What pageservers and standbys report goes through here to all of them: senders give it, connections take it.
///
/// Source: `safekeeper-core.md` §5.
package final class WALReceivers: Sendable {
    /// What a proposer is at.
    package enum Status: Hashable, Sendable {
        /// It asks for votes.
        case voting
        /// It has said that it is elected.
        case streaming
    }

    private struct Receiver {
        let connection: UInt64?
        var status = Status.voting
        let replies: ReplyQueue
    }

    private struct State {
        var receivers: [UInt64: Receiver] = [:]
        var nextNumber: UInt64 = 0
        var standby = StandbyHorizons()
    }

    private let state = Mutex(State())
    private let total: Meter
    private let ofTimeline: Meter

    init(total: Meter, ofTimeline: Meter) {
        self.total = total
        self.ofTimeline = ofTimeline
    }

    /// How many are connected, recovery from a peer included.
    package var count: Int { state.withLock { $0.receivers.count } }

    /// How many computes are streaming, without recovery from a peer.
    package var streamingCount: Int {
        state.withLock { state in
            state.receivers.values.count { $0.status == .streaming && $0.connection != nil }
        }
    }

    /// Those that are connected, in the order of their coming.
    package var all: [(connection: UInt64?, status: Status)] {
        state.withLock { state in
            state.receivers.sorted { $0.key < $1.key }.map { ($0.value.connection, $0.value.status) }
        }
    }

    /// Passes on what a pageserver says; whoever hasn't sent earlier feedback yet may lose some.
    package func send(_ feedback: PageserverFeedback) {
        let queues = state.withLock { $0.receivers.values.map(\.replies) }
        for queue in queues { queue.offer(feedback) }
    }

    /// What hot standbys need, of all of them together; it goes out with each append response.
    package var standby: StandbyHorizons {
        get { state.withLock { $0.standby } }
        set { state.withLock { $0.standby = newValue } }
    }

    /// A connection's entry; whoever made it removes it.
    struct Slot: Sendable {
        fileprivate let number: UInt64
    }

    func add(connection: UInt64?, replies: ReplyQueue) -> Slot {
        let number = state.withLock { state in
            defer { state.nextNumber += 1 }
            state.receivers[state.nextNumber] = Receiver(connection: connection, replies: replies)
            return state.nextNumber
        }
        total.increment()
        ofTimeline.increment()
        return Slot(number: number)
    }

    func setStreaming(_ slot: Slot) {
        state.withLock { $0.receivers[slot.number]?.status = .streaming }
    }

    func remove(_ slot: Slot) {
        let receiver = state.withLock { $0.receivers.removeValue(forKey: slot.number) }
        precondition(receiver != nil, "a receiver is removed twice")
        total.decrement()
        ofTimeline.decrement()
    }
}
