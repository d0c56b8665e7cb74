import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// What one shard got of one record.
struct ShardResult: Equatable {
    /// The `InterpretedWalRecord` message.
    var bytes: [UInt8]
    var record: InterpretedRecord
}

/// Interprets single records: writes each as WAL, decodes that, and interprets what comes out.
enum Interpretation {
    /// Where the record stands unless a test wants it elsewhere: its next record starts at 0/2000100.
    static let next = LSN(0x200_0100)

    /// What each shard gets of a record; nil for those that get nothing.
    static func results(
        of contents: WALRecordContents,
        version: PostgresMajorVersion,
        shards: [ShardIdentity] = [.unsharded],
        next: LSN? = nil,
        previous: LSN = .invalid
    ) throws -> [ShardResult?] {
        var interpreter = BatchInterpreter(version: version, shards: shards)
        var results: [ShardResult?] = []
        try withRecord(contents, version: version, next: next, previous: previous) { record, parsed in
            try interpreter.interpret(record, parsed)
            results = try shards.indices.map { try interpreter.lastResult(of: $0) }
        }
        return results
    }

    /// The metadata that an unsharded tenant gets of a record.
    static func metadata(
        of record: CraftedRecord,
        version: PostgresMajorVersion
    ) throws -> MetadataRecord? {
        try results(of: record.contents, version: version)[0]?.record.metadata
    }

    /// The error that interpreting a record gives; nil if it gives none.
    static func error(
        of record: CraftedRecord,
        version: PostgresMajorVersion,
        maximumRecordBytes: Int? = nil
    ) throws -> InterpretationError? {
        var interpreter = BatchInterpreter(
            version: version,
            shards: [.unsharded],
            maximumRecordBytes: maximumRecordBytes ?? BatchInterpreter.standardMaximumRecordBytes
        )
        var failure: InterpretationError?
        try withRecord(record.contents, version: version) { record, parsed in
            do throws(InterpretationError) {
                try interpreter.interpret(record, parsed)
            } catch {
                failure = error
            }
        }
        return failure
    }

    /// Lends a record as it comes out of the decoder.
    ///
    /// The record after it starts at `next`, unless it is longer than what a page has room for in front of that.
    static func withRecord(
        _ contents: WALRecordContents,
        version: PostgresMajorVersion,
        next: LSN? = nil,
        previous: LSN = .invalid,
        _ body: (borrowing WALRecord, borrowing ParsedRecord) throws -> Void
    ) throws {
        let start = start(of: contents, next: next ?? Interpretation.next)
        var generator = try WALGenerator(NoRecords(), version: version, startingAt: start, previous: previous)
        let element = generator.append(contents)
        var decoder = try WALStreamDecoder(version: version, startingAt: start)
        var parsed = ParsedRecord(version: version)
        var input = element.bytes.span.bytes
        guard let record = try decoder.next(&input) else { throw IncompleteRecord() }
        try parsed.parse(record)
        try body(record, parsed)
    }

    private static func start(of contents: WALRecordContents, next: LSN) -> LSN {
        let length = (UInt64(WALRecord.headerSize + contents.fragments.count) + 7) & ~7
        let firstPlace = next.pageStart + UInt64(WALPage.longHeaderSize)
        let isAtPageStart = next.pageOffset == 0
        return isAtPageStart || next.rawValue - firstPlace.rawValue >= length
            ? LSN(next.rawValue - length) : firstPlace
    }

    struct IncompleteRecord: Error {}
}

/// A source for generators that are given records one by one.
struct NoRecords: WALRecordSource {
    mutating func next() -> WALRecordContents? { nil }
}

extension BatchInterpreter {
    /// What a shard got of the last record, decoded; nil if nothing.
    func lastResult(of index: Int) throws -> ShardResult? {
        guard let span = lastRecord(of: index) else { return nil }
        return ShardResult(bytes: span.array, record: try InterpretedRecord(protobuf: span))
    }

    /// A copy of a shard's batch.
    func copyOfBatch(of index: Int) -> [UInt8] {
        batch(of: index).array
    }
}

extension Key {
    /// A block of relation 1663/5/16384, or of another one.
    static func block(_ block: UInt32, relation: UInt32 = 16384, fork: UInt8 = 0, tablespace: UInt32 = 1663) -> Key {
        Key(field1: 0, field2: tablespace, field3: 5, field4: relation, field5: fork, field6: block)
    }
}
