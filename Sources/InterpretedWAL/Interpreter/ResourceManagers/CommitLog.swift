internal import PostgresWAL

extension MetadataInterpreter {
    /// CLOG: pages of the commit log.
    ///
    /// Source: `wal-interpretation.md` §3.5.
    static func clog(
        _ main: borrowing MainData,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> CLogMetadata {
        let page = try main.readPageNumber(version: version)
        let pageNumberSize = version >= .v17 ? 8 : 4
        switch main.operation {
        case 0x00:
            return .zeroPage(segment: page / SLRUSegment.pageCount, page: page % SLRUSegment.pageCount)
        case 0x10:
            return .truncate(
                page: page,
                oldestXID: try main.read(UInt32.self, at: pageNumberSize),
                oldestXIDDatabase: try main.read(UInt32.self, at: pageNumberSize + 4)
            )
        case let operation:
            throw main.error(.unknownOperation(operation))
        }
    }
}

/// The segment files of SLRUs.
enum SLRUSegment {
    /// Pages in a segment (`SLRU_PAGES_PER_SEGMENT`).
    static let pageCount: UInt32 = 32
}
