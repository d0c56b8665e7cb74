internal import CRocksDB
internal import PostgresWAL

/// An open RocksDB; all that is C about it stays in this file.
///
/// RocksDB may be called from any thread, and nothing here changes after opening: that makes it sendable.
final class RocksDBHandle: @unchecked Sendable {
    private let database: OpaquePointer
    private let options: OpaquePointer
    private let reads = rocksdb_readoptions_create()
    private let persistedReads = rocksdb_readoptions_create()
    private let writes = rocksdb_writeoptions_create()
    private let flushes = rocksdb_flushoptions_create()

    init(path: String, options chosen: RocksDBStore.Options) throws(StoreError) {
        guard let options = rocksdb_options_create() else {
            throw .failed(operation: "open", message: "no memory for RocksDB's options")
        }
        rocksdb_options_set_create_if_missing(options, 1)
        rocksdb_options_set_write_buffer_size(options, chosen.writeBufferSize)
        rocksdb_options_set_max_write_buffer_number(options, Int32(clamping: chosen.maximumWriteBuffers))
        rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
        // Merging begins when it is known that there is space for it.
        rocksdb_options_set_disable_auto_compactions(options, 1)
        rocksdb_options_set_block_based_table_factory(options, BlockCache.shared.tableOptions)
        rocksdb_options_set_keep_log_file_num(options, 2)
        rocksdb_options_set_info_log_level(options, 2)
        var message: UnsafeMutablePointer<CChar>?
        guard let database = rocksdb_open(options, path, &message), message == nil else {
            rocksdb_options_destroy(options)
            throw RocksDBHandle.error("open \(path)", message)
        }
        self.options = options
        self.database = database
        // Reads only what has reached table files (`kPersistedTier`).
        rocksdb_readoptions_set_read_tier(persistedReads, 2)
        rocksdb_writeoptions_disable_WAL(writes, 1)
        rocksdb_flushoptions_set_wait(flushes, 1)
    }

    deinit {
        rocksdb_close(database)
        rocksdb_options_destroy(options)
        rocksdb_readoptions_destroy(reads)
        rocksdb_readoptions_destroy(persistedReads)
        rocksdb_writeoptions_destroy(writes)
        rocksdb_flushoptions_destroy(flushes)
    }

    /// Bytes that open tables take outside of the cache, as RocksDB estimates them.
    var tableMemory: UInt64 {
        var bytes: UInt64 = 0
        rocksdb_property_int(database, "rocksdb.estimate-table-readers-mem", &bytes)
        return bytes
    }

    func get(_ key: RocksDBKey, persistedOnly: Bool) throws(StoreError) -> [UInt8]? {
        var message: UnsafeMutablePointer<CChar>?
        var length = 0
        let key = key.bytes
        let value = key.withUnsafeBufferPointer { key in
            key.withMemoryRebound(to: CChar.self) { key in
                let options = persistedOnly ? persistedReads : reads
                return rocksdb_get(database, options, key.baseAddress, key.count, &length, &message)
            }
        }
        defer { rocksdb_free(value) }
        if message != nil { throw RocksDBHandle.error("read", message) }
        guard let value else { return nil }
        return RawSpan(_unsafeStart: value, byteCount: length).array
    }

    /// Writes what is gathered and empties it, also if that fails.
    func write(_ write: RocksDBWrite) throws(StoreError) {
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_write(database, writes, write.batch, &message)
        write.clear()
        if message != nil { throw RocksDBHandle.error("write", message) }
    }

    func flush() throws(StoreError) {
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_flush(database, flushes, &message)
        if message != nil { throw RocksDBHandle.error("flush", message) }
    }

    /// Lets table files be merged, or begins no more merges.
    func setMerging(_ isOn: Bool) throws(StoreError) {
        var message: UnsafeMutablePointer<CChar>?
        "disable_auto_compactions".withCString { key in
            (isOn ? "false" : "true").withCString { value in
                var keys: [UnsafePointer<CChar>?] = [key]
                var values: [UnsafePointer<CChar>?] = [value]
                rocksdb_set_options(database, 1, &keys, &values, &message)
            }
        }
        if message != nil { throw RocksDBHandle.error("switch merging", message) }
    }

    func iterator() -> RocksDBIterator {
        RocksDBIterator(rocksdb_create_iterator(database, reads), of: self)
    }

    /// Takes over RocksDB's message, which says in words what kind of error it is.
    static func error(_ operation: String, _ message: UnsafeMutablePointer<CChar>?) -> StoreError {
        let text = message.map { String(cString: $0) } ?? "no message"
        rocksdb_free(message)
        if text.contains("No space left") || text.contains("NoSpace") || text.contains("Max allowed space") {
            return .noSpace(operation: operation, message: text)
        }
        if text.hasPrefix("Corruption") { return .corrupt(message: "\(operation): \(text)") }
        return .failed(operation: operation, message: text)
    }
}

/// Blocks of table files in memory, for all stores of the process.
///
/// The indexes of the files are among them, and in small parts: RocksDB would hold them in memory as a whole besides, a
/// fortieth of what is stored, for as long as a store is open.
private struct BlockCache: @unchecked Sendable {
    static let shared = BlockCache()

    /// Bytes that stay in memory; indexes of new tables alone fill them up.
    private static let capacity = 32 << 20
    /// Indexes of indexes, `kTwoLevelIndexSearch`.
    private static let partitionedIndex: Int32 = 2

    /// How tables are written and read; never changed after it was made, so that any thread may use it.
    let tableOptions: OpaquePointer?

    private init() {
        tableOptions = rocksdb_block_based_options_create()
        rocksdb_block_based_options_set_block_cache(tableOptions, rocksdb_cache_create_lru(Self.capacity))
        rocksdb_block_based_options_set_index_type(tableOptions, Self.partitionedIndex)
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(tableOptions, 1)
        rocksdb_block_based_options_set_pin_top_level_index_and_filter(tableOptions, 0)
    }
}

/// Versions that are written at once.
final class RocksDBWrite {
    fileprivate let batch = rocksdb_writebatch_create()
    private(set) var byteCount = 0

    deinit { rocksdb_writebatch_destroy(batch) }

    func put(_ key: RocksDBKey, _ value: RawSpan) {
        let key = key.bytes
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                rocksdb_writebatch_put(
                    batch,
                    key.assumingMemoryBound(to: CChar.self).baseAddress,
                    key.count,
                    value.assumingMemoryBound(to: CChar.self).baseAddress,
                    value.count
                )
            }
        }
        byteCount += key.count + value.byteCount
    }

    fileprivate func clear() {
        rocksdb_writebatch_clear(batch)
        byteCount = 0
    }
}

/// A position among the keys of a database, which it keeps open.
final class RocksDBIterator {
    private let iterator: OpaquePointer?
    private let database: RocksDBHandle

    fileprivate init(_ iterator: OpaquePointer?, of database: RocksDBHandle) {
        self.iterator = iterator
        self.database = database
    }

    deinit { rocksdb_iter_destroy(iterator) }

    func seek(toLastAtOrBelow key: RocksDBKey) {
        key.bytes.withUnsafeBytes { key in
            rocksdb_iter_seek_for_prev(iterator, key.assumingMemoryBound(to: CChar.self).baseAddress, key.count)
        }
    }

    func seek(toFirstAtOrAbove key: RocksDBKey) {
        key.bytes.withUnsafeBytes { key in
            rocksdb_iter_seek(iterator, key.assumingMemoryBound(to: CChar.self).baseAddress, key.count)
        }
    }

    func previous() {
        rocksdb_iter_prev(iterator)
    }

    /// The key at the position; nil outside of the database's keys, and after an error.
    var key: RocksDBKey? {
        guard rocksdb_iter_valid(iterator) != 0 else { return nil }
        var length = 0
        guard let key = rocksdb_iter_key(iterator, &length) else { return nil }
        return RocksDBKey(RawSpan(_unsafeStart: key, byteCount: length).array)
    }

    /// Calls `body` with the value at the position.
    func withValue<Result>(_ body: (RawSpan) -> Result) -> Result {
        var length = 0
        guard let value = rocksdb_iter_value(iterator, &length), length > 0 else {
            return body(UnsafeRawBufferPointer(start: nil, count: 0).bytes)
        }
        return body(RawSpan(_unsafeStart: value, byteCount: length))
    }

    /// Throws what has gone wrong since the iterator was made.
    func check() throws(StoreError) {
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_iter_get_error(iterator, &message)
        if message != nil { throw RocksDBHandle.error("read", message) }
    }
}
