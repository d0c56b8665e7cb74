public import PostgresWAL
public import ShardIdentity

/// Forms the messages that WAL read in chunks becomes: one for each shard and each chunk that completes a record.
///
/// A chunk that completes no record makes no message; the next message then covers both. A message's WAL begins where
/// the last record of the message before ended, so that a receiver sees whether one is missing.
///
/// Source: `replication-protocol.md` §5.3.
public struct ChunkBatcher: ~Copyable {
    private var interpreter: BatchInterpreter
    /// Where the WAL of the next message begins.
    private var batchStart: LSN
    private var lastEnd: LSN
    private var lastNext: LSN
    private var completesRecord = false

    /// Makes a batcher.
    ///
    /// - Parameters:
    ///   - version: the version whose WAL is interpreted.
    ///   - shards: the shards to serve, each once.
    ///   - start: where the first chunk begins.
    public init(version: PostgresMajorVersion, shards: [ShardIdentity], startingAt start: LSN) {
        interpreter = BatchInterpreter(version: version, shards: shards)
        batchStart = start
        lastEnd = start
        lastNext = start
    }

    /// The shards, in the order in which their messages are numbered.
    public var shards: [ShardIdentity] { interpreter.shards }

    /// Adds a record that the chunk completes.
    ///
    /// - Parameters:
    ///   - record: the record.
    ///   - parsed: its fragments.
    /// - Throws: ``InterpretationError`` if the record has no meaning; no message has changed then.
    public mutating func add(
        _ record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord
    ) throws(InterpretationError) {
        try interpreter.interpret(record, parsed)
        lastEnd = record.end
        lastNext = record.next
        completesRecord = true
    }

    /// Ends the chunk; its messages are gone afterwards, also those that were not sent because `send` threw.
    ///
    /// - Parameter send: is given the index of each shard, its message and the number of records in that; the message is
    ///   valid only during the call. Not called if the chunk completed no record.
    /// - Throws: what `send` throws.
    public mutating func endChunk<Failure: Error>(
        send: (_ shard: Int, _ message: RawSpan, _ records: Int) throws(Failure) -> Void
    ) throws(Failure) {
        guard completesRecord else { return }
        let start = batchStart
        batchStart = lastEnd
        completesRecord = false
        defer { for index in interpreter.shards.indices { interpreter.removeBatch(of: index) } }
        for index in interpreter.shards.indices {
            interpreter.finishBatch(of: index, nextRecordLSN: lastNext, rawWALStartLSN: start)
            try send(index, interpreter.batch(of: index), interpreter.recordCount(of: index))
        }
    }
}
