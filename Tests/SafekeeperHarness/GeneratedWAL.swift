package import PostgresWAL

/// Much WAL that concerns all shards, of PostgreSQL 16.
package struct GeneratedWAL: Sendable {
    /// The first record's start.
    package let start = LSN(0x100_0028)
    /// The WAL from there on, to a record's end.
    package let bytes: [UInt8]
    /// Where the next record would start.
    package var end: LSN { start + UInt64(bytes.count) }
    /// The version that it is of.
    package let version = PostgresMajorVersion.v16

    /// The segment size.
    package let segmentSize: WALSegmentSize

    /// Makes at least so many bytes.
    package init(
        bytes count: Int,
        seed: UInt64 = 1,
        rowBytes: Int = 100,
        segmentSize: WALSegmentSize = .standard
    ) throws {
        self.segmentSize = segmentSize
        var generator = try WALGenerator(
            InsertSource(seed: seed, rowBytes: rowBytes),
            version: version,
            segmentSize: segmentSize,
            systemIdentifier: RawProposer.systemIdentifier,
            startingAt: start
        )
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 16384)
        while bytes.count < count, let record = generator.next() { bytes += record.bytes }
        self.bytes = bytes
    }
}
