import PostgresWAL
import TestFixtures
import Testing
import WALFiles

@Suite("WAL file reader")
struct WALFileReaderTests {
    /// Reads up to `end`; gives the bytes and each chunk's start and length.
    private func read(
        _ directory: WALDirectory,
        from start: LSN,
        to end: LSN,
        chunkSize: Int = WALFileReader.standardChunkSize
    ) throws -> (bytes: [UInt8], chunks: [(start: LSN, count: Int)]) {
        var reader = WALFileReader(directory: directory, startingAt: start, chunkSize: chunkSize)
        var bytes: [UInt8] = []
        var chunks: [(start: LSN, count: Int)] = []
        while true {
            let position = reader.position
            guard let chunk = try reader.next(before: end) else { break }
            chunks.append((position, chunk.byteCount))
            chunk.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return (bytes, chunks)
    }

    @Test("Chunks are cut at page multiples and at segments' ends", arguments: [8192, 131_072, 1 << 20])
    func chunks(size: Int) throws {
        let golden = try GoldenWAL.load("pg15")
        let directory = try WALDirectory(path: golden.path)
        let (bytes, chunks) = try read(directory, from: golden.start, to: golden.end, chunkSize: size)
        #expect(bytes == (try golden.bytes()))
        let boundary = LSN(0x200_0000)
        var isCutAtSegment = false
        for (index, chunk) in chunks.enumerated() {
            let end = chunk.start + UInt64(chunk.count)
            #expect(chunk.count <= size)
            #expect(end.pageOffset == 0 || index == chunks.count - 1)
            #expect(!(chunk.start < boundary && end > boundary))
            isCutAtSegment = isCutAtSegment || end == boundary
        }
        #expect(isCutAtSegment)
        #expect(chunks.first?.count == size - golden.start.pageOffset)
    }

    @Test func nothingAtTheEnd() throws {
        let golden = try GoldenWAL.load("pg15")
        let directory = try WALDirectory(path: golden.path)
        #expect(try read(directory, from: golden.start, to: golden.start).bytes.isEmpty)
        #expect(try read(directory, from: golden.end, to: golden.start).bytes.isEmpty)
        #expect(try read(directory, from: golden.start, to: golden.start + 3).bytes.count == 3)
    }

    @Test func aFileThatEndsEarly() throws {
        let golden = try GoldenWAL.load("pg15")
        let folder = try TemporaryFolder()
        let name = "000000010000000000000002"
        try folder.write(try fileBytes(golden.path + "/" + name).prefix(100_001), to: name)
        let directory = try WALDirectory(path: folder.path)
        let (bytes, _) = try read(directory, from: directory.start, to: directory.end)
        #expect(bytes.count == 100_001)
    }

    @Test func aMissingSegment() throws {
        let golden = try GoldenWAL.load("pg15")
        let directory = try WALDirectory(path: golden.path)
        let name = "000000010000000000000004"
        #expect(throws: WALFileError.missingSegment(lsn: LSN(0x400_0000), timelineID: 1, name: name)) {
            try read(directory, from: LSN(0x400_0000), to: LSN(0x400_0001))
        }
    }
}
