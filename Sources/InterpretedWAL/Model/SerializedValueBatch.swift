public import PostgresWAL
public import ShardIdentity

/// The values of one record for one shard: their serialized bytes in one piece, and what each piece is.
///
/// Source: `wal-interpretation.md` §4 and §12.
public struct SerializedValueBatch: Hashable, Sendable {
    /// The bincode forms of the values (``StoredValue``), one after another without gaps.
    public var rawBytes: [UInt8]
    /// The values in block order.
    public var metadata: [ValueMetadata]
    /// The greatest LSN of the serialized values; 0/0 if there are none.
    public var maxLSN: LSN
    /// The number of serialized values in ``metadata``; observed ones are not counted.
    public var count: Int

    /// Makes a batch of its parts; an empty one without arguments.
    public init(rawBytes: [UInt8] = [], metadata: [ValueMetadata] = [], maxLSN: LSN = .invalid, count: Int = 0) {
        self.rawBytes = rawBytes
        self.metadata = metadata
        self.maxLSN = maxLSN
        self.count = count
    }

    /// Appends a value: its bytes, and the entry that describes them.
    public mutating func append(_ value: StoredValue, key: CompactKey, lsn: LSN) {
        let bytes = value.encoded()
        metadata.append(
            .serialized(
                key: key,
                lsn: lsn,
                offset: rawBytes.count,
                length: bytes.count,
                willInit: value.startsFreshPage
            )
        )
        rawBytes += bytes
        maxLSN = max(maxLSN, lsn)
        count += 1
    }
}
