public import PostgresWAL
public import ShardIdentity

// What concerns the whole cluster: SLRUs, prepared transactions, small files, counters.
// Source: `ingest.md` §4.2.

extension ShardReader {
    // MARK: SLRUs

    /// The segments of an SLRU, in order; on shard zero only.
    ///
    /// - Throws: ``ReadError``.
    public func slruSegments(_ kind: SLRUKind, at lsn: LSN) throws(ReadError) -> [UInt32] {
        try decode(.slruDirectory(kind), at: lsn) { try NumberDirectory(decoding: $0) }
            .numbers.sorted().map { UInt32(truncatingIfNeeded: $0) }
    }

    /// The size of an SLRU's segment in blocks.
    ///
    /// - Throws: ``ReadError``; ``ReadError/missing(_:lsn:)`` for a segment that never was.
    public func slruSegmentSize(_ kind: SLRUKind, segment: UInt32, at lsn: LSN) throws(ReadError) -> UInt32 {
        let key = Key.slruSegmentSize(kind, segment: segment)
        return try decode(key, at: lsn) { try BlockCount.decode($0, key) }
    }

    /// The content of an SLRU's segment file: 8192 bytes for each of its blocks.
    ///
    /// - Throws: ``ReadError``.
    public func slruSegment(_ kind: SLRUKind, segment: UInt32, at lsn: LSN) throws(ReadError) -> [UInt8] {
        var content: [UInt8] = []
        for block in 0..<(try slruSegmentSize(kind, segment: segment, at: lsn)) {
            let page = try page(.slruBlock(kind, segment: segment, block: block), at: lsn)
            content += page.prefix(RelationPage.size)
        }
        return content
    }

    // MARK: Prepared transactions

    /// The prepared transactions, in order: full ids since PostgreSQL 17.
    ///
    /// - Throws: ``ReadError``.
    public func preparedTransactions(at lsn: LSN) throws(ReadError) -> [UInt64] {
        let isWide = shard.version >= .v17
        return try decode(.twoPhaseDirectory, at: lsn) { try NumberDirectory(decoding: $0, isWide: isWide) }
            .numbers.sorted()
    }

    /// The state of a prepared transaction: its file without the checksum at its end.
    ///
    /// - Throws: ``ReadError``.
    public func preparedTransaction(_ xid: UInt64, at lsn: LSN) throws(ReadError) -> [UInt8] {
        try existingImage(.twoPhaseFile(xid: xid), at: lsn)
    }

    // MARK: Files and counters

    /// The aux files by path; on shard zero only.
    ///
    /// - Throws: ``ReadError``.
    public func auxFiles(at lsn: LSN) throws(ReadError) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for (key, bytes) in try images(in: Key.auxFileRange, at: lsn) {
            guard let list = AuxFileList(decoding: bytes) else { throw .unreadable(key, lsn: lsn) }
            for file in list.files { files[file.path] = file.content }
        }
        return files
    }

    /// How far each replication origin has been replayed; dropped ones are left out.
    ///
    /// - Throws: ``ReadError``.
    public func replicationOrigins(at lsn: LSN) throws(ReadError) -> [UInt16: LSN] {
        var origins: [UInt16: LSN] = [:]
        for (key, bytes) in try images(in: Key.replicationOriginRange, at: lsn) where !bytes.isEmpty {
            guard bytes.count == 8, let origin = UInt16(exactly: key.field6) else { throw .unreadable(key, lsn: lsn) }
            let position = LSN(bytes.reduce(0) { $0 << 8 | UInt64($1) })
            if position.isValid { origins[origin] = position }
        }
        return origins
    }

    /// The state of the counters that a server starts with.
    ///
    /// - Throws: ``ReadError``.
    public func checkpoint(at lsn: LSN) throws(ReadError) -> CheckPoint {
        let bytes = try existingImage(.checkpoint, at: lsn)
        guard let checkpoint = CheckPoint(bytes.span.bytes) else { throw .unreadable(.checkpoint, lsn: lsn) }
        return checkpoint
    }

    /// The control file as it was imported; nil if the shard began without one.
    ///
    /// - Throws: ``ReadError``.
    public func controlFile(at lsn: LSN) throws(ReadError) -> [UInt8]? {
        try image(.controlFile, at: lsn)
    }
}
