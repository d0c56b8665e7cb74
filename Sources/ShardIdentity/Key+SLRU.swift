// Keys of SLRU segments: field 1 is 1, field 2 the kind, field 4 the segment.
// Source: `wal-interpretation.md` §6.

extension Key {
    // MARK: Constructors

    /// The directory of all segments of an SLRU.
    @inlinable
    public static func slruDirectory(_ kind: SLRUKind) -> Key {
        Key(field1: 1, field2: kind.rawValue, field3: 0, field4: 0, field5: 0, field6: 0)
    }

    /// One block of an SLRU segment; `block` counts from the start of the segment.
    @inlinable
    public static func slruBlock(_ kind: SLRUKind, segment: UInt32, block: UInt32) -> Key {
        Key(field1: 1, field2: kind.rawValue, field3: 1, field4: segment, field5: 0, field6: block)
    }

    /// The size of an SLRU segment in blocks.
    @inlinable
    public static func slruSegmentSize(_ kind: SLRUKind, segment: UInt32) -> Key {
        slruBlock(kind, segment: segment, block: sizeMark)
    }

    // MARK: Ranges

    /// All blocks of an SLRU segment, and its size.
    @inlinable
    public static func slruSegmentRange(_ kind: SLRUKind, segment: UInt32) -> Range<Key> {
        slruBlock(kind, segment: segment, block: 0)..<slruSegmentSize(kind, segment: segment).wrappingNext
    }

    // MARK: Predicates

    /// Whether this is a block of an SLRU segment.
    @inlinable
    public var isSLRUBlock: Bool { field1 == 1 && field3 == 1 && field6 != Key.sizeMark }

    /// Whether this is the size of a segment of one of the known SLRUs.
    @inlinable
    public var isSLRUSegmentSize: Bool {
        field1 == 1 && field2 < 3 && field3 == 1 && field5 == 0 && field6 == Key.sizeMark
    }

    /// Whether this is the directory of an SLRU, known or not.
    @inlinable
    public var isSLRUDirectory: Bool {
        field1 == 1 && field3 == 0 && field4 == 0 && field5 == 0 && field6 == 0
    }
}
