import CChecksum
import CFloor
import PostgresHarness
import PostgresWAL
import WALFiles

/// Decoding: finding records, checking CRCs, parsing fragments.
///
/// The floor is a C loop over the same memory that only walks and checks CRCs; `pg_waldump --stats` reads the same
/// files as our walk over files does.
struct DecodeBench {
    let sample: Sample

    func run(rounds: Int, into results: inout BenchResults) throws {
        let sample = sample
        var measurement = Measurement()
        measurement.add("floor") {
            let count = sample.bytes.withUnsafeBytes {
                cfloor_walk($0.baseAddress!, $0.count, sample.start.rawValue, UInt64(WALSegmentSize.standard.bytes))
            }
            precondition(count == sample.recordCount, "the floor sees \(count) of \(sample.recordCount) records")
        }
        measurement.add("memory") {
            var blocks = 0
            var records = 0
            try sample.decode { _, parsed in
                blocks &+= parsed.blockCount
                records &+= 1
            }
            precondition(records == sample.recordCount, "decoded \(records) of \(sample.recordCount) records")
            keep(blocks)
        }
        measurement.add("files") {
            var blocks = 0
            _ = try sample.walk.run { _, parsed in blocks &+= parsed.blockCount }
            keep(blocks)
        }
        if let dump = sample.dump {
            measurement.add("pg_waldump") { keep(try dump.stats(from: sample.start, to: sample.walk.end)) }
        }
        try measurement.run(rounds: rounds)
        report(measurement, into: &results)
    }

    private func report(_ measurement: Measurement, into results: inout BenchResults) {
        let records = Double(sample.recordCount)
        let size = Double(sample.bytes.count)
        results.heading(
            "decode, \(sample.name): \(sample.recordCount) records, \(sample.bytes.count / 1_000_000) MB, "
                + "CRC by \(String(cString: cchecksum_crc32c_implementation()))"
        )
        let key = "decode.\(sample.name)"
        let memory = measurement.seconds("memory")
        let files = measurement.seconds("files")
        results.add("\(key).floor.ns", measurement.seconds("floor") / records * 1e9, "ns", "C walk and CRC, a record")
        results.add("\(key).ns", memory / records * 1e9, "ns", "a record, in memory")
        results.add("\(key).mb_per_s", size / memory / 1e6, "MB/s", "in memory")
        results.add("\(key).files.ns", files / records * 1e9, "ns", "a record, reading files")
        results.add("\(key).files.mb_per_s", size / files / 1e6, "MB/s", "reading files")
        results.add("\(key).ratio_to_floor", memory / measurement.seconds("floor"), "x", "time of the floor")
        if sample.dump != nil {
            let dump = measurement.seconds("pg_waldump")
            results.add("\(key).pg_waldump.ns", dump / records * 1e9, "ns", "pg_waldump --stats, a record")
            results.add("\(key).ratio_to_pg_waldump", dump / memory, "x", "as fast, in memory")
            results.add("\(key).files.ratio_to_pg_waldump", dump / files, "x", "as fast, reading files as it does")
        }
        let allocations = Double(measurement.allocations["memory"] ?? 0)
        results.add("\(key).allocations", allocations, "", "allocations in the whole run, in memory")
    }
}
