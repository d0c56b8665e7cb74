import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Both stores against a plain model.
struct StoreTests {
    private struct Model {
        var versions: [Key: [LSN: [UInt8]]] = [:]
        var state: [UInt8]?

        func visible(_ key: Key, at lsn: LSN) -> [(LSN, [UInt8])] {
            (versions[key] ?? [:]).filter { $0.key <= lsn }.sorted { $0.key > $1.key }.map { ($0.key, $0.value) }
        }
    }

    private static func keys() -> [Key] {
        var keys = (UInt32(0)..<5).map { Key.relationBlock(tableMain, block: $0) }
        keys += [.relationSize(tableMain), .databaseDirectory, .checkpoint, .auxFile(path: "a"), .auxFile(path: "b")]
        keys += [.replicationOrigin(1), .slruBlock(.clog, segment: 0, block: 0), .twoPhaseFile(xid: 5)]
        keys.append(.relationBlock(tableMain, block: 0xFFFF_FFFE))
        return keys
    }

    @Test("versions come back as they were written, in memory and on disk", arguments: [UInt64(1), 2, 3, 4])
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        var options = RocksDBStore.Options()
        options.writeBufferSize = 64 << 10
        options.maximumWriteSize = seed % 2 == 0 ? 200 : 32 << 20
        var disk = try RocksDBStore(path: folder.path(of: "store"), options: options)
        let memory = InMemoryStore()
        var model = Model()
        #expect(try disk.readState() == nil)
        #expect(try disk.flush() == nil)

        let keys = Self.keys()
        for round in 0..<300 {
            var batch = StoreBatch()
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                let key = keys[Int.random(in: 0..<keys.count, using: &generator)]
                let lsn = LSN(UInt64.random(in: 1...40, using: &generator))
                let bytes = generator.bytes(upTo: generator.chance(1, in: 20) ? 9000 : 30)
                batch.append(encoded: bytes, key: try #require(CompactKey(key)), lsn: lsn)
                model.versions[key, default: [:]][lsn] = bytes
            }
            let state = generator.bytes(10)
            memory.commit(batch, state: state)
            try disk.commit(batch, state: state)
            model.state = state
            if generator.chance(1, in: 20) {
                #expect(try disk.flush() == state, "seed \(seed)")
                #expect(memory.flush() == state)
            }
            if generator.chance(1, in: 60) {
                // An orderly end keeps everything.
                disk = try reopen(consume disk, folder.path(of: "store"), options)
            }
            if round % 10 == 0 {
                try compare(memory, model, &generator, seed)
                try compare(disk, model, &generator, seed)
            }
        }
        #expect(try dump(memory) == dump(disk), "seed \(seed)")
    }

    @Test("open tables take no more memory the more there is in them")
    func tableMemory() throws {
        let folder = try TemporaryFolder()
        var store = try RocksDBStore(path: folder.path(of: "store"))
        var generator = SeededGenerator(seed: 1)
        // Bytes that don't compress, in a block each: more than 100 kB of indexes, if they were in memory as a whole.
        for round in 0..<64 as Range<UInt32> {
            var batch = StoreBatch()
            for block in 0..<64 as Range<UInt32> {
                let key = try #require(CompactKey(.relationBlock(tableMain, block: round * 64 + block)))
                batch.append(encoded: generator.bytes(8192), key: key, lsn: LSN(UInt64(round) + 1))
            }
            try store.commit(batch, state: [1])
        }
        store = try reopen(consume store, folder.path(of: "store"), RocksDBStore.Options())
        var found = 0
        try store.visitNewest(in: .min..<Key.max, atOrBelow: LSN(.max)) { _, _, _ in
            found += 1
            return true
        }
        #expect(found == 64 * 64)
        #expect(store.tableMemory < 32 << 10, "\(store.tableMemory) bytes")
    }

    private func reopen(_ store: consuming RocksDBStore, _ path: String, _ options: RocksDBStore.Options) throws
        -> RocksDBStore
    {
        _ = try store.flush()
        _ = consume store
        return try RocksDBStore(path: path, options: options)
    }

    private func compare(
        _ store: any VersionedStore,
        _ model: Model,
        _ generator: inout SeededGenerator,
        _ seed: UInt64
    ) throws {
        #expect(try store.readState() == model.state, "seed \(seed)")
        let lsn = LSN(UInt64.random(in: 0...45, using: &generator))
        for key in Self.keys() {
            let expected = model.visible(key, at: lsn)
            let limit = Int.random(in: 1...50, using: &generator)
            var found: [(LSN, [UInt8])] = []
            try store.visitVersions(of: key, atOrBelow: lsn) { lsn, bytes in
                found.append((lsn, (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }))
                return found.count < limit
            }
            #expect(found.map(\.0) == expected.prefix(limit).map(\.0), "seed \(seed): \(key)")
            #expect(found.map(\.1) == expected.prefix(limit).map(\.1), "seed \(seed): \(key)")
            #expect(try store.newest(key, atOrBelow: lsn)?.bytes == expected.first?.1, "seed \(seed): \(key)")
        }
        let bounds = (0..<2).map { _ in Self.keys()[Int.random(in: 0..<Self.keys().count, using: &generator)] }.sorted()
        for range in [bounds[0]..<bounds[1], Key.min..<Key.max, Key.auxFileRange] {
            let expected = model.versions.keys.filter(range.contains).sorted().filter {
                !model.visible($0, at: lsn).isEmpty
            }
            var found: [Key] = []
            try store.visitNewest(in: range, atOrBelow: lsn) { key, version, _ in
                #expect(version == model.visible(key, at: lsn).first?.0, "seed \(seed)")
                found.append(key)
                return true
            }
            #expect(found == expected, "seed \(seed)")
        }
    }

    @Test("a store is open once")
    func openTwice() throws {
        let folder = try TemporaryFolder()
        let store = try RocksDBStore(path: folder.path(of: "store"))
        #expect(throws: StoreError.self) { try RocksDBStore(path: folder.path(of: "store")) }
        #expect(throws: StoreError.self) { try RocksDBStore(path: folder.path(of: "no/store")) }
        _ = try store.flush()
    }
}
