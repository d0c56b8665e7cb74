import Foundation
import Ingest
import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// A small file system in memory, mounted for one test; only root can do that.
private final class SmallDisk {
    let path: String

    static let isAvailable: Bool = {
        guard let folder = try? TemporaryFolder(), mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0 else {
            return false
        }
        umount2(folder.path, Int32(MNT_DETACH))
        return true
    }()

    private let folder: TemporaryFolder

    init(megabytes: Int) throws {
        folder = try TemporaryFolder()
        path = folder.path
        try #require(mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0)
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    /// Fills the disk but for some megabytes.
    func fill(leaving megabytes: Int) throws {
        var status = statvfs()
        statvfs(path, &status)
        let size = Int(status.f_bavail) * Int(status.f_frsize) - megabytes << 20
        try Data(count: max(0, size)).write(to: URL(fileURLWithPath: "\(path)/filler"))
    }

    func free() throws {
        try FileManager.default.removeItem(atPath: "\(path)/filler")
    }
}

struct FullDiskTests {
    @Test("a full disk stops ingest, and space lets it go on with nothing lost", .enabled(if: SmallDisk.isAvailable))
    func fullDisk() throws {
        let disk = try SmallDisk(megabytes: 96)
        var options = RocksDBStore.Options()
        options.writeBufferSize = 4 << 20
        let identity = try testShard()
        var generator = SeededGenerator(seed: 77)
        var store: RocksDBStore? = try RocksDBStore(path: "\(disk.path)/store", options: options)
        var ingest: ShardIngest? = try ShardIngest(creating: identity, in: #require(store), at: LSN(0x1000))
        try ingest?.flush()
        try disk.fill(leaving: 12)

        // Messages of 1 MiB until nothing goes any more.
        var pages: [[UInt8]] = []
        func ingestNext() throws {
            let first = pages.count
            let records = (0..<128).map { index in
                pages.append(generator.bytes(8192))
                let block = UInt32(first + index)
                return testRecord(
                    writes: [.image(tableMain, block, pages[first + index])],
                    at: LSN(0x2000 + UInt64(first + index) * 0x100)
                )
            }
            pending = testMessage(records)
        }
        var pending: [UInt8] = []
        var durable = LSN.invalid
        var isFull = false
        for _ in 0..<40 where !isFull {
            try ingestNext()
            do {
                try ingest?.ingest(message: pending.span.bytes)
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
            #expect(throws: IngestError.self) { try ingest?.flush() }
            #expect(ingest?.positions.diskConsistentLSN == durable)
        }
        // Reading goes on all the while.
        #expect(try ingest?.reader.page(tableMain, block: 0, at: durable) == pages[0])

        try disk.free()
        let deadline = ContinuousClock.now + .seconds(30)
        var isThrough = false
        while !isThrough {
            do {
                try ingest?.ingest(message: pending.span.bytes)
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
        let again = try ShardIngest(opening: RocksDBStore(path: "\(disk.path)/store"), as: identity)
        #expect(again.positions.lastRecordLSN == end)
        for (block, page) in pages.enumerated() {
            #expect(try again.reader.page(tableMain, block: UInt32(block), at: end) == page)
        }
    }
}
