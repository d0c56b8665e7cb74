// Keys of prepared transactions: field 1 is 2, and the full transaction id runs through fields 4 to 6.
// Source: `wal-interpretation.md` §6.

extension Key {
    /// The directory of all prepared transactions.
    @inlinable
    public static var twoPhaseDirectory: Key { firstKey(field1: 2) }

    /// The state file of a prepared transaction.
    ///
    /// `xid` is the full transaction id, epoch in the upper half; up to PostgreSQL 16 the upper half is 0.
    @inlinable
    public static func twoPhaseFile(xid: UInt64) -> Key {
        Key(
            field1: 2,
            field2: 0,
            field3: 0,
            field4: UInt32(truncatingIfNeeded: xid >> 40),
            field5: UInt8(truncatingIfNeeded: xid >> 32),
            field6: UInt32(truncatingIfNeeded: xid)
        )
    }

    /// The one key of a prepared transaction's state file as a range.
    @inlinable
    public static func twoPhaseRange(xid: UInt64) -> Range<Key> {
        let (nextXID, overflow) = xid.addingReportingOverflow(1)
        var end = twoPhaseFile(xid: nextXID)
        end.field3 = overflow ? 1 : 0
        return twoPhaseFile(xid: xid)..<end
    }
}
