/// The simple LRU caches of PostgreSQL whose segments are stored: small logs of transaction state.
///
/// The raw value is field 2 of their keys. Source: `wal-interpretation.md` §6.
@frozen
public enum SLRUKind: UInt32, CaseIterable, Sendable {
    /// Transaction status, `pg_xact`.
    case clog = 0
    /// Members of multixacts, `pg_multixact/members`.
    case multiXactMembers = 1
    /// Where each multixact's members begin, `pg_multixact/offsets`.
    case multiXactOffsets = 2

    /// The directory of its segments below the data directory.
    public var directory: String {
        switch self {
        case .clog: "pg_xact"
        case .multiXactMembers: "pg_multixact/members"
        case .multiXactOffsets: "pg_multixact/offsets"
        }
    }
}
