/// The name of a relation's files: tablespace, database and relation file number.
///
/// PostgreSQL calls it `RelFileNode`, and `RelFileLocator` since version 16.
@frozen
public struct RelationLocator: Hashable, Sendable {
    /// The tablespace OID, see ``TablespaceOID``.
    public var tablespace: UInt32
    /// The database OID; 0 for shared catalogs.
    public var database: UInt32
    /// The relation file number; never 0 for a real relation.
    public var relation: UInt32

    /// Names a relation's files.
    @inlinable
    public init(tablespace: UInt32, database: UInt32, relation: UInt32) {
        self.tablespace = tablespace
        self.database = database
        self.relation = relation
    }
}

extension RelationLocator: CustomStringConvertible {
    /// The three numbers as PostgreSQL prints them, as in `1663/5/16384`.
    public var description: String { "\(tablespace)/\(database)/\(relation)" }
}

/// One fork of a relation.
@frozen
public struct RelationTag: Hashable, Sendable {
    /// The relation.
    public var locator: RelationLocator
    /// The fork, 0 to 3, see ``ForkNumber``.
    public var fork: UInt8

    /// Names a fork of a relation, the main one if not told.
    @inlinable
    public init(locator: RelationLocator, fork: UInt8 = ForkNumber.main) {
        self.locator = locator
        self.fork = fork
    }
}

extension RelationTag: CustomStringConvertible {
    /// The locator and the suffix that PostgreSQL gives the fork's files, as in `1663/5/16384_vm`.
    public var description: String {
        switch fork {
        case ForkNumber.main: "\(locator)"
        case ForkNumber.freeSpaceMap: "\(locator)_fsm"
        case ForkNumber.visibilityMap: "\(locator)_vm"
        case ForkNumber.initialization: "\(locator)_init"
        default: "\(locator)_fork\(fork)"
        }
    }
}

/// The fork numbers of PostgreSQL's `common/relpath.h`.
public enum ForkNumber {
    /// The relation's own blocks.
    public static let main: UInt8 = 0
    /// The free space map.
    public static let freeSpaceMap: UInt8 = 1
    /// The visibility map.
    public static let visibilityMap: UInt8 = 2
    /// The initial content of an unlogged relation.
    public static let initialization: UInt8 = 3
}

/// The tablespaces that every cluster has, from PostgreSQL's `pg_tablespace.dat`.
public enum TablespaceOID {
    /// The default tablespace of a database, `pg_default`.
    public static let standard: UInt32 = 1663
    /// The tablespace of the shared catalogs, `pg_global`; its database is 0.
    public static let global: UInt32 = 1664
}
