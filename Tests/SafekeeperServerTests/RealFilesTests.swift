import Glibc
import NIOCore
import PostgresWAL
import SafekeeperServer
import StorageSimulation
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
                if offset.isMultiple(of: 200_000) {
                    try store.write(wal.span.bytes.extracting(offset..<offset + count), at: start + UInt64(offset))
                } else {
                    let pieces = stride(from: offset, to: offset + count, by: 777).map {
                        ByteBuffer(bytes: wal[$0..<min($0 + 777, offset + count)])
                    }
                    try store.write(pieces, at: start + UInt64(offset))
                }
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

@Suite("Writing ahead of synchronization")
struct WritebackTests {
    private let start = LSN(0x400_0028)

    /// Writes so many bytes or a record more in pieces of some length, and flushes after the first `flushed` of them; the
    /// disk then knows what it was asked for.
    private func disk(
        bytes: Int,
        pieces: Int = 100_000,
        flushed: Int = 0,
        noSync: Bool = false,
        allocation: SegmentAllocation = .sparse,
        in folder: TemporaryFolder
    ) throws -> InterceptedFileSystem {
        let disk = InterceptedFileSystem(PosixFileSystem())
        let files = SegmentFiles(
            directory: folder.path,
            of: disk,
            segmentSize: .standard,
            allocation: allocation,
            noSync: noSync
        )
        var generator = try WALGenerator(
            LogicalMessageSource(payload: [UInt8](repeating: 7, count: 3_001)),
            version: .v17,
            startingAt: start
        )
        var wal: [UInt8] = []
        while wal.count < bytes { wal += generator.next()?.bytes ?? [] }
        let store = try WALStore(opening: files, version: .v17, commitLSN: .invalid)
        try store.initializeFirstSegment(at: start, systemIdentifier: 1)
        try store.truncate(to: start)
        for offset in stride(from: 0, to: wal.count, by: pieces) {
            let end = min(offset + pieces, wal.count)
            try store.write(wal.span.bytes.extracting(offset..<end), at: start + UInt64(offset))
            if end == flushed { try store.flush() }
        }
        return disk
    }

    private func writebacks(bytes: Int, flushed: Int = 0, noSync: Bool = false) throws -> [Range<UInt64>] {
        try disk(bytes: bytes, flushed: flushed, noSync: noSync, in: TemporaryFolder()).startedWritebacks
    }

    @Test func theDiskIsGivenAMegabyteAtATimeAndEachPageOnce() throws {
        let writebacks = try writebacks(bytes: 20 << 20)
        let second = try #require(writebacks.dropFirst().firstIndex { $0.lowerBound == 0 })
        for ranges in [writebacks[..<second], writebacks[second...]] {
            var position: UInt64 = 0
            for range in ranges {
                #expect(range.lowerBound == position && range.upperBound % UInt64(WALPage.size) == 0)
                #expect((1 << 20..<(1 << 20) + 200_000).contains(range.count))
                position = range.upperBound
            }
            // The rest of a segment is left to its synchronization, of the last one to the next megabyte.
            #expect((2 << 20..<4 << 20).contains(position) || (14 << 20..<16 << 20).contains(position))
        }
    }

    @Test func whatIsDurableIsNotWrittenAgain() throws {
        let writebacks = try writebacks(bytes: 3 << 20, flushed: 900_000)
        let first = try #require(writebacks.first)
        #expect(first.lowerBound == (start + 900_000).pageStart.rawValue & 0xFF_FFFF)
    }

    @Test func littleWALWaitsForItsFlush() throws {
        #expect(try writebacks(bytes: 1_000_000).isEmpty)
    }

    @Test func withoutSynchronizationThereIsNoHurry() throws {
        #expect(try writebacks(bytes: 20 << 20, noSync: true).isEmpty)
    }

    @Test func bulkWALGetsItsSpaceFourMegabytesAheadAndOnce() throws {
        let step: UInt64 = 4 << 20
        let folder = try TemporaryFolder()
        let disk = try disk(bytes: 15 << 20, pieces: 200_000, in: folder)
        let first = try #require(disk.reservedRanges.first)
        #expect(disk.reservedRanges.dropFirst().map(\.lowerBound) == [step, 2 * step, 3 * step])
        #expect(disk.reservedRanges.map(\.upperBound) == [step, 2 * step, 3 * step, 4 * step])
        #expect(first.lowerBound == start.rawValue & 0xFF_FFFF)
        // The file's length is a segment's, as before, and no more is taken than that.
        #expect(try folder.space() == [SpaceOnDisk(length: 16 << 20, megabytes: 16)])
    }

    @Test func littleWALTakesItsSpaceAsItIsWritten() throws {
        let folder = try TemporaryFolder()
        #expect(try disk(bytes: 2_000_000, in: folder).reservedRanges.isEmpty)
        #expect(try folder.space() == [SpaceOnDisk(length: 16 << 20, megabytes: 2)])
    }

    @Test func preallocatedSegmentsNeedNoMore() throws {
        let folder = try TemporaryFolder()
        let disk = try disk(bytes: 2_000_000, pieces: 200_000, allocation: .preallocated, in: folder)
        #expect(disk.reservedRanges.isEmpty)
    }

    @Test func whereNoSpaceCanBeTakenAheadWritesTellIt() throws {
        let system = PosixFileSystem()
        try system.with("/dev/full", .readWrite) { (device) throws(StorageError) in
            system.reserve(device, from: 0, to: 4 << 20)
            #expect(throws: StorageError(operation: .write, path: "/dev/full", code: ENOSPC)) {
                try system.write([UInt8](repeating: 0, count: 10).span.bytes, to: device, at: 0)
            }
        }
    }
}

extension TemporaryFolder {
    /// What its files take.
    fileprivate func space() throws -> [SpaceOnDisk] {
        let disk = PosixFileSystem()
        return try disk.list(path).map { name in
            try disk.with(path(of: name), .read) { (file) throws(StorageError) in
                // What is not written yet has no place yet.
                try disk.synchronize(file)
                return SpaceOnDisk(of: file)
            }
        }
    }
}
