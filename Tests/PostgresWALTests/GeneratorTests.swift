import PostgresWAL
import TestFixtures
import Testing

@Suite("WAL generator")
struct GeneratorTests {
    @Test(
        "Payloads of any size come back",
        arguments: [0, 1, 2, 7, 8, 205, 206, 207, 1000, 8000, 8091, 8092, 8093, 8094, 8192, 65_536, 300_000, 8 << 20]
    )
    func payloads(size: Int) throws {
        var random = SeededGenerator(seed: UInt64(size))
        let payload = random.bytes(size)
        for start in ["0/2000000", "0/2001FF8", "0/2002018"] {
            let source = LogicalMessageSource(prefix: "p", payload: payload)
            var generator = try WALGenerator(source, version: .v15, startingAt: #require(LSN(start)))
            var wal: [UInt8] = []
            for _ in 0..<3 { wal += generator.next()?.bytes ?? [] }
            let decoded = DecodedStream(wal, version: .v15, startingAt: try #require(LSN(start)))
            #expect(decoded.error == nil)
            #expect(decoded.records.count == 3)
            for record in decoded.records {
                #expect(decoded.bytes(of: record).suffix(size) == payload[...])
            }
            #expect(decoded.nextRecordStart == generator.position)
        }
    }

    @Test func recordsAreLinked() throws {
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v17,
            startingAt: LSN(0x300_0000),
            previous: LSN(0x2FF_FF00)
        )
        var previous = LSN(0x2FF_FF00)
        for _ in 0..<500 {
            guard let element = generator.next() else { break }
            let header = element.bytes.count - Int(element.next.rawValue - element.start.rawValue)
            let record = Array(element.bytes[header...])
            #expect(LSN(record.span.bytes.littleEndian(at: 8)) == previous)
            previous = element.start
        }
        #expect(generator.previous == previous)
    }

    @Test func aFiniteSourceEnds() throws {
        struct Three: WALRecordSource {
            var left = 3
            mutating func next() -> WALRecordContents? {
                left -= 1
                return left < 0 ? nil : .ofLength(40)
            }
        }
        let generator = try WALGenerator(Three(), version: .v14, startingAt: LSN(0x200_0000))
        #expect(Array(generator).map(\.next.description) == ["0/2000050", "0/2000078", "0/20000A0"])
    }

    @Test("Any flipped byte of a record is refused", arguments: [UInt64(1), 2])
    func flippedBytes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let wal = try CraftedWAL(
            startingAt: LSN(0x200_0000),
            (0..<60).map { _ in .ofLength(Int.random(in: 26...700, using: &random)) } + [.ofLength(20_000)]
        )
        let whole = wal.decoded()
        #expect(whole.records.count == 61)
        for (index, record) in whole.records.enumerated() {
            // Every byte of the header, some of the rest: all that isn't padding or a page header.
            let length = Int(record.end.rawValue - record.start.rawValue)
            let offsets = Array(0..<24) + (0..<20).map { _ in Int.random(in: 24..<length, using: &random) }
            for offset in offsets where !isInPageHeader(record.start + UInt64(offset)) {
                var damaged = wal
                damaged.bytes[damaged.offset(of: record.start) + offset] ^= UInt8.random(in: 1...255, using: &random)
                let decoded = damaged.decoded()
                #expect(decoded.records.count <= index, "byte \(offset) of record \(index)")
                if decoded.error == nil {
                    // A greater length makes the decoder wait for more; it hands nothing out.
                    #expect(offset < 4)
                    #expect(decoded.nextRecordStart == record.start)
                }
            }
        }
    }

    private func isInPageHeader(_ lsn: LSN) -> Bool {
        lsn.pageOffset < WALPage.shortHeaderSize || lsn.rawValue < 0x200_0028
    }

    @Test("PostgreSQL reads three generated segments to the end", arguments: [16, 1] as [UInt64])
    func waldumpReadsSegments(megabytes: UInt64) throws {
        let size = try #require(WALSegmentSize(bytes: megabytes << 20))
        let start = LSN(size.bytes * 5)
        let end = start + 3 * size.bytes
        let folder = try TemporaryFolder()
        var generator = try WALGenerator(
            LogicalMessageSource(payload: Array("a message of some bytes".utf8)),
            version: .v15,
            segmentSize: size,
            systemIdentifier: 7,
            startingAt: start
        )
        var bytes: [UInt8] = []
        var count = 0
        // The last record that fits ends the third segment but for a switch.
        while generator.position + 256 < end {
            bytes += generator.next()?.bytes ?? []
            count += 1
        }
        bytes += generator.append(.segmentSwitch).bytes
        count += 1
        #expect(generator.position == end)
        try write(bytes, from: start, segmentSize: size, to: folder)

        let dump = try Waldump.run(
            .v15,
            ["-p", folder.path, "-s", start.description, "-e", end.description, "--stats"]
        )
        #expect(dump.status == 0, "\(dump.errors)")
        #expect(dump.errors.isEmpty || dump.errors.contains("first record is after"), "\(dump.errors)")
        let total = try #require(dump.text.split(separator: "\n").last { $0.hasPrefix("Total") })
        #expect(total.split(separator: " ")[1] == "\(count)")

        let decoded = DecodedStream(bytes, version: .v15, segmentSize: size, startingAt: start)
        #expect(decoded.error == nil)
        #expect(decoded.records.count == count)
        #expect(decoded.nextRecordStart == end)
    }

    @Test("PostgreSQL reads messages of every size", arguments: Waldump.versions)
    func waldumpReadsPayloads(version: PostgresMajorVersion) throws {
        let size = WALSegmentSize.standard
        let start = LSN(size.bytes)
        let folder = try TemporaryFolder()
        var generator = try WALGenerator(NoRecords(), version: version, systemIdentifier: 7, startingAt: start)
        var bytes: [UInt8] = []
        var expected: [CraftedWAL.Element] = []
        for payload in [0, 1, 206, 207, 8000, 8090, 8091, 8092, 8192, 300_000, 8 << 20] {
            let source = LogicalMessageSource(payload: [UInt8](repeating: 0x61, count: payload))
            let element = generator.append(try #require(source.next()))
            bytes += element.bytes
            expected.append(.init(start: element.start, end: element.end, next: element.next))
        }
        let end = generator.position
        bytes += generator.append(.segmentSwitch).bytes
        try write(bytes, from: start, segmentSize: size, to: folder)
        let dump = try Waldump.run(
            version,
            ["-p", folder.path, "-s", start.description, "-e", end.description]
        )
        #expect(dump.status == 0, "\(dump.errors)")
        let lines = WaldumpLine.parse(dump.output)
        #expect(lines.map(\.start) == expected.map(\.start))
        #expect(lines.allSatisfy { $0.operation == "MESSAGE" })
    }

    private func write(
        _ bytes: [UInt8],
        from start: LSN,
        segmentSize: WALSegmentSize,
        to folder: TemporaryFolder
    ) throws {
        for offset in stride(from: 0, to: bytes.count, by: Int(segmentSize.bytes)) {
            let number = segmentSize.segmentNumber(of: start + UInt64(offset))
            let name = try #require(WALFileName(timelineID: 1, segmentNumber: number, segmentSize: segmentSize))
            var segment = Array(bytes[offset..<min(offset + Int(segmentSize.bytes), bytes.count)])
            segment += [UInt8](repeating: 0, count: Int(segmentSize.bytes) - segment.count)
            try folder.write(segment, to: name.description)
        }
    }
}
