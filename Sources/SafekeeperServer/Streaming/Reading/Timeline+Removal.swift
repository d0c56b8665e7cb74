internal import BlockingExecution
internal import CoreMetrics
internal import Logging
package import PostgresWAL

/// Which WAL is no longer needed on this disk.
///
/// Source: `safekeeper-core.md` §4.6.
package struct RemovalHorizon: Hashable, Sendable {
    /// Up to where all shards have data durably elsewhere, as stored in the control file.
    package var remoteConsistent: LSN
    /// The end of the last segment in remote storage, as stored; nil if there is no remote storage.
    package var backup: LSN?
    /// The commit LSN as stored, from which the next start looks for the end of the WAL.
    package var commit: LSN
    /// The end of the durable records.
    package var flush: LSN
    /// The first position that a connected receiver, or its reader, still needs; nil if there is none.
    package var oldestReceiver: LSN?

    package init(remoteConsistent: LSN, backup: LSN?, commit: LSN, flush: LSN, oldestReceiver: LSN?) {
        self.remoteConsistent = remoteConsistent
        self.backup = backup
        self.commit = commit
        self.flush = flush
        self.oldestReceiver = oldestReceiver
    }

    /// The first position that must stay.
    package var lsn: LSN {
        [remoteConsistent, backup, commit, flush, oldestReceiver].compactMap { $0 }.min() ?? .invalid
    }
}

/// Removes a timeline's old segments on a thread that may block, beside the timeline's owner.
actor SegmentRemover {
    private let queue = BlockingQueue(label: "WAL removal")
    /// Segments before this one are gone.
    private var firstSegment: UInt64 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    /// Removes what lies before a position; gives how many files that were.
    func remove(before horizon: LSN, of files: SegmentFiles) throws(StorageError) -> Int {
        let first = files.segmentSize.segmentNumber(of: horizon)
        guard horizon.isValid, first > firstSegment else { return 0 }
        let count = try files.removeSegments(before: horizon)
        firstSegment = first
        return count
    }
}

extension Timeline {
    /// Removes the segments that nobody needs any more.
    ///
    /// - Parameter keepsUnsaved: whether WAL that is not in remote storage stays; false if there is none.
    /// - Returns: how many files were removed.
    @discardableResult
    package nonisolated func removeOldWAL(keepsUnsaved: Bool) async -> Int {
        guard let pass = gate.enter() else { return 0 }
        defer { extendLifetime(pass) }
        do {
            let positions = [streaming.senders.oldestPosition, await streaming.fanOut.oldestPosition]
            let (horizon, files) = try await withState { state in
                let persisted = state.persisted
                return (
                    RemovalHorizon(
                        remoteConsistent: persisted.remoteConsistentLSN,
                        backup: keepsUnsaved ? persisted.backupLSN : nil,
                        commit: persisted.commitLSN,
                        flush: state.positions.flushRecordLSN,
                        oldestReceiver: positions.compactMap { $0 }.min()
                    ),
                    state.store.files
                )
            }
            let count = try await streaming.remover.remove(before: horizon.lsn, of: files)
            if count > 0 {
                metrics.streaming.removedSegments.increment(by: count)
                logger.info("removed \(count) WAL segments", metadata: ["before": "\(horizon.lsn)"])
            }
            return count
        } catch {
            logger.warning("can't remove old WAL segments", metadata: ["error": "\(error)"])
            return 0
        }
    }
}
