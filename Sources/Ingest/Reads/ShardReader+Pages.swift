public import PostgresWAL
public import ShardIdentity

// Pages that can be had without PostgreSQL replaying records.
// Source: `ingest.md` §4.2, §4.3.

extension ShardReader {
    /// A page of a relation.
    ///
    /// - Returns: 8192 bytes; zeros behind the relation's end.
    /// - Throws: ``ReadError``; ``ReadError/needsReplay(_:lsn:)`` where changes are behind the last image that only
    ///   PostgreSQL can apply: then ``history(of:at:)`` has what it needs. Maps of visibility never need that.
    public func page(_ relation: RelationTag, block: UInt32, at lsn: LSN) throws(ReadError) -> [UInt8] {
        let key = Key.relationBlock(relation, block: block)
        try checkIsKept(key)
        guard block < (try relationSize(relation, at: lsn) ?? 0) else {
            return [UInt8](repeating: 0, count: RelationPage.size)
        }
        return try page(key, at: lsn)
    }

    /// A page of an SLRU.
    ///
    /// - Parameters:
    ///   - kind: the SLRU.
    ///   - segment: the segment.
    ///   - block: the block in the segment, 0 to 31.
    ///   - lsn: the page's state as of this LSN.
    /// - Returns: 8192 bytes; of the commit log 8200 if a transaction on it has committed: the time of the last commit,
    ///   64 bits, big-endian, in PostgreSQL's microseconds, stands behind the page.
    /// - Throws: ``ReadError``.
    public func slruPage(
        _ kind: SLRUKind,
        segment: UInt32,
        block: UInt32,
        at lsn: LSN
    ) throws(ReadError) -> [UInt8] {
        try page(.slruBlock(kind, segment: segment, block: block), at: lsn)
    }

    func page(_ key: Key, at lsn: LSN) throws(ReadError) -> [UInt8] {
        try PageBuilder(version: shard.version).page(of: history(of: key, at: lsn))
    }
}
