// Keys of databases and relations: field 1 is 0, fields 2 to 4 are tablespace, database and relation.
// Source: `wal-interpretation.md` §6.

extension Key {
    /// What field 6 holds instead of a block number in the key of a size.
    @inlinable
    static var sizeMark: UInt32 { 0xFFFF_FFFF }

    // MARK: Constructors

    /// The directory of all databases.
    @inlinable
    public static var databaseDirectory: Key { .min }

    /// The relation map file of a database.
    @inlinable
    public static func relationMap(tablespace: UInt32, database: UInt32) -> Key {
        Key(field1: 0, field2: tablespace, field3: database, field4: 0, field5: 0, field6: 0)
    }

    /// The directory of the relations of a database.
    @inlinable
    public static func relationDirectory(tablespace: UInt32, database: UInt32) -> Key {
        Key(field1: 0, field2: tablespace, field3: database, field4: 0, field5: 0, field6: 1)
    }

    /// One block of a relation's fork.
    ///
    /// Block 0xFFFFFFFF does not exist in PostgreSQL; here it would be the key of the size.
    @inlinable
    public static func relationBlock(_ tag: RelationTag, block: UInt32) -> Key {
        Key(
            field1: 0,
            field2: tag.locator.tablespace,
            field3: tag.locator.database,
            field4: tag.locator.relation,
            field5: tag.fork,
            field6: block
        )
    }

    /// The size of a relation's fork in blocks.
    @inlinable
    public static func relationSize(_ tag: RelationTag) -> Key {
        relationBlock(tag, block: sizeMark)
    }

    /// The mark that a relation's fork exists, one sparse key per fork in place of a directory.
    @inlinable
    public static func relationExistence(_ tag: RelationTag) -> Key {
        Key(
            field1: MetadataPrefix.relationExistence,
            field2: tag.locator.tablespace,
            field3: tag.locator.database,
            field4: tag.locator.relation,
            field5: tag.fork,
            field6: 1
        )
    }

    // MARK: Ranges

    /// All keys of a database: its relation map, relation directory and relations.
    @inlinable
    public static func databaseRange(tablespace: UInt32, database: UInt32) -> Range<Key> {
        let end = Key(
            field1: 0,
            field2: tablespace,
            field3: database,
            field4: .max,
            field5: .max,
            field6: .max
        )
        return relationMap(tablespace: tablespace, database: database)..<end
    }

    /// All blocks of a relation's fork, and its size.
    @inlinable
    public static func relationRange(_ tag: RelationTag) -> Range<Key> {
        relationBlock(tag, block: 0)..<relationSize(tag).wrappingNext
    }

    /// All marks of existing relations, of all databases.
    @inlinable
    public static var relationExistenceRange: Range<Key> {
        firstKey(field1: MetadataPrefix.relationExistence)..<firstKey(field1: MetadataPrefix.relationExistence + 1)
    }

    // MARK: Predicates

    /// Whether this is a block of a relation.
    @inlinable
    public var isRelationBlock: Bool { field1 == 0 && field4 != 0 && field6 != Key.sizeMark }

    /// Whether this is the size of a relation.
    @inlinable
    public var isRelationSize: Bool { field1 == 0 && field6 == Key.sizeMark }

    /// Whether this is the relation directory of a database that is not the shared one.
    @inlinable
    public var isRelationDirectory: Bool {
        field1 == 0 && field2 != 0 && field3 != 0 && field4 == 0 && field5 == 0 && field6 == 1
    }

    /// Whether this is a block of a free space map.
    @inlinable
    public var isFreeSpaceMapBlock: Bool { isRelationBlock && field5 == ForkNumber.freeSpaceMap }

    /// Whether this is a block of a visibility map.
    @inlinable
    public var isVisibilityMapBlock: Bool { isRelationBlock && field5 == ForkNumber.visibilityMap }

    // MARK: Parts

    /// The relation's fork that this is a block or the size of; nil for any other key.
    @inlinable
    public var relationTag: RelationTag? {
        guard field1 == 0, field4 != 0 else { return nil }
        return RelationTag(
            locator: RelationLocator(tablespace: field2, database: field3, relation: field4),
            fork: field5
        )
    }
}
