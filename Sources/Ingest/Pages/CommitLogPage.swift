/// A page of the commit log: two bits for each transaction, and behind the 8192 bytes the time of the last commit.
///
/// Source: `ingest.md` §2.10, §4.4.
enum CommitLogPage {
    static let transactionsPerPage: UInt32 = 32768
    /// The page with the time behind it.
    static let sizeWithTime = 8200

    enum Status: UInt8 {
        case committed = 1
        case aborted = 2
    }

    /// The page that holds a transaction's status.
    static func number(of xid: UInt32) -> UInt32 { xid / transactionsPerPage }

    static func set(_ status: Status, of xid: UInt32, on page: inout [UInt8]) {
        let index = Int(xid % transactionsPerPage)
        let shift = UInt8(index % 4 * 2)
        page[index / 4] = page[index / 4] & ~(3 << shift) | status.rawValue << shift
    }

    /// Whether all of page `first` is before page `second`, in a log that wraps around.
    static func precedes(_ first: UInt32, _ second: UInt32) -> Bool {
        let lower = first &* transactionsPerPage &+ 4
        let upper = second &* transactionsPerPage &+ 4
        return isBefore(lower, upper) && isBefore(lower, upper &+ transactionsPerPage &- 1)
    }

    /// Whether a transaction is older than another one; ids up to 3 are older than all others.
    private static func isBefore(_ first: UInt32, _ second: UInt32) -> Bool {
        if first <= 3 || second <= 3 { return first < second }
        return Int32(bitPattern: first &- second) < 0
    }
}
