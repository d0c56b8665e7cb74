import Foundation
import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// What a killed process leaves of a store on disk.
struct RocksDBCrashTests {
    /// Copies the files as they are while the store is open: just what a kill would leave, as nothing is deleted.
    ///
    /// The list of table files is copied first, so that no file is missing that it names.
    private func copyOfFiles(_ path: String, to target: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: target, withIntermediateDirectories: true)
        let names = try files.contentsOfDirectory(atPath: path).filter { $0 != "LOCK" }
        for name in names.filter({ !$0.hasSuffix(".sst") }) {
            try files.copyItem(atPath: "\(path)/\(name)", toPath: "\(target)/\(name)")
        }
        for name in try files.contentsOfDirectory(atPath: path) where name.hasSuffix(".sst") {
            try files.copyItem(atPath: "\(path)/\(name)", toPath: "\(target)/\(name)")
        }
    }

    @Test("after a kill ingest goes on from a commit that was durable", arguments: [UInt64(31), 32])
    func kill(seed: UInt64) throws {
        var wal = RandomWAL(seed: seed, from: LSN(0x1000))
        var records = wal.preamble()
        for _ in 0..<400 { records.append(wal.next()) }
        let folder = try TemporaryFolder()
        var options = RocksDBStore.Options()
        options.writeBufferSize = 256 << 10
        options.mergesTables = false
        options.maximumWriteSize = seed % 2 == 0 ? 1000 : 32 << 20

        let identity = try testShard()
        var path = folder.path(of: "store0")
        var store = try RocksDBStore(path: path, options: options)
        var ingest = try ShardIngest(creating: identity, in: store, at: LSN(0x1000))
        try ingest.flush()
        var promised = ingest.positions.diskConsistentLSN
        var kills = 0
        var ahead = 0
        while let last = records.last, ingest.positions.lastRecordLSN < last.lsn {
            let start = records.firstIndex { $0.lsn > ingest.positions.lastRecordLSN } ?? records.endIndex
            let end = min(records.count, start + Int.random(in: 1...40, using: &wal.generator))
            let message = Array(records[start..<end]).message(for: .unsharded)
            try ingest.ingest(message: message.span.bytes)
            if wal.generator.chance(1, in: 4) {
                try ingest.flush()
                promised = ingest.positions.diskConsistentLSN
                #expect(promised == ingest.positions.lastRecordLSN)
            }
            guard wal.generator.chance(1, in: 6) else { continue }
            kills += 1
            path = folder.path(of: "store\(kills)")
            try copyOfFiles(folder.path(of: "store\(kills - 1)"), to: path)
            store = try RocksDBStore(path: path, options: options)
            ingest = try ShardIngest(opening: store, as: identity)
            let found = ingest.positions.lastRecordLSN
            #expect(found >= promised, "seed \(seed)")
            if found > promised { ahead += 1 }
            promised = ingest.positions.diskConsistentLSN
            #expect(promised == found, "seed \(seed)")
            try compare(store, with: records.filter { $0.lsn <= found }, seed)
        }
        #expect(kills > 1, "seed \(seed)")
        try compare(store, with: records, seed)
    }

    /// Holds the store against one that ingested just these records.
    private func compare(_ store: RocksDBStore, with records: [RandomWAL.Record], _ seed: UInt64) throws {
        let expected = try TestShard()
        try expected.ingest(message: records.message(for: .unsharded))
        let end = expected.ingest.positions.lastRecordLSN
        let opened = try ShardIngest(opening: store, as: testShard())
        #expect(opened.positions.lastRecordLSN == end, "seed \(seed)")
        #expect(opened.positions.logicalSize == expected.ingest.positions.logicalSize, "seed \(seed)")
        // A commit in pieces may have left values of records behind the end.
        let isVisible = { (version: String) in
            version.split(separator: " ").first.flatMap { LSN(String($0)) }.map { $0 <= end } ?? false
        }
        let found = try dump(store).mapValues { $0.filter(isVisible) }.filter { !$0.value.isEmpty }
        #expect(try found == dump(expected.store), "seed \(seed)")
    }

    @Test("an orderly end keeps everything, and nothing is told to be durable that was not asked for")
    func reopen() throws {
        let folder = try TemporaryFolder()
        let identity = try testShard()
        let path = folder.path(of: "store")
        var store: RocksDBStore? = try RocksDBStore(path: path)
        var shard: TestShard? = try TestShard(identity, store: try #require(store))
        let lsn = try shard?.record(writes: [.image(tableMain, 0, page(1))])
        #expect(shard?.ingest.positions.diskConsistentLSN == .invalid)
        try shard?.ingest.flush()
        shard = nil
        store = nil
        let again = try ShardIngest(opening: RocksDBStore(path: path), as: identity)
        #expect(again.positions.lastRecordLSN == lsn)
        #expect(again.positions.diskConsistentLSN == lsn)
        #expect(try again.reader.page(tableMain, block: 0, at: again.positions.lastRecordLSN) == page(1))
    }
}
