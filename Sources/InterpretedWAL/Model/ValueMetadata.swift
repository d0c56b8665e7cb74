public import PostgresWAL
public import ShardIdentity

/// What one entry of a ``SerializedValueBatch`` is.
///
/// Source: `wal-interpretation.md` §4 and §12 (ValueMeta).
@frozen
public enum ValueMetadata: Hashable, Sendable {
    /// A value whose bytes are in the batch: `length` bytes from `offset`; `willInit` if the page needs no earlier one.
    case serialized(key: CompactKey, lsn: LSN, offset: Int, length: Int, willInit: Bool)
    /// A block that another shard owns, named so that shard 0 can follow relation sizes.
    case observed(key: CompactKey, lsn: LSN)

    /// The page's key.
    @inlinable
    public var key: CompactKey {
        switch self {
        case .serialized(let key, _, _, _, _), .observed(let key, _): key
        }
    }

    /// The LSN of the page version.
    @inlinable
    public var lsn: LSN {
        switch self {
        case .serialized(_, let lsn, _, _, _), .observed(_, let lsn): lsn
        }
    }
}
