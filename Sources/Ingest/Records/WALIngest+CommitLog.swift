internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// The commit log: pages that are started or removed, and how transactions ended.
// Source: `ingest.md` §2.8, §2.10.

extension WALIngest {
    mutating func ingest(_ change: CLogMetadata) throws(IngestFault) {
        switch change {
        case .zeroPage(let segment, let page):
            try zeroPage(.clog, segment: segment, page: page)
        case .truncate(let page, let oldestXID, let oldestXIDDatabase):
            checkpoint.oldestXID = oldestXID
            checkpoint.oldestXIDDatabase = oldestXIDDatabase
            isCheckpointChanged = true
            try truncateCommitLog(before: page)
        }
    }

    private mutating func truncateCommitLog(before page: UInt32) throws(IngestFault) {
        let newest = CommitLogPage.number(of: UInt32(truncatingIfNeeded: checkpoint.nextXID))
        guard !CommitLogPage.precedes(newest, page) else {
            warn(.commitLogWraparound(page: page, lsn: lsn))
            return
        }
        try dropSegments(.clog) { segment in
            let first = segment &* SLRUPage.pagesPerSegment
            return CommitLogPage.precedes(first, page)
                && CommitLogPage.precedes(first &+ SLRUPage.pagesPerSegment - 1, page)
        }
    }

    /// Notes how a transaction and its subtransactions ended: a change for each run of ids on one page.
    mutating func putStatus(of xid: UInt32, _ subtransactions: [UInt32], committedAt: Int64?) throws(IngestFault) {
        guard shard.isShardZero else { return }
        var page = CommitLogPage.number(of: xid)
        var xids = [xid]
        for subtransaction in subtransactions {
            let next = CommitLogPage.number(of: subtransaction)
            if next != page {
                try putStatus(of: xids, on: page, committedAt: committedAt)
                page = next
                xids.removeAll()
            }
            xids.append(subtransaction)
        }
        try putStatus(of: xids, on: page, committedAt: committedAt)
    }

    private mutating func putStatus(of xids: [UInt32], on page: UInt32, committedAt: Int64?) throws(IngestFault) {
        let change: NeonWALRecord =
            if let committedAt {
                .clogSetCommitted(xids: xids, timestamp: committedAt)
            } else {
                .clogSetAborted(xids: xids)
            }
        try put(change, SLRUPage.key(.clog, page: page))
    }
}
