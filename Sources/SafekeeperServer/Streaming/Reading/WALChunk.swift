package import PostgresWAL

/// How WAL is cut into chunks for sending and for decoding.
///
/// Source: `replication-protocol.md` §4.1.
package enum WALChunk {
    /// The most bytes in a chunk: 16 pages.
    package static let maximumSize = 131_072

    /// The most bytes in a chunk that is interpreted for so many senders at once.
    ///
    /// Each of them gets a message of each chunk, which costs as much whatever is in it. So where much WAL waits, many
    /// senders share larger chunks, up to 1 MiB, and their messages are still no larger than one sender's.
    package static func maximumSize(forSenders count: Int) -> Int {
        min(max(count, 1), 8) * maximumSize
    }

    /// Where the chunk that begins at `start` ends.
    ///
    /// A chunk reaches to the end of what is available, or to a page's end, and never over the end of a segment.
    ///
    /// - Parameters:
    ///   - start: the chunk's first byte.
    ///   - available: the end of the WAL that may be read, behind `start`.
    ///   - segmentSize: the timeline's segment size.
    ///   - maximumSize: the most bytes in it, a multiple of a page's size.
    /// - Returns: a position behind `start`.
    package static func end(
        from start: LSN,
        available: LSN,
        segmentSize: WALSegmentSize,
        maximumSize: Int = WALChunk.maximumSize
    ) -> LSN {
        precondition(start < available, "there is no WAL at \(start): it ends at \(available)")
        let left = available.rawValue - start.rawValue
        let whole =
            left <= UInt64(maximumSize) ? available : (start + UInt64(maximumSize)).pageStart
        let leftInSegment = segmentSize.bytes - segmentSize.offset(of: start)
        return left <= leftInSegment ? whole : min(whole, start + leftInSegment)
    }
}
