// How the counters follow the WAL. All comparisons are of numbers that wrap around.
// Source: `ingest.md` §2.3, §2.12.

extension CheckPoint {
    /// Makes the next transaction id at least the one after `xid`, in steps of 1024.
    ///
    /// - Parameter xid: a transaction id, not 0.
    /// - Returns: whether something has changed.
    @inline(__always)
    mutating func advance(beyond xid: UInt32) -> Bool {
        let next = (max(xid &+ 1, 3) &+ 1023) & ~1023
        let current = UInt32(truncatingIfNeeded: nextXID)
        guard Int32(bitPattern: next &- current) > 0 else { return false }
        let epoch = (nextXID >> 32) &+ (next < current ? 1 : 0)
        nextXID = epoch << 32 | UInt64(next)
        return true
    }

    /// Makes the next multixact and the place of its members at least these.
    ///
    /// - Returns: whether something has changed.
    mutating func advance(multiXact: UInt32, offset: UInt32) -> Bool {
        var isChanged = false
        if Int32(bitPattern: multiXact &- nextMultiXact) > 0 {
            nextMultiXact = multiXact
            isChanged = true
        }
        if Int32(bitPattern: offset &- nextMultiXactOffset) > 0 {
            nextMultiXactOffset = offset
            isChanged = true
        }
        return isChanged
    }

    /// The full id of a transaction that is not newer than the next one.
    ///
    /// - Throws: ``IngestFault/wraparound(xid:nextXID:)`` if it would be from before the first epoch.
    func fullID(of xid: UInt32) throws(IngestFault) -> UInt64 {
        var epoch = nextXID >> 32
        if xid > UInt32(truncatingIfNeeded: nextXID) {
            guard epoch > 0 else { throw .wraparound(xid: xid, nextXID: nextXID) }
            epoch -= 1
        }
        return epoch << 32 | UInt64(xid)
    }
}
