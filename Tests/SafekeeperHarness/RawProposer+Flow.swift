package import PostgresWAL

/// A proposer that has WAL to bring, in one of two ways.
extension RawProposer {
    /// Brings WAL and commits it as soon as it is durable, as a quorum of one does.
    ///
    /// - Parameter wal: what follows ``position``.
    /// - Throws: ``ConnectionFailure``.
    package func push(_ wal: [UInt8]) throws {
        let end = position + UInt64(wal.count)
        var rest = wal.span.bytes
        while !rest.isEmpty {
            let piece = rest.extracting(first: 128 << 10)
            try append(piece)
            rest = rest.extracting(droppingFirst: piece.byteCount)
            try takeAnswers()
        }
        try waitUntilDurable(end)
        try commit(end)
    }

    /// Brings WAL and makes it durable, without committing any of it.
    ///
    /// - Parameters:
    ///   - wal: what follows ``position``.
    ///   - committed: what is committed already.
    /// - Throws: ``ConnectionFailure``.
    package func store(_ wal: [UInt8], committed: LSN) throws {
        let end = position + UInt64(wal.count)
        var rest = wal.span.bytes
        while !rest.isEmpty {
            let piece = rest.extracting(first: 128 << 10)
            try append(piece, commit: committed)
            rest = rest.extracting(droppingFirst: piece.byteCount)
            try takeAnswers()
        }
        try waitUntilDurable(end)
    }

    /// Commits what is durable up to a position.
    package func commit(_ lsn: LSN) throws {
        try append(RawSpan(), commit: lsn)
    }
}
