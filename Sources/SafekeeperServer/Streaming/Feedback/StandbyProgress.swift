package import PostgresWAL
package import ReplicationProtocol

/// What the standbys of a timeline have said, and what follows for all of them together.
///
/// Each value is the minimum of those that aren't zero, since zero says nothing; the time of the feedback is the latest.
///
/// Source: `replication-protocol.md` §4.5, §4.6.
package struct StandbyProgress: Sendable {
    private struct Standby: Sendable {
        var status: StandbyStatus?
        var horizons: StandbyHorizons?
    }

    private var standbys: [ShardProgress.SenderKey: Standby] = [:]

    /// A timeline without standbys.
    package init() {}

    /// A standby has told how far it is.
    package mutating func received(_ status: StandbyStatus, from key: ShardProgress.SenderKey) {
        standbys[key, default: Standby()].status = status
    }

    /// A standby has told what it needs.
    package mutating func received(_ horizons: StandbyHorizons, from key: ShardProgress.SenderKey) {
        standbys[key, default: Standby()].horizons = horizons
    }

    /// A connection has gone, if it was a standby's.
    package mutating func detached(_ key: ShardProgress.SenderKey) {
        standbys[key] = nil
    }

    /// Whether a connection is a standby's: it has said so.
    package func isStandby(_ key: ShardProgress.SenderKey) -> Bool { standbys[key] != nil }

    /// What a standby has said last, empty where it hasn't; nil if the connection is none's.
    package func feedback(of key: ShardProgress.SenderKey) -> (StandbyStatus, StandbyHorizons)? {
        standbys[key].map { standby in
            let empty = StandbyStatus(write: .invalid, flush: .invalid, apply: .invalid, time: .epoch)
            return (standby.status ?? empty, standby.horizons ?? StandbyHorizons())
        }
    }

    /// What the standbys need, for the proposer.
    package var horizons: StandbyHorizons {
        let all = standbys.values.compactMap(\.horizons)
        return StandbyHorizons(
            time: all.map(\.time).max() ?? .epoch,
            xmin: all.map(\.xmin).filter { $0 != 0 }.min() ?? 0,
            catalogXmin: all.map(\.catalogXmin).filter { $0 != 0 }.min() ?? 0
        )
    }

    /// The position that the slowest standby has replayed, for those that keep old versions of pages; zero if there is none.
    package var slowestApply: LSN { slowest(\.apply) }

    /// The position up to which the slowest standby has made WAL durable; zero if there is none.
    package var slowestFlush: LSN { slowest(\.flush) }

    private func slowest(_ position: KeyPath<StandbyStatus, LSN>) -> LSN {
        standbys.values.compactMap { $0.status?[keyPath: position] }.filter(\.isValid).min() ?? .invalid
    }
}
