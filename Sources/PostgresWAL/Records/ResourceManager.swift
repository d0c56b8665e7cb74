/// A resource manager: the part of PostgreSQL that wrote a record and knows how to replay it.
///
/// Source: `wal-decoding.md` §10.
@frozen
public struct ResourceManager: RawRepresentable, Hashable, Sendable {
    /// The identifier in a record's header.
    public let rawValue: UInt8

    /// Makes a resource manager of its identifier.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Checkpoints, full-page images, segment switches and other things of the log itself.
    public static let xlog = ResourceManager(rawValue: 0)
    /// Commits, aborts and two-phase commit.
    public static let transaction = ResourceManager(rawValue: 1)
    /// Creation and truncation of relation files.
    public static let storage = ResourceManager(rawValue: 2)
    /// Pages of the transaction status log.
    public static let clog = ResourceManager(rawValue: 3)
    /// Creation and removal of databases.
    public static let database = ResourceManager(rawValue: 4)
    /// Creation and removal of tablespaces.
    public static let tablespace = ResourceManager(rawValue: 5)
    /// Multixact offsets and members.
    public static let multiXact = ResourceManager(rawValue: 6)
    /// The map of the catalogs that have no fixed file number.
    public static let relationMap = ResourceManager(rawValue: 7)
    /// Locks, running transactions and invalidations for hot standbys.
    public static let standby = ResourceManager(rawValue: 8)
    /// Heap operations that found no room in ``heap``.
    public static let heap2 = ResourceManager(rawValue: 9)
    /// Heap tuples.
    public static let heap = ResourceManager(rawValue: 10)
    /// B-tree indexes.
    public static let btree = ResourceManager(rawValue: 11)
    /// Hash indexes.
    public static let hash = ResourceManager(rawValue: 12)
    /// Inverted indexes.
    public static let gin = ResourceManager(rawValue: 13)
    /// Generalised search trees.
    public static let gist = ResourceManager(rawValue: 14)
    /// Sequences.
    public static let sequence = ResourceManager(rawValue: 15)
    /// Space-partitioned search trees.
    public static let spgist = ResourceManager(rawValue: 16)
    /// Block range indexes.
    public static let brin = ResourceManager(rawValue: 17)
    /// Commit timestamps.
    public static let commitTimestamp = ResourceManager(rawValue: 18)
    /// Replication origins.
    public static let replicationOrigin = ResourceManager(rawValue: 19)
    /// Page changes of extensions without a resource manager of their own.
    public static let generic = ResourceManager(rawValue: 20)
    /// Messages for logical decoding.
    public static let logicalMessage = ResourceManager(rawValue: 21)
    /// Neon's own, in the WAL of its PostgreSQL 16 and 17.
    public static let neon = ResourceManager(rawValue: 134)

    /// The built-in resource managers, in the order of their identifiers.
    public static let builtIn = (UInt8(0)...21).map(ResourceManager.init(rawValue:))

    /// The name as `pg_waldump` prints it; one that isn't built in is `custom` and three digits.
    public var name: String {
        if Int(rawValue) < Self.names.count { return Self.names[Int(rawValue)] }
        let digits = String(rawValue)
        return "custom" + String(repeating: "0", count: 3 - digits.count) + digits
    }

    private static let names = [
        "XLOG", "Transaction", "Storage", "CLOG", "Database", "Tablespace", "MultiXact", "RelMap", "Standby",
        "Heap2", "Heap", "Btree", "Hash", "Gin", "Gist", "Sequence", "SPGist", "BRIN", "CommitTs",
        "ReplicationOrigin", "Generic", "LogicalMessage",
    ]
}
