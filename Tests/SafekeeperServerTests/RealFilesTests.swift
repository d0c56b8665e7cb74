import Glibc
import PostgresWAL
import SafekeeperServer
import TestFixtures
import Testing

@Suite("Real files")
struct RealFilesTests {
    @Test("WAL goes in and comes out, for every segment size", arguments: [1, 16, 64, 1024] as [UInt64])
    func roundTrip(megabytes: UInt64) throws {
        let folder = try TemporaryFolder()
        let size = try #require(WALSegmentSize(bytes: megabytes << 20))
        let files = SegmentFiles(directory: folder.path, of: PosixFileSystem(), segmentSize: size)
        // Near the end of a segment, so that the next one is reached with any size.
        let start = LSN(3 * size.bytes - 0x3_0000 + 0x28)
        var generator = try WALGenerator(
            LogicalMessageSource(payload: [UInt8](repeating: 7, count: 3_001)),
            version: .v17,
            segmentSize: size,
            startingAt: start
        )
        var wal: [UInt8] = []
        for _ in 0..<200 { wal += generator.next()?.bytes ?? [] }
        do {
            let store = try WALStore(opening: files, version: .v17, commitLSN: .invalid)
            try store.initializeFirstSegment(at: start, systemIdentifier: 1)
            try store.truncate(to: start)
            var offset = 0
            while offset < wal.count {
                let count = min(100_000, wal.count - offset)
                try store.write(wal.span.bytes.extracting(offset..<offset + count), at: start + UInt64(offset))
                offset += count
            }
            try store.flush()
            #expect(store.positions == WALPositions(allAt: generator.position))
        }
        let store = try WALStore(opening: files, version: .v17, commitLSN: start)
        #expect(store.positions.flushRecordLSN == generator.position)
        #expect(try files.list().map(\.isPartial) == [false, true])
        #expect(try read(wal.count, at: start, files) == wal)
        let cut = start + 0x100
        #expect(throws: WALStoreError.self) { try store.truncate(to: generator.position + 8) }
        try store.truncate(to: cut)
        #expect(try files.list().map(\.isPartial) == [true])
        #expect(try read(0x200, at: start, files) == Array(wal[..<0x100]) + [UInt8](repeating: 0, count: 0x100))
    }

    private func read(_ count: Int, at lsn: LSN, _ files: SegmentFiles) throws -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { buffer.deallocate() }
        var done = 0
        while done < count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count])
            done += try files.read(into: rest, at: lsn + UInt64(done))
        }
        return Array(buffer)
    }

    @Test func errorsSayWhatAndWhere() throws {
        let folder = try TemporaryFolder()
        let system = PosixFileSystem()
        let path = folder.path(of: "nothing")
        let missing = StorageError(operation: .open, path: path, code: ENOENT)
        #expect(throws: missing) { try system.open(path, .read) }
        #expect(missing.isNotFound && !missing.isOutOfSpace)
        #expect(missing.description == "can't open \(path): No such file or directory")
        #expect(try system.openIfPresent(path, .readWrite) == nil)
        #expect(throws: StorageError(operation: .unlink, path: path, code: ENOENT)) { try system.unlink(path) }
        #expect(throws: StorageError(operation: .rename, path: path, code: ENOENT)) {
            try system.rename(path, to: path + "2")
        }
        #expect(throws: StorageError(operation: .list, path: path, code: ENOENT)) { try system.list(path) }
        #expect(throws: StorageError(operation: .synchronizeDirectory, path: path, code: ENOENT)) {
            try system.synchronizeDirectory(path)
        }
        let file = try system.open(path, .create)
        defer { system.close(file) }
        try system.preallocate(file, length: 5_000)
        #expect(try system.length(of: file) == 5_000)
        let full = StorageError(operation: .write, path: "/dev/full", code: ENOSPC)
        #expect(full.isOutOfSpace)
        #expect(throws: full) {
            try system.with("/dev/full", .readWrite) { (device) throws(StorageError) in
                try system.write([UInt8](repeating: 0, count: 10).span.bytes, to: device, at: 0)
            }
        }
    }
}
