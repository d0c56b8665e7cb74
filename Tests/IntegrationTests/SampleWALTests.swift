import PostgresHarness
import PostgresWAL
import Testing

@Suite(.serialized)
struct SampleWALTests {
    @Test("bulk insert WAL is small heap records")
    func bulkInsert() throws {
        let sample = try SampleWAL.bulkInsert(megabytes: 5)
        let records = try sample.walDump().records(from: sample.start, to: sample.end)
        let inserts = records.filter { $0.resourceManager == "Heap" && $0.operation.hasPrefix("INSERT") }
        #expect(inserts.count == 5_000_000 / 64)
        #expect(inserts.allSatisfy { $0.totalLength == 63 || $0.operation == "INSERT+INIT" })
        #expect(records.count < inserts.count + 100)
        #expect(records.first?.lsn == sample.start)

        let again = try SampleWAL.bulkInsert(megabytes: 5)
        #expect(again.start == sample.start && again.end == sample.end)
    }

    @Test("pgbench WAL is mostly images")
    func pgbench() throws {
        let sample = try SampleWAL.pgbench(megabytes: 20)
        let records = try sample.walDump().records(from: sample.start, to: sample.end)
        let bytes = records.reduce(0) { $0 + $1.totalLength }
        let withoutImages = records.reduce(0) { $0 + $1.recordLength }
        #expect(bytes > 20_000_000)
        #expect(withoutImages * 2 < bytes)
    }
}
