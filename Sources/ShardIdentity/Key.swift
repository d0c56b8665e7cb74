/// The address of one value in a pageserver's store: 18 bytes in six fields, compared field by field.
///
/// Source: `wal-interpretation.md` §6.
@frozen
public struct Key: Hashable, Sendable {
    /// The kind of key; 0 for everything of a relation.
    public var field1: UInt8
    /// A tablespace OID, or an SLRU kind.
    public var field2: UInt32
    /// A database OID.
    public var field3: UInt32
    /// A relation file number, or an SLRU segment number.
    public var field4: UInt32
    /// A fork number.
    public var field5: UInt8
    /// A block number.
    public var field6: UInt32

    /// Makes a key of its six fields.
    @inlinable
    public init(
        field1: UInt8,
        field2: UInt32,
        field3: UInt32,
        field4: UInt32,
        field5: UInt8,
        field6: UInt32
    ) {
        self.field1 = field1
        self.field2 = field2
        self.field3 = field3
        self.field4 = field4
        self.field5 = field5
        self.field6 = field6
    }
}
