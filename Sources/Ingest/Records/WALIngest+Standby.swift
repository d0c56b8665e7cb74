internal import InterpretedWAL

// Snapshots of running transactions.
// Source: `ingest.md` §2.4.

extension WALIngest {
    mutating func ingest(_ snapshot: StandbyMetadata) {
        switch snapshot {
        case .runningTransactions(let oldestRunningXID):
            checkpoint.oldestActiveXID = oldestRunningXID
            isCheckpointChanged = true
        }
    }
}
