internal import InterpretedWAL
public import PostgresWAL
public import ShardIdentity
private import Synchronization

/// A store in a folder, kept by RocksDB.
///
/// A version's key is that of its value, 18 bytes, and its LSN, 8 bytes, both big-endian, so that the versions of a key
/// stand next to each other in order. A record behind all of them, which every commit replaces, has the state and the
/// commit's number.
///
/// RocksDB's own log is not written: the WAL can be had again from the safekeepers. What counts is what has reached its
/// table files, which it writes in the order of the commits, so a crash leaves a prefix of them.
///
/// A flush is believed only when the state record can be read back from the table files. RocksDB 7.8 alone is no proof:
/// after it has recovered from a full disk, a flush may return as if done before it has begun.
///
/// Blocks of table files that were read, indexes among them, stay in memory: 32 MiB for all stores of a process together.
///
/// A part of the disk is kept free (``Options/reservedSpace``): commits that would use it fail with
/// ``StoreError/noSpace(operation:message:)``. Where somebody else uses it up, commits and flushes fail in the same way;
/// RocksDB looks every few seconds whether there is space again, and goes on by itself.
public final class RocksDBStore: VersionedStore {
    private let database: RocksDBHandle
    private let maximumWriteSize: Int
    private let space: Mutex<DiskSpace>
    /// The number of the last commit.
    private let commitNumber: Mutex<UInt64>

    /// How the memory of a store is shared out.
    public struct Options: Sendable {
        /// Bytes of versions in memory from which on they are written to a table file.
        public var writeBufferSize = 64 << 20
        /// How many such amounts there may be before commits have to wait for the disk.
        public var maximumWriteBuffers = 4
        /// Bytes of versions that go to RocksDB at once; larger commits go in pieces.
        public var maximumWriteSize = 32 << 20
        /// Bytes of the disk that commits leave free: at least what is held in memory, and what is merged at once.
        ///
        /// 1 GiB is enough for the other standard options.
        public var reservedSpace: UInt64 = 1 << 30
        /// Whether table files are merged into larger ones while there is space.
        ///
        /// Only tests have a reason to say no.
        public var mergesTables = true

        /// Makes the standard options.
        public init() {}
    }

    /// Opens a store, or makes an empty one.
    ///
    /// - Parameters:
    ///   - path: the folder; its parent must be there.
    ///   - options: see there.
    /// - Throws: ``StoreError``, also if the folder is open elsewhere.
    public init(path: String, options: Options = Options()) throws(StoreError) {
        database = try RocksDBHandle(path: path, options: options)
        maximumWriteSize = options.maximumWriteSize
        let space = try DiskSpace(path: path, reserve: options.reservedSpace, mayMerge: options.mergesTables)
        if space.isMerging { try database.setMerging(true) }
        self.space = Mutex(space)
        let state = try database.get(RocksDBKey.state, persistedOnly: false)
        commitNumber = Mutex(try StateRecord(state)?.number ?? 0)
    }

    /// Bytes that open table files take in memory besides the blocks that all stores share a bound for.
    package var tableMemory: UInt64 { database.tableMemory }

    /// The state record of the last commit; nil in a store that was never written to.
    public func readState() throws(StoreError) -> [UInt8]? {
        try StateRecord(database.get(RocksDBKey.state, persistedOnly: false))?.content
    }

    /// Writes values and replaces the state record.
    ///
    /// Large batches go in several pieces, the state with the last one.
    public func commit(_ batch: borrowing StoreBatch, state: [UInt8]) throws(StoreError) {
        try checkSpace()
        let write = RocksDBWrite()
        for entry in batch.entries {
            write.put(RocksDBKey(Key(entry.key), entry.lsn), batch.value(of: entry))
            if write.byteCount >= maximumWriteSize { try database.write(write) }
        }
        let number = commitNumber.withLock { $0 } + 1
        write.put(RocksDBKey.state, StateRecord(number: number, content: state).bytes.span.bytes)
        try database.write(write)
        commitNumber.withLock { $0 = number }
    }

    /// Stops and starts merging as there is space, and throws if there is too little for a commit.
    private func checkSpace() throws(StoreError) {
        try space.withLock { (space) throws(StoreError) in
            let free = try space.free()
            if let merging = space.look(free) { try database.setMerging(merging) }
            try space.check(free)
        }
    }

    /// Makes all commits up to now durable.
    ///
    /// - Returns: the state record of the newest commit that is durable.
    /// - Throws: ``StoreError`` if that is older than the last commit before the call.
    public func flush() throws(StoreError) -> [UInt8]? {
        let wanted = commitNumber.withLock { $0 }
        // One attempt does, but for the one after a recovery.
        var found: UInt64 = 0
        for _ in 0..<3 {
            try database.flush()
            guard let record = try StateRecord(database.get(RocksDBKey.state, persistedOnly: true)) else { continue }
            if record.number >= wanted { return record.content }
            found = record.number
        }
        if wanted == 0 { return nil }
        throw .failed(operation: "flush", message: "commit \(wanted) was to be durable, \(found) is")
    }

    /// Walks over the versions of a key from the newest at or below `lsn` to older ones, until `visit` gives false.
    public func visitVersions(
        of key: Key,
        atOrBelow lsn: LSN,
        _ visit: (LSN, RawSpan) -> Bool
    ) throws(StoreError) {
        let iterator = database.iterator()
        iterator.seek(toLastAtOrBelow: RocksDBKey(key, lsn))
        while let found = iterator.key, found.isVersion(of: key) {
            if !iterator.withValue({ visit(found.lsn, $0) }) { return }
            iterator.previous()
        }
        try iterator.check()
    }

    /// Walks over the keys of a range in order, each with its newest version at or below `lsn`, until `visit` gives
    /// false.
    public func visitNewest(
        in range: Range<Key>,
        atOrBelow lsn: LSN,
        _ visit: (Key, LSN, RawSpan) -> Bool
    ) throws(StoreError) {
        let iterator = database.iterator()
        iterator.seek(toFirstAtOrAbove: RocksDBKey(range.lowerBound, .invalid))
        while let found = iterator.key, let key = found.key, range.contains(key) {
            iterator.seek(toLastAtOrBelow: RocksDBKey(key, lsn))
            if let version = iterator.key, version.isVersion(of: key),
                !iterator.withValue({ visit(key, version.lsn, $0) })
            {
                return
            }
            guard let next = key.next else { break }
            iterator.seek(toFirstAtOrAbove: RocksDBKey(next, .invalid))
        }
        try iterator.check()
    }
}

/// What stands behind all versions: the number of the last commit and its state record.
private struct StateRecord {
    let number: UInt64
    let content: [UInt8]

    init(number: UInt64, content: [UInt8]) {
        self.number = number
        self.content = content
    }

    /// Nil if there is none.
    init?(_ bytes: [UInt8]?) throws(StoreError) {
        guard let bytes else { return nil }
        guard bytes.count >= 8 else { throw .corrupt(message: "the state record has \(bytes.count) bytes") }
        number = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        content = Array(bytes.dropFirst(8))
    }

    var bytes: [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 8 + content.count)
        buffer.append(bigEndian: number)
        buffer.append(content)
        return buffer.array
    }
}
