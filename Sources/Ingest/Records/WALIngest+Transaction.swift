internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Ends of transactions, and prepared ones.
// Source: `ingest.md` §2.4, §2.8, §2.12.

extension WALIngest {
    mutating func ingest(_ end: TransactionMetadata) throws(IngestFault) {
        switch end {
        case .commit(let common):
            try finish(common, isCommit: true)
        case .abort(let common):
            try finish(common, isCommit: false)
        case .commitPrepared(let common):
            try finish(common, isCommit: true)
            try forgetPrepared(common.xid)
        case .abortPrepared(let common):
            try finish(common, isCommit: false)
            try forgetPrepared(common.xid)
        case .prepare(let xid, let data):
            try prepare(xid, data)
        }
    }

    private mutating func finish(_ end: XactCommon, isCommit: Bool) throws(IngestFault) {
        try putStatus(of: end.xid, end.subtransactions, committedAt: isCommit ? end.time : nil)
        try drop(end.droppedRelations)
        if end.originID != 0 { try putOrigin(end.originID, end.originLSN) }
    }

    // MARK: Prepared transactions

    private var hasWideXIDs: Bool { shard.version >= .v17 }

    mutating func preparedTransactions() throws(IngestFault) -> NumberDirectory {
        if let directory = directories.preparedTransactions { return directory }
        let isWide = hasWideXIDs
        let bytes = try existingImage(.twoPhaseDirectory)
        let directory = try decode(.twoPhaseDirectory, bytes) { bytes throws(BincodeError) in
            try NumberDirectory(decoding: bytes, isWide: isWide)
        }
        directories.preparedTransactions = directory
        return directory
    }

    private mutating func write(_ directory: NumberDirectory) throws(IngestFault) {
        directories.preparedTransactions = directory
        try put(directory.encoded(), .twoPhaseDirectory)
    }

    /// The id under which a prepared transaction is kept: with its epoch since PostgreSQL 17.
    private func storedID(of xid: UInt32) throws(IngestFault) -> UInt64 {
        hasWideXIDs ? try checkpoint.fullID(of: xid) : UInt64(xid)
    }

    private mutating func prepare(_ xid: UInt32, _ data: [UInt8]) throws(IngestFault) {
        let id = try storedID(of: xid)
        var directory = try preparedTransactions()
        if directory.numbers.insert(id).inserted {
            try write(directory)
        } else if !state.isInBackup {
            throw .preparedTransactionExists(xid: id)
        }
        try put(data, .twoPhaseFile(xid: id))
    }

    private mutating func forgetPrepared(_ xid: UInt32) throws(IngestFault) {
        let id = try storedID(of: xid)
        var directory = try preparedTransactions()
        guard directory.numbers.remove(id) != nil else {
            warn(.unknownPreparedTransaction(xid: id, lsn: lsn))
            return
        }
        try write(directory)
    }
}
