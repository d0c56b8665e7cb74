/// One relation's files on disk: tablespace, database and relation file number, without a fork.
///
/// Source: `wal-interpretation.md` §11 (RelFileNode).
@frozen
public struct RelationLocator: Hashable, Sendable {
    /// The tablespace OID: 1663 for the default one, 1664 for the global one.
    public var tablespace: UInt32
    /// The database OID: 0 for shared relations.
    public var database: UInt32
    /// The relation file number.
    public var relation: UInt32

    /// Makes a locator of its three numbers.
    @inlinable
    public init(tablespace: UInt32, database: UInt32, relation: UInt32) {
        self.tablespace = tablespace
        self.database = database
        self.relation = relation
    }
}

/// One fork of a relation.
///
/// Source: `wal-interpretation.md` §11 (RelTag).
@frozen
public struct RelationTag: Hashable, Sendable {
    /// The relation.
    public var locator: RelationLocator
    /// The fork: 0 main, 1 free space map, 2 visibility map, 3 init.
    public var fork: UInt8

    /// Makes the tag of one fork of a relation.
    @inlinable
    public init(locator: RelationLocator, fork: UInt8) {
        self.locator = locator
        self.fork = fork
    }
}
