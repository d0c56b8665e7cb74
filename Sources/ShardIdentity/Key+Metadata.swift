/// The values of field 1 of the sparse keys, also called metadata keys: the ones that never lie close together.
///
/// Source: `wal-interpretation.md` §6.
public enum MetadataPrefix {
    /// Relation sizes; reserved.
    public static let relationSize: UInt8 = 0x61
    /// Aux files.
    public static let auxFile: UInt8 = 0x62
    /// Replication origins.
    public static let replicationOrigin: UInt8 = 0x63
    /// The database directory; reserved.
    public static let databaseDirectory: UInt8 = 0x64
    /// Marks of existing relations.
    public static let relationExistence: UInt8 = 0x65
}

extension Key {
    /// The progress of a replication origin.
    @inlinable
    public static func replicationOrigin(_ origin: UInt16) -> Key {
        Key(
            field1: MetadataPrefix.replicationOrigin,
            field2: 0,
            field3: 0,
            field4: 0,
            field5: 0,
            field6: UInt32(origin)
        )
    }

    /// The keys of all 65536 possible replication origins.
    @inlinable
    public static var replicationOriginRange: Range<Key> {
        var end = replicationOrigin(0)
        end.field6 = 0x10000
        return replicationOrigin(0)..<end
    }

    /// All sparse keys.
    @inlinable
    public static var metadataRange: Range<Key> { firstKey(field1: 0x60)..<firstKey(field1: 0x7F) }

    /// Whether this is a sparse key.
    @inlinable
    public var isMetadata: Bool { 0x60 <= field1 && field1 < 0x7F }

    /// Whether a branch sees its parent's value of this key until it has its own.
    ///
    /// Of the sparse keys only the reserved relation sizes are; of the others all but ``auxFilesLegacy``.
    @inlinable
    public var isInheritedByBranches: Bool {
        isMetadata ? field1 == MetadataPrefix.relationSize : self != .auxFilesLegacy
    }

    /// The first key of those with a given field 1.
    @inlinable
    static func firstKey(field1: UInt8) -> Key {
        Key(field1: field1, field2: 0, field3: 0, field4: 0, field5: 0, field6: 0)
    }
}
