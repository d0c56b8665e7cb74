// The keys that exist once per timeline: field 1 is 3.
// Source: `wal-interpretation.md` §6.

extension Key {
    /// The control file, `global/pg_control`.
    @inlinable
    public static var controlFile: Key { cluster(0) }

    /// The latest checkpoint, kept up to date with every record that changes it.
    @inlinable
    public static var checkpoint: Key { cluster(1) }

    /// All aux files in one value, as they were stored before each had a key of its own.
    @inlinable
    public static var auxFilesLegacy: Key { cluster(2) }

    @inlinable
    static func cluster(_ number: UInt32) -> Key {
        Key(field1: 3, field2: 0, field3: 0, field4: 0, field5: 0, field6: number)
    }
}
