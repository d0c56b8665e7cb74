internal import CoreMetrics
internal import Logging
package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity
internal import Synchronization

/// The receivers of one timeline's WAL that are connected, and what they have said.
///
/// Source: `replication-protocol.md` §4.4 to §4.6, §4.8.
package final class WALSenders: Sendable {
    package typealias Key = ShardProgress.SenderKey

    /// A receiver.
    package struct Entry: Hashable, Sendable {
        /// The number of its connection.
        package var connection: UInt64
        /// The address of its client.
        package var address: String
        /// What it calls itself.
        package var applicationName: String?
        /// Its shard; nil if it gets raw WAL.
        package var shard: ShardIdentity?
        /// Where its stream began.
        package var start: LSN
        /// It has been sent everything before.
        package var position: LSN
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var progress = ShardProgress()
        var standbys = StandbyProgress()
        var lastKey: UInt64 = 0
        /// The greatest position up to which all shards were known to have everything.
        var remoteConsistent = LSN.invalid
        /// Whether it may be greater by now, because of who has come and gone.
        var isRemoteConsistentOld = false
    }

    private let state = Mutex(State())
    private let receivers: WALReceivers

    private let metrics: StreamingMetrics

    init(receivers: WALReceivers, metrics: StreamingMetrics) {
        self.receivers = receivers
        self.metrics = metrics
    }

    /// A receiver has come.
    package func add(_ entry: Entry) -> Key {
        state.withLock { state in
            state.lastKey += 1
            let key = Key(state.lastKey)
            state.entries[key] = entry
            state.progress.attached(key, shard: entry.shard)
            state.isRemoteConsistentOld = true
            return key
        }
    }

    /// A receiver has gone.
    package func remove(_ key: Key) {
        let horizons = state.withLock { state in
            state.entries[key] = nil
            state.progress.detached(key)
            state.isRemoteConsistentOld = true
            let wasStandby = state.standbys.isStandby(key)
            state.standbys.detached(key)
            return wasStandby ? state.standbys.horizons : nil
        }
        if let horizons { receivers.standby = horizons }
    }

    /// A receiver has been sent everything before a position.
    package func sent(_ key: Key, upTo position: LSN) {
        state.withLock { $0.entries[key]?.position = position }
    }

    /// A receiver has said something.
    ///
    /// Feedback of shards goes to the proposers as it is; what standbys need goes to them as one.
    ///
    /// - Returns: how far WAL is no longer needed by any shard, if that has grown.
    package func received(_ reply: WALStreamReply, from key: Key) -> LSN? {
        switch reply {
        case .pageserverFeedback(let feedback):
            let grown = state.withLock { state -> LSN? in
                let hasChanged = state.progress.received(feedback, from: key)
                guard hasChanged || state.isRemoteConsistentOld else { return nil }
                state.isRemoteConsistentOld = false
                guard let horizon = state.progress.remoteConsistent, horizon > state.remoteConsistent else {
                    return nil
                }
                state.remoteConsistent = horizon
                return horizon
            }
            metrics.feedbacks.increment()
            receivers.send(feedback)
            return grown
        case .standbyStatus(let status):
            state.withLock { $0.standbys.received(status, from: key) }
        case .hotStandbyFeedback(let horizons):
            let all = state.withLock { state in
                state.standbys.received(horizons, from: key)
                return state.standbys.horizons
            }
            receivers.standby = all
        case .ignored:
            break
        }
        return nil
    }

    /// Whether a receiver has all that is committed and nobody is there to write more, so that its stream may end.
    ///
    /// A standby's stream never does.
    package func isCaughtUp(_ key: Key, commitLSN: LSN) -> Bool {
        guard receivers.count == 0 else { return false }
        return state.withLock { state in
            if state.standbys.isStandby(key) { return false }
            return !commitLSN.isValid || state.progress.remoteConsistent(of: key) >= commitLSN
        }
    }
}

// MARK: - Status

extension WALSenders {
    /// What a receiver has said last.
    package enum Feedback: Hashable, Sendable {
        /// A pageserver's; empty before it has said anything.
        case pageserver(PageserverFeedback)
        /// A standby's.
        case standby(StandbyStatus, StandbyHorizons)
    }

    /// A receiver, and what it has said last.
    package struct Status: Hashable, Sendable {
        package var entry: Entry
        package var feedback: Feedback
    }

    /// The receivers and what they have said, in the order of their coming.
    package var status: [Status] {
        state.withLock { state in
            state.entries.sorted { $0.key.rawValue < $1.key.rawValue }.map { key, entry in
                if let (status, horizons) = state.standbys.feedback(of: key) {
                    return Status(entry: entry, feedback: .standby(status, horizons))
                }
                return Status(
                    entry: entry,
                    feedback: .pageserver(state.progress.feedback(of: key) ?? PageserverFeedback())
                )
            }
        }
    }

    /// How many there are.
    package var count: Int { state.withLock { $0.entries.count } }

    /// What the shards have said.
    package var progress: ShardProgress { state.withLock { $0.progress } }

    /// What the standbys have said.
    package var standbys: StandbyProgress { state.withLock { $0.standbys } }

    /// The first position that some receiver still has to be sent; nil if there is none.
    package var oldestPosition: LSN? { state.withLock { $0.entries.values.map(\.position).min() } }
}
