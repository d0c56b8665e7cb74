import PostgresWAL
import TestFixtures
import Testing
import WALFiles

@Suite("WAL directory")
struct WALDirectoryTests {
    @Test("What the files say", arguments: GoldenWAL.stock)
    func golden(name: String) throws {
        let golden = try GoldenWAL.load(name)
        let directory = try WALDirectory(path: golden.path)
        #expect(directory.version == golden.version)
        #expect(directory.segmentSize == .standard)
        #expect(directory.timelineID == 1)
        #expect(directory.segments.map(\.segmentNumber) == [1, 2, 3])
        #expect(directory.start == LSN(0x100_0000))
        #expect(directory.end == LSN(0x400_0000))
        #expect(directory.systemIdentifier != 0)
        #expect(directory.segment(holding: LSN(0x2FF_FFFF))?.segmentNumber == 2)
        #expect(directory.segment(holding: LSN(0x400_0000)) == nil)
    }

    @Test("A page header from the end of the LSN range with an endless record on it is no crash")
    func endlessContinuation() throws {
        let folder = try TemporaryFolder()
        let start = LSN(0xFFFF_FFFF_FE00_0000)
        let header = WALPageHeader(
            magic: PostgresMajorVersion.v16.pageMagic,
            flags: WALPageHeader.Flag.firstIsContinuation | WALPageHeader.Flag.longHeader,
            timelineID: 1,
            pageAddress: start,
            remainingLength: .max,
            long: .init(systemIdentifier: 1, segmentSize: 16 << 20)
        )
        var bytes: [UInt8] = []
        header.append(to: &bytes)
        bytes += [UInt8](repeating: 0, count: 16384 - bytes.count)
        try folder.write(bytes[...], to: "00000001FFFFFFFF000000FE")
        let directory = try WALDirectory(path: folder.path)
        #expect(throws: WALFileError.self) { try directory.firstRecordStart(onPageOf: start) }
        #expect(throws: (any Error).self) { try WALWalk(directory: directory).run { _, _ in } }
    }

    @Test("The last segment there can be ends at the last LSN")
    func lastSegment() throws {
        let folder = try TemporaryFolder()
        let start = LSN(0xFFFF_FFFF_FF00_0000)
        let header = WALPageHeader(
            magic: PostgresMajorVersion.v16.pageMagic,
            flags: WALPageHeader.Flag.longHeader,
            timelineID: 1,
            pageAddress: start,
            remainingLength: 0,
            long: .init(systemIdentifier: 1, segmentSize: 16 << 20)
        )
        var bytes: [UInt8] = []
        header.append(to: &bytes)
        try folder.write(bytes[...], to: "00000001FFFFFFFF000000FF")
        let directory = try WALDirectory(path: folder.path)
        #expect(directory.end == LSN(.max))
        // Nothing can be decoded so near to the end, and that is said.
        #expect(throws: WALDecodeError.self) { try WALWalk(directory: directory).run { _, _ in } }
    }

    /// A folder of one generated segment for each number, with one long record over all of them.
    private func folder(segmentSize: WALSegmentSize, numbers: ClosedRange<UInt64>) throws -> TemporaryFolder {
        struct One: WALRecordSource {
            mutating func next() -> WALRecordContents? { nil }
        }
        let folder = try TemporaryFolder()
        let size = Int(segmentSize.bytes)
        let start = LSN(numbers.lowerBound * segmentSize.bytes)
        var generator = try WALGenerator(
            One(),
            version: .v16,
            segmentSize: segmentSize,
            systemIdentifier: 42,
            startingAt: start
        )
        let payload = [UInt8](repeating: 3, count: (numbers.count - 1) * size + size / 2)
        var bytes = generator.append(
            WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: payload)
        ).bytes
        bytes += generator.append(.segmentSwitch).bytes
        for (index, number) in numbers.enumerated() {
            let name = WALFileName(timelineID: 3, segmentNumber: number, segmentSize: segmentSize)
            try folder.write(bytes[index * size..<(index + 1) * size], to: name?.description ?? "")
        }
        return folder
    }

    @Test("Any segment size is read from the files", arguments: [1, 2, 16, 64] as [UInt64])
    func segmentSizes(megabytes: UInt64) throws {
        let size = try #require(WALSegmentSize(bytes: megabytes << 20))
        // Numbers on both sides of 4 GiB.
        let boundary = (1 << 32) / size.bytes
        let folder = try folder(segmentSize: size, numbers: boundary - 1...boundary)
        let directory = try WALDirectory(path: folder.path)
        #expect(directory.segmentSize == size)
        #expect(directory.timelineID == 3)
        #expect(directory.systemIdentifier == 42)
        #expect(directory.segments.map(\.segmentNumber) == [boundary - 1, boundary])
        var lengths: [Int] = []
        let ending = try WALWalk(directory: directory).run { record, _ in lengths.append(record.bytes.byteCount) }
        #expect(lengths == [Int(size.bytes) + Int(size.bytes) / 2 + 29, 24])
        #expect(ending == .endOfFile(directory.end))
    }

    @Test("The first record on or behind a page")
    func firstRecordStarts() throws {
        let golden = try GoldenWAL.load("pg16")
        let directory = try WALDirectory(path: golden.path)
        var starts: [LSN] = []
        _ = try WALWalk(directory: directory).run { record, _ in starts.append(record.start) }
        var index = 0
        for page in stride(from: UInt64(0x100_0000), to: 0x220_0000, by: 8192) {
            while starts[index] < LSN(page) { index += 1 }
            // A page's start stands for the first place behind its header.
            let found = try directory.firstRecordStart(onPageOf: LSN(page + 5))
            let isSame = found == starts[index] || found.pageOffset == 0 && starts[index].pageStart == found
            #expect(isSame, "page \(LSN(page)): \(found), expected \(starts[index])")
        }
        #expect(throws: WALFileError.noRecord(path: golden.path, lsn: LSN(0x300_4000))) {
            try directory.firstRecordStart(onPageOf: LSN(0x300_4000))
        }
    }

    @Test("What a walk's body throws ends it")
    func bodyThrows() throws {
        struct Stop: Error {}
        let golden = try GoldenWAL.load("pg16")
        var count = 0
        let walk = WALWalk(directory: try WALDirectory(path: golden.path), start: golden.start)
        #expect(throws: Stop.self) {
            _ = try walk.run { _, _ in
                count += 1
                if count == 10 { throw Stop() }
            }
        }
        #expect(count == 10)
    }

    @Test("Other files are passed over")
    func otherFiles() throws {
        let golden = try GoldenWAL.load("pg17")
        let folder = try TemporaryFolder()
        let name = "000000010000000000000002"
        try folder.write(try fileBytes(golden.path + "/" + name), to: name)
        for other in ["00000002.history", "000000010000000000000001.00000028.backup", "archive_status", "xlogtemp.12"] {
            try folder.write([], to: other)
        }
        let directory = try WALDirectory(path: folder.path)
        #expect(directory.segments.map(\.description) == [name])
    }
}
