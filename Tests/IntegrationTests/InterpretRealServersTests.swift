import InterpretationModel
import InterpretedWAL
import PostgresHarness
import PostgresWAL
import ShardIdentity
import Testing
import WALFiles

/// Everything that a real server writes, interpreted for many layouts, with `pg_waldump` as the second opinion.
@Suite(.serialized)
struct InterpretRealServersTests {
    @Test("each block that pg_waldump names is at its shard, once", arguments: PostgresInstallation.majors)
    func shares(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let version = try #require(PostgresMajorVersion(rawValue: major))
        let described = try outcome.server.walDump.records(from: outcome.start, to: outcome.end)
        // The stripes are small, so that the workload's small relations have several.
        let stripeSizes = [1, 2, 3, 8, 32, 128].map { count in (count: count, pages: UInt32.random(in: 1...40)) }
        let layouts = try stripeSizes.map { try ShardIdentity.all(count: $0.count, stripeSize: $0.pages) }
        let comment = Comment("PostgreSQL \(major), shard counts and stripe sizes \(stripeSizes)")

        var interpretation = SharedInterpretation(version: version, layouts: layouts)
        var rest = described[...]
        let directory = try WALDirectory(path: outcome.walDirectory)
        let walk = WALWalk(directory: directory, start: outcome.start, end: outcome.end)
        do {
            _ = try walk.run { record, parsed in
                let whole = try interpretation.interpret(record, parsed)
                guard let description = rest.popFirst(), description.lsn == record.start else {
                    throw Disagreement(description: "pg_waldump has no record at \(record.start)")
                }
                try check(whole, description, record)
            }
        } catch {
            Issue.record("\(comment): \(error)")
        }
        #expect(rest.isEmpty, comment)
        for (shard, count) in zip(interpretation.shards, interpretation.shardRecordCounts) where shard.number == .zero {
            #expect(count == described.count, comment)
        }
    }

    /// What `pg_waldump` says of a record's blocks, and what an unsharded tenant gets, are the same.
    private func check(
        _ whole: InterpretedRecord,
        _ description: WALDump.Record,
        _ record: borrowing WALRecord
    ) throws {
        guard whole.nextRecordLSN == record.next, whole.xid == description.transactionID,
            whole.batch.metadata.count == description.blocks.count, whole.batch.count == description.blocks.count
        else { throw Disagreement(description: "\(description): \(whole)") }
        let bytes = record.bytes.array
        for (block, value) in zip(description.blocks, whole.batch.metadata) {
            guard case .serialized(let key, record.next, let offset, let length, let willInit) = value,
                key == CompactKey(block.key)
            else { throw Disagreement(description: "\(description): \(value)") }
            let stored = try StoredValue(decoding: Array(whole.batch.rawBytes[offset..<offset + length]))
            let isRight =
                switch stored {
                case .image(let page): travelsAsImage(block, description) && isStamped(page, with: record.next)
                case .record(let stored):
                    !travelsAsImage(block, description)
                        && stored == .postgres(willInit: willInit, record: bytes)
                        && (willInit || block.image?.isApplied != true)
                }
            guard isRight, stored.startsFreshPage == willInit else {
                throw Disagreement(description: "\(description): \(value) holds something else")
            }
        }
    }

    /// Only records that do nothing but log pages give uncompressed images away.
    private func travelsAsImage(_ block: WALDump.Block, _ description: WALDump.Record) -> Bool {
        guard let image = block.image, description.resourceManager == "XLOG" else { return false }
        let operation = description.operation.prefix { $0 != "," }
        return (operation == "FPI" || operation == "FPI_FOR_HINT") && image.isApplied && image.compression == nil
    }

    /// Whether a page has its LSN, upper half first, or is new.
    private func isStamped(_ page: [UInt8], with lsn: LSN) -> Bool {
        let bytes = page.span.bytes
        let isNew = page[14] == 0 && page[15] == 0
        let stamp =
            UInt64(bytes.littleEndian(at: 0, as: UInt32.self)) << 32
            | UInt64(bytes.littleEndian(at: 4, as: UInt32.self))
        return page.count == RelationPage.size && (isNew || stamp == lsn.rawValue)
    }

    struct Disagreement: Error, CustomStringConvertible {
        var description: String
    }
}

extension WALDump.Block {
    fileprivate var key: Key {
        Key(
            field1: 0,
            field2: tablespace,
            field3: database,
            field4: relation,
            field5: fork.rawValue,
            field6: number
        )
    }
}
