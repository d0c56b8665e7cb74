internal import PostgresWAL

/// What stands at the start of a relation's page.
///
/// Source: `ingest.md` §4.4; PostgreSQL's `PageHeaderData` and `PageInit`.
enum PageHeader {
    private static let upper = 14

    /// Whether the page was never initialized: nothing says where its items are.
    static func isNew(_ page: [UInt8]) -> Bool {
        page[upper] == 0 && page[upper + 1] == 0
    }

    /// Stamps a page that isn't new: the upper half of the LSN first, both little-endian.
    static func setLSN(_ lsn: LSN, on page: inout [UInt8]) {
        guard !isNew(page) else { return }
        page.replace(littleEndian: UInt32(truncatingIfNeeded: lsn.rawValue >> 32), at: 0)
        page.replace(littleEndian: UInt32(truncatingIfNeeded: lsn.rawValue), at: 4)
    }

    /// Makes a new page an empty one without special space.
    static func initializeIfNew(_ page: inout [UInt8]) {
        guard isNew(page) else { return }
        let size = UInt16(RelationPage.size)
        let layoutVersion: UInt16 = 4
        page.replace(littleEndian: UInt16(24), at: 12)
        page.replace(littleEndian: size, at: upper)
        page.replace(littleEndian: size, at: 16)
        page.replace(littleEndian: size | layoutVersion, at: 18)
    }
}
