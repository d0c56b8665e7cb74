public import InterpretedWAL
public import PostgresWAL
public import ShardIdentity

/// Values on their way into a store: their bytes in one piece, and an entry for each of them.
///
/// Entries may share bytes: all zero pages of a batch are one.
public struct StoreBatch: ~Copyable {
    /// One value.
    @frozen
    public struct Entry: Hashable, Sendable {
        /// The key.
        public let key: CompactKey
        /// The LSN of the version.
        public let lsn: LSN
        /// Where its bytes begin in ``StoreBatch/bytes``.
        public let offset: Int
        /// The number of its bytes.
        public let length: Int

        @inlinable
        init(key: CompactKey, lsn: LSN, offset: Int, length: Int) {
            self.key = key
            self.lsn = lsn
            self.offset = offset
            self.length = length
        }
    }

    /// The values, in the order in which they were added.
    public private(set) var entries: [Entry] = []
    /// What the values take in a store that does not share bytes.
    public private(set) var valueBytes = 0
    /// How often the batch was emptied: offsets count as long as this stays.
    private(set) var epoch = 0
    private var buffer: OutputBuffer
    private var zeroPage: Int?

    /// Makes an empty batch.
    public init() {
        buffer = OutputBuffer(minimumCapacity: 64 << 10)
    }

    /// The bytes of all values.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { borrowedBytes }
    }

    @usableFromInline
    var borrowedBytes: RawSpan {
        @_lifetime(borrow self)
        get { buffer.bytes }
    }

    /// The bytes of one of the batch's values.
    @_lifetime(borrow self)
    public func value(of entry: Entry) -> RawSpan {
        buffer.bytes.extracting(entry.offset..<entry.offset + entry.length)
    }

    /// Empties the batch; memory for the next one is kept unless this one was large.
    public mutating func removeAll() {
        entries.removeAll(keepingCapacity: entries.capacity <= 1 << 16)
        buffer.removeAll(keepingCapacity: buffer.capacity <= StoreBatch.keptCapacity)
        valueBytes = 0
        zeroPage = nil
        epoch &+= 1
    }

    /// What an empty batch keeps at most for the next values: 16 MiB.
    static let keptCapacity = 16 << 20
}

// MARK: - Adding

extension StoreBatch {
    /// Adds bytes that hold values, which entries then refer to; gives where they begin.
    @inline(__always)
    mutating func append(raw: RawSpan) -> Int {
        let start = buffer.count
        buffer.append(raw)
        return start
    }

    /// Adds a value whose bytes are there.
    @inline(__always)
    mutating func append(_ entry: Entry) {
        entries.append(entry)
        valueBytes &+= entry.length
    }

    /// Adds a value.
    public mutating func append(_ value: StoredValue, key: CompactKey, lsn: LSN) {
        let start = buffer.count
        value.encode(into: &buffer)
        append(Entry(key: key, lsn: lsn, offset: start, length: buffer.count - start))
    }

    /// Adds a value in its stored form.
    public mutating func append(encoded: [UInt8], key: CompactKey, lsn: LSN) {
        append(Entry(key: key, lsn: lsn, offset: append(raw: encoded.span.bytes), length: encoded.count))
    }

    /// Adds an image.
    mutating func append(image: RawSpan, key: CompactKey, lsn: LSN) {
        let start = buffer.count
        buffer.append(bigEndian: UInt32(0))
        buffer.append(bigEndian: UInt64(image.byteCount))
        buffer.append(image)
        append(Entry(key: key, lsn: lsn, offset: start, length: buffer.count - start))
    }

    /// Adds a page of zeros.
    mutating func appendZeroPage(key: CompactKey, lsn: LSN) {
        let length = StoredValue.imageHeaderSize + RelationPage.size
        if let zeroPage {
            append(Entry(key: key, lsn: lsn, offset: zeroPage, length: length))
            return
        }
        zeroPage = buffer.count
        append(.image([UInt8](repeating: 0, count: RelationPage.size)), key: key, lsn: lsn)
    }
}
