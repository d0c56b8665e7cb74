/// Sizes of the WAL's physical layout that no supported PostgreSQL lets a user change at run time.
///
/// Source: `wal-decoding.md` §1.
public enum WALPage {
    /// Bytes in a WAL page (`XLOG_BLCKSZ`).
    public static let size = 8192
    /// Bytes in the header of a page that does not begin a segment.
    public static let shortHeaderSize = 24
    /// Bytes in the header of a segment's first page.
    public static let longHeaderSize = 40
}
