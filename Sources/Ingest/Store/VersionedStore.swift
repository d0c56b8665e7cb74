public import PostgresWAL
public import ShardIdentity

/// Keeps versions of values: bytes for a key and an LSN, never changed once they are there.
///
/// One shard of one timeline has a store of its own. Only its owner writes; any thread may read at the same time. All
/// calls may block.
///
/// What a store must guarantee:
///
/// - A commit is atomic: after a crash either the state record and all values of the batch are there or the state
///   record is the one before. Values of a commit that did not make it may be there all the same; they have LSNs behind
///   that of the state record, and nobody looks at them before they are written again.
/// - What is there after a crash is a prefix of the commits, at least up to the last ``flush()`` that succeeded.
/// - A later value for the same key and LSN replaces the earlier one, also inside of one batch.
public protocol VersionedStore: AnyObject, Sendable {
    /// The state record of the last commit; nil in a store that was never written to.
    func readState() throws(StoreError) -> [UInt8]?

    /// Writes values and replaces the state record.
    ///
    /// - Throws: ``StoreError``; the commit may then be there or not, and may be repeated.
    func commit(_ batch: borrowing StoreBatch, state: [UInt8]) throws(StoreError)

    /// Makes all commits up to now durable; commits may go on meanwhile.
    ///
    /// - Returns: the state record of the newest commit that is durable; nil if there was none at all.
    /// - Throws: ``StoreError`` if that is not known to be the last commit before the call, or a later one.
    func flush() throws(StoreError) -> [UInt8]?

    /// Walks over the versions of a key from the newest at or below `lsn` to older ones, until `visit` gives false.
    ///
    /// The bytes are valid only during the call of `visit`, which must not use the store.
    func visitVersions(
        of key: Key,
        atOrBelow lsn: LSN,
        _ visit: (LSN, RawSpan) -> Bool
    ) throws(StoreError)

    /// Walks over the keys of a range in order, each with its newest version at or below `lsn`, until `visit` gives
    /// false; keys without such a version are passed over.
    ///
    /// The bytes are valid only during the call of `visit`, which must not use the store.
    func visitNewest(
        in range: Range<Key>,
        atOrBelow lsn: LSN,
        _ visit: (Key, LSN, RawSpan) -> Bool
    ) throws(StoreError)
}

extension VersionedStore {
    /// The newest version of a key at or below `lsn`.
    ///
    /// - Returns: its LSN and a copy of its bytes; nil if there is none.
    /// - Throws: ``StoreError``.
    public func newest(_ key: Key, atOrBelow lsn: LSN) throws(StoreError) -> (lsn: LSN, bytes: [UInt8])? {
        var found: (lsn: LSN, bytes: [UInt8])?
        try visitVersions(of: key, atOrBelow: lsn) { lsn, bytes in
            found = (lsn, bytes.array)
            return false
        }
        return found
    }
}
