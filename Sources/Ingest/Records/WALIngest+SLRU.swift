internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Segments of SLRUs, which are on shard zero only.
// Source: `ingest.md` §2.9.

/// Pages of SLRUs.
enum SLRUPage {
    static let pagesPerSegment: UInt32 = 32

    /// The key of a page, by its number from the SLRU's start.
    static func key(_ kind: SLRUKind, page: UInt32) -> Key {
        .slruBlock(kind, segment: page / pagesPerSegment, block: page % pagesPerSegment)
    }
}

extension WALIngest {
    mutating func slruSegments(_ kind: SLRUKind) throws(IngestFault) -> NumberDirectory {
        if let directory = directories.slruSegments[kind] { return directory }
        let key = Key.slruDirectory(kind)
        let directory = try decode(key, try existingImage(key)) { bytes throws(BincodeError) in
            try NumberDirectory(decoding: bytes)
        }
        directories.slruSegments[kind] = directory
        return directory
    }

    private mutating func slruSize(_ segment: SLRUSegment) throws(IngestFault) -> UInt32 {
        if let size = directories.slruSizes[segment] { return size }
        let key = Key.slruSegmentSize(segment.kind, segment: segment.number)
        let size = try BlockCount.decode(try existingImage(key), key)
        directories.slruSizes[segment] = size
        return size
    }

    private mutating func write(_ directory: NumberDirectory, of kind: SLRUKind) throws(IngestFault) {
        directories.slruSegments[kind] = directory
        try put(directory.encoded(), .slruDirectory(kind))
    }

    /// Starts a page with zeros, in a segment that may be new.
    mutating func zeroPage(_ kind: SLRUKind, segment number: UInt32, page: UInt32) throws(IngestFault) {
        guard page < SLRUPage.pagesPerSegment else {
            throw .invalidSLRUPage(kind: kind, segment: number, page: page)
        }
        guard shard.isShardZero else { return }
        let segment = SLRUSegment(kind: kind, number: number)
        var directory = try slruSegments(kind)
        if directory.numbers.insert(UInt64(number)).inserted {
            try write(directory, of: kind)
            directories.slruSizes[segment] = 0
        }
        let size = try slruSize(segment)
        if page >= size {
            try put(BlockCount.encode(page + 1), .slruSegmentSize(kind, segment: number))
            directories.slruSizes[segment] = page + 1
            for block in size..<page { try putZeroPage(.slruBlock(kind, segment: number, block: block)) }
        }
        try putZeroPage(.slruBlock(kind, segment: number, block: page))
    }

    /// Drops segments; the directory is written if one was there.
    mutating func dropSegments(_ kind: SLRUKind, where isDropped: (UInt32) -> Bool) throws(IngestFault) {
        guard shard.isShardZero else { return }
        var directory = try slruSegments(kind)
        let dropped = directory.numbers.filter { isDropped(UInt32(truncatingIfNeeded: $0)) }
        guard !dropped.isEmpty else { return }
        directory.numbers.subtract(dropped)
        for number in dropped {
            directories.slruSizes[SLRUSegment(kind: kind, number: UInt32(truncatingIfNeeded: number))] = nil
        }
        try write(directory, of: kind)
    }
}
