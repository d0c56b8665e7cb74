import Foundation
import Ingest
import IngestHarness
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Messages of 128 pages, which nobody can compress, as long as they are taken.
private struct PageLoad {
    var generator = SeededGenerator(seed: 77)
    private(set) var pages: [[UInt8]] = []
    private(set) var message: [UInt8] = []

    mutating func next() {
        let first = pages.count
        let records = (0..<128).map { index in
            pages.append(generator.bytes(8192))
            return testRecord(
                writes: [.image(tableMain, UInt32(first + index), pages[first + index])],
                at: LSN(0x2000 + UInt64(first + index) * 0x100)
            )
        }
        message = testMessage(records)
    }
}

@Suite(.serialized)
struct FullDiskTests {
    /// Gives messages to a shard on a small disk until it is full, makes space, and sees that nothing was lost.
    private func run(_ disk: SmallDisk, _ options: RocksDBStore.Options) throws {
        let identity = try testShard()
        var load = PageLoad()
        var store: RocksDBStore? = try RocksDBStore(path: "\(disk.path)/store", options: options)
        var ingest: ShardIngest? = try ShardIngest(creating: identity, in: #require(store), at: LSN(0x1000))
        try ingest?.flush()

        var durable = LSN.invalid
        var isFull = false
        for _ in 0..<90 where !isFull {
            load.next()
            do {
                try ingest?.ingest(message: load.message.span.bytes)
                try ingest?.flush()
                durable = ingest?.positions.diskConsistentLSN ?? .invalid
            } catch {
                #expect(error.reason.isNoSpace, "\(error)")
                isFull = true
            }
        }
        #expect(isFull)
        #expect(durable > LSN(0x2000))
        for _ in 0..<3 {
            let error = #expect(throws: IngestError.self) {
                try ingest?.ingest(message: load.message.span.bytes)
                try ingest?.flush()
            }
            #expect(error?.reason.isNoSpace == true)
        }
        // Reading goes on all the while.
        #expect(try ingest?.reader.page(tableMain, block: 0, at: durable) == load.pages[0])

        try disk.free()
        let deadline = ContinuousClock.now + .seconds(30)
        var isThrough = false
        while !isThrough {
            do {
                try ingest?.ingest(message: load.message.span.bytes)
                try ingest?.flush()
                isThrough = true
            } catch {
                try #require(ContinuousClock.now < deadline, "\(error)")
                usleep(50_000)
            }
        }
        let end = try #require(ingest?.positions.lastRecordLSN)
        #expect(ingest?.positions.diskConsistentLSN == end)
        // What was told to be durable is there when the store is opened again at once.
        ingest = nil
        store = nil
        let again = try ShardIngest(opening: RocksDBStore(path: "\(disk.path)/store", options: options), as: identity)
        #expect(again.positions.lastRecordLSN == end)
        for (block, page) in load.pages.enumerated() {
            #expect(try again.reader.page(tableMain, block: UInt32(block), at: end) == page)
        }
    }

    @Test("commits stop before the disk is full, and go on when there is space", .enabled(if: SmallDisk.isAvailable))
    func reserve() throws {
        let disk = try SmallDisk(megabytes: 160)
        try disk.fill(leaving: 100)
        var options = RocksDBStore.Options()
        options.writeBufferSize = 1 << 20
        options.reservedSpace = 24 << 20
        try run(disk, options)
    }

    @Test(
        "a disk that somebody else has filled stops flushes, and nothing is lost",
        .enabled(if: SmallDisk.isAvailable)
    )
    func full() throws {
        let disk = try SmallDisk(megabytes: 96)
        try disk.fill(leaving: 12)
        var options = RocksDBStore.Options()
        options.writeBufferSize = 4 << 20
        options.reservedSpace = 0
        // A merge that runs out of space ends the process where the library has assertions.
        options.mergesTables = false
        try run(disk, options)
    }
}
