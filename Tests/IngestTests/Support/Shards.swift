import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// A shard of the tests' timeline; unsharded if count is 0.
func testShard(
    _ number: UInt8 = 0,
    of count: UInt8 = 0,
    stripe: UInt32 = 2048,
    version: PostgresMajorVersion = .v15
) throws -> TimelineShard {
    let index = try ShardIndex(number: ShardNumber(number), count: ShardCount(count))
    return TimelineShard(
        tenant: TenantID(bits: 0x1111),
        timeline: TimelineID(bits: 0x2222),
        identity: ShardIdentity(index: index, stripeSize: try ShardStripeSize(pages: stripe)),
        version: version
    )
}

/// Collects warnings.
final class Warnings: @unchecked Sendable {
    /// Only the test's own thread ingests.
    private(set) var all: [IngestWarning] = []

    func add(_ warning: IngestWarning) { all.append(warning) }
}

/// Relation 1663/5/16384 and its forks.
let table = RelationLocator(tablespace: 1663, database: 5, relation: 16384)
let tableMain = RelationTag(locator: table)
let tableMap = RelationTag(locator: table, fork: ForkNumber.visibilityMap)
let tableFSM = RelationTag(locator: table, fork: ForkNumber.freeSpaceMap)

/// A shard in memory that is fed record by record, each in a message of its own unless told otherwise.
final class TestShard {
    let store: any VersionedStore
    let ingest: ShardIngest
    let warnings = Warnings()
    var position: LSN

    init(
        _ shard: TimelineShard,
        at lsn: LSN = LSN(0x1000),
        checkpoint: CheckPoint = .zero,
        store: any VersionedStore = InMemoryStore()
    ) throws {
        let warnings = warnings
        var options = IngestOptions()
        options.onWarning = { warnings.add($0) }
        self.store = store
        ingest = try ShardIngest(creating: shard, in: store, at: lsn, checkpoint: checkpoint, options: options)
        position = lsn
    }

    convenience init(version: PostgresMajorVersion = .v15) throws {
        try self.init(testShard(version: version))
    }

    /// Ingests a record 0x100 bytes behind the one before; gives its LSN.
    @discardableResult
    func record(
        _ metadata: MetadataRecord? = nil,
        writes: [TestWrite] = [],
        xid: UInt32 = 0
    ) throws -> LSN {
        position += 0x100
        try ingest([testRecord(metadata, writes: writes, xid: xid, at: position)])
        return position
    }

    func ingest(_ records: [InterpretedRecord]) throws {
        try ingest(message: testMessage(records))
    }

    func ingest(message: [UInt8]) throws {
        try ingest.ingest(message: message.span.bytes)
    }

    /// The stored bytes of a key's version at exactly this LSN, in hexadecimal; nil if there is none.
    func stored(_ key: String, at lsn: LSN) throws -> String? {
        guard let key = Key(key), let found = try store.newest(key, atOrBelow: lsn), found.lsn == lsn else {
            return nil
        }
        return hexText(found.bytes)
    }
}

/// What a record writes to a block.
enum TestWrite {
    case image(RelationTag, UInt32, [UInt8])
    case delta(RelationTag, UInt32, [UInt8])
    case observed(RelationTag, UInt32)
}

func testRecord(
    _ metadata: MetadataRecord? = nil,
    writes: [TestWrite] = [],
    xid: UInt32 = 0,
    at lsn: LSN
) -> InterpretedRecord {
    var flush = false
    if case .database(.create) = metadata { flush = true }
    var record = InterpretedRecord(metadata: metadata, nextRecordLSN: lsn, flushUncommitted: flush, xid: xid)
    for write in writes {
        switch write {
        case .image(let relation, let block, let page):
            record.batch.append(.image(page), key: packed(relation, block), lsn: lsn)
        case .delta(let relation, let block, let bytes):
            let value = StoredValue.record(.postgres(willInit: false, record: bytes))
            record.batch.append(value, key: packed(relation, block), lsn: lsn)
        case .observed(let relation, let block):
            record.batch.metadata.append(.observed(key: packed(relation, block), lsn: lsn))
        }
    }
    return record
}

func testMessage(_ records: [InterpretedRecord], nextRecordLSN: LSN? = nil) -> [UInt8] {
    let next = nextRecordLSN ?? records.last?.nextRecordLSN ?? .invalid
    let batch = InterpretedBatch(records: records, nextRecordLSN: next, rawWALStartLSN: nil)
    var buffer = OutputBuffer()
    batch.encodeProtobuf(into: &buffer)
    return buffer.array
}

func packed(_ relation: RelationTag, _ block: UInt32) -> CompactKey {
    guard let key = CompactKey(.relationBlock(relation, block: block)) else {
        preconditionFailure("no such tablespace")
    }
    return key
}

func hexText(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
}

/// The stored form of an image, in hexadecimal.
func storedImage(_ content: String) -> String {
    hexText(StoredValue.image(hexBytes(content)).encoded())
}

func hexBytes(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func page(_ fill: UInt8) -> [UInt8] {
    [UInt8](repeating: fill, count: 8192)
}
