import PostgresWAL
import TestFixtures
import Testing

@Suite("Stream decoder: starts, errors, limits")
struct DecoderStateTests {
    @Test(
        "Starts",
        arguments: [
            "0/2000000", "0/2000028", "0/2000030", "0/2001FF8", "0/2002000", "0/2002018", "0/0", "0/28",
            "FFFFFFFF/0",
        ]
    )
    func goodStart(text: String) throws {
        let start = try #require(LSN(text))
        let decoder = try WALStreamDecoder(version: .v16, startingAt: start)
        #expect(decoder.position == start)
        #expect(decoder.nextRecordStart == start)
    }

    @Test(
        "No record can start there",
        arguments: [
            // Inside a long header, inside a short header, not aligned, beyond what sums allow.
            "0/2000008", "0/2000018", "0/2000020", "0/2002008", "0/2002010", "0/2000029", "0/200002C", "0/1",
            "FFFFFFFF/FFFFFFFF", "FFFFFFFF/FFFFE000",
        ]
    )
    func badStart(text: String) throws {
        let start = try #require(LSN(text))
        let expected = WALDecodeError(lsn: start, reason: .startPosition)
        #expect(throws: expected) { _ = try WALStreamDecoder(version: .v16, startingAt: start) }
        #expect(throws: expected) { _ = try WALGenerator(NoRecords(), version: .v16, startingAt: start) }
        var decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x200_0028))
        let error = resetError(&decoder, to: start)
        #expect(error == expected)
        #expect(decoder.position == LSN(0x200_0028))
    }

    @Test("After a bad CRC the next record to hand out is the bad one")
    func nextRecordStartAfterAFailure() throws {
        var generator = try WALGenerator(LogicalMessageSource(), version: .v16, startingAt: LSN(0x200_0028))
        var bytes = generator.append(WALRecordContents(resourceManager: .heap, info: 0, mainData: [1, 2, 3])).bytes
        let start = generator.previous
        bytes[bytes.count - 8] ^= 1
        var decoder = try WALStreamDecoder(version: .v16, startingAt: start)
        var input = bytes.span.bytes
        var failure: WALDecodeError?
        do {
            while try decoder.next(&input) != nil {}
        } catch {
            failure = error
        }
        #expect(failure?.recordStart == start)
        #expect(decoder.nextRecordStart == start)
    }

    private func resetError(_ decoder: inout WALStreamDecoder, to start: LSN) -> WALDecodeError? {
        do {
            try decoder.reset(to: start)
            return nil
        } catch {
            return error
        }
    }

    @Test func longHeadersDependOnTheSegmentSize() throws {
        let size = try #require(WALSegmentSize(bytes: 1 << 20))
        let start = LSN(0x210_0018)
        #expect(throws: WALDecodeError.self) {
            _ = try WALStreamDecoder(version: .v16, segmentSize: size, startingAt: start)
        }
        let decoder = try WALStreamDecoder(version: .v16, startingAt: start)
        #expect(decoder.position == start)
    }

    @Test func anErrorIsRepeatedUntilReset() throws {
        var wal = try CraftedWAL(startingAt: LSN(0x200_0028), [.ofLength(96), .ofLength(96)])
        let good = wal.bytes
        wal.bytes[50] ^= 1
        var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start)
        let first = error(of: &decoder, feeding: wal.bytes)
        #expect(first?.lsn == LSN(0x200_0088))
        for bytes in [good, [], wal.bytes] {
            #expect(error(of: &decoder, feeding: bytes) == first)
        }
        try decoder.reset(to: LSN(0x200_0088))
        let record = try decoder.firstRecord(of: Array(good[96...]))
        #expect(record == Array(good[96..<192]))
    }

    private func error(of decoder: inout WALStreamDecoder, feeding bytes: [UInt8]) -> WALDecodeError? {
        do {
            _ = try decoder.firstRecord(of: bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test("A reset in the middle of anything begins anew", arguments: [0, 3, 20, 24, 30, 100, 5000, 8190, 9000])
    func reset(after count: Int) throws {
        let wal = try CraftedWAL(startingAt: LSN(0x200_2000), [.ofLength(12_000), .ofLength(50)])
        let expected = wal.decoded()
        var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start)
        let none = try decoder.firstRecord(of: Array(wal.bytes.prefix(count)))
        #expect(none == nil)
        try decoder.reset(to: wal.start)
        #expect(decoder.position == wal.start)
        #expect(decoder.nextRecordStart == wal.start)
        let record = try decoder.firstRecord(of: wal.bytes)
        #expect(record == expected.bytes(of: expected.records[0]))
    }

    @Test("The limit holds however the stream is cut", arguments: [1, 100, 8192, Int.max])
    func recordsUpToTheLimitAreTaken(size: Int) throws {
        let wal = try CraftedWAL(startingAt: LSN(0x200_0028), [.ofLength(10_000), .ofLength(10_001)])
        var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start, maximumRecordLength: 10_000)
        var lengths: [Int] = []
        var found: WALDecodeError?
        do {
            for offset in stride(from: 0, to: wal.bytes.count, by: min(size, wal.bytes.count)) {
                var input = wal.bytes.span.bytes.extracting(droppingFirst: offset)
                input = input.extracting(first: min(size, input.byteCount))
                while let record = try decoder.next(&input) { lengths.append(record.bytes.byteCount) }
            }
        } catch {
            found = error
        }
        #expect(lengths == [10_000])
        #expect(found?.reason == .recordTooLong(length: 10_001, maximum: 10_000))
        #expect(found?.lsn == wal.elements[1].start)
    }

    @Test("A record that fits on one page is never too long")
    func theLimitIsAtLeastAPage() throws {
        let wal = try CraftedWAL(startingAt: LSN(0x200_2000), [.ofLength(8168), .ofLength(8168)])
        for size in [1, Int.max] {
            var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start, maximumRecordLength: 24)
            var count = 0
            for offset in stride(from: 0, to: wal.bytes.count, by: min(size, wal.bytes.count)) {
                var input = wal.bytes.span.bytes.extracting(droppingFirst: offset)
                input = input.extracting(first: min(size, input.byteCount))
                while try decoder.next(&input) != nil { count += 1 }
            }
            #expect(count == 2)
        }
    }

    @Test(arguments: [(0, 8192), (-5, 8192), (8192, 8192), (1 << 20, 1 << 20), (Int.max, 1020 << 20)])
    func theLimitIsKeptInBounds(asked: Int, given: Int) throws {
        let decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x28), maximumRecordLength: asked)
        #expect(decoder.maximumRecordLength == given)
    }

    @Test("Memory grows with what has arrived, not with a declared length")
    func declaredLengthsAllocateNothing() throws {
        var record = craftedRecord(fragments: [UInt8](repeating: 1, count: 100))
        record.setLittleEndian(UInt32(WALRecord.maximumLength), at: 0)
        var decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x28))
        let none = try decoder.firstRecord(of: record)
        #expect(none == nil)
        #expect(decoder.assemblyCapacity <= 64 << 10)
    }

    @Test("Memory stays below the record's own length", arguments: [20_000, 300_000, 1_100_000, 5_000_001])
    func memoryOfALongRecord(length: Int) throws {
        let wal = try CraftedWAL(startingAt: LSN(0x28), [.ofLength(length), .ofLength(50)])
        var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start)
        var largest = 0
        for offset in stride(from: 0, to: wal.bytes.count, by: 10_000) {
            var input = wal.bytes.span.bytes.extracting(droppingFirst: offset)
            input = input.extracting(first: min(10_000, input.byteCount))
            while try decoder.next(&input) != nil {}
            largest = max(largest, decoder.assemblyCapacity)
        }
        #expect(largest <= max(length, 16 << 10))
    }

    @Test("What a long record needed is given back")
    func memoryAfterALongRecord() throws {
        let wal = try CraftedWAL(startingAt: LSN(0x28), [.ofLength(3 << 20), .ofLength(9000), .ofLength(50)])
        var decoder = try WALStreamDecoder(version: .v16, startingAt: wal.start)
        var input = wal.bytes.span.bytes
        var count = 0
        while try decoder.next(&input) != nil { count += 1 }
        #expect(count == 3)
        #expect(decoder.assemblyCapacity <= 1 << 20)
    }

    @Test func whereDecodingWouldBeginAgain() throws {
        let wal = try CraftedWAL(startingAt: LSN(0x200_1FA0), [.ofLength(59), .ofLength(9000), .ofLength(24)])
        for count in 0...wal.bytes.count {
            let decoded = DecodedStream(Array(wal.bytes.prefix(count)), startingAt: wal.start)
            let taken = wal.start + UInt64(count)
            let expected = wal.elements.first { $0.end > taken }?.start ?? wal.elements[2].next
            #expect(decoded.nextRecordStart == expected, "after \(count) bytes")
        }
    }
}
