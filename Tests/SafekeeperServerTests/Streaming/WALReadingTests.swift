import PostgresWAL
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

/// The tail in memory, chunks, and segment files that stay open.
@Suite("Reading WAL") struct WALReadingTests {
    private static let oneMegabyte = WALSegmentSize(bytes: 1 << 20) ?? .standard

    @Test("The ring holds the last bytes, whatever is written and cut", arguments: 0..<50)
    func ring(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ring = WALRing(capacity: 8192)
        var start = UInt64.random(in: 0...1 << 40, using: &random)
        var model: [UInt8] = []
        // A model that holds everything.
        for _ in 0..<200 {
            if random.chance(1, in: 10) {
                let left = Int.random(in: 0...model.count, using: &random)
                ring.truncate(to: LSN(start + UInt64(left)))
                model.removeLast(model.count - left)
            } else if random.chance(1, in: 30) {
                start += UInt64(model.count) + UInt64.random(in: 1...100, using: &random)
                model = random.bytes(10)
                ring.append(model.span.bytes, at: LSN(start))
            } else {
                let bytes = random.bytes(upTo: random.chance(1, in: 10) ? 20_000 : 3000)
                ring.append(bytes.span.bytes, at: LSN(start + UInt64(model.count)))
                model += bytes
            }
            let held = ring.end.rawValue - ring.start.rawValue
            #expect(held <= 8192)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 3000, alignment: 8)
            defer { buffer.deallocate() }
            let end = start + UInt64(model.count)
            let lsn = LSN(UInt64.random(in: (end > 10_000 ? end - 10_000 : 0)...end + 10, using: &random))
            guard let count = ring.read(into: buffer, at: lsn) else {
                #expect(lsn < ring.start || lsn >= ring.end)
                continue
            }
            #expect(lsn.rawValue >= start)
            let offset = Int(lsn.rawValue - start)
            #expect(count == min(3000, model.count - offset))
            #expect(buffer[..<count].elementsEqual(model[offset..<offset + count]))
        }
    }

    @Test("The ring loses nothing that fits")
    func ringHoldsItsCapacity() {
        var ring = WALRing(capacity: 10_000)
        #expect(ring.capacity == 16384)
        let bytes = [UInt8](repeating: 1, count: 4096)
        for index in 0..<16 {
            ring.append(bytes.span.bytes, at: LSN(UInt64(index * 4096)))
            #expect(ring.end.rawValue - ring.start.rawValue == UInt64(min(16384, (index + 1) * 4096)))
        }
    }

    @Test("The tail holds WAL while somebody reads, and is gone with the last one")
    func tail() {
        let tail = WALTail(capacity: 8192)
        let bytes = [UInt8](repeating: 7, count: 100)
        func read(_ reader: WALTail.Reader, at lsn: LSN) -> Int? {
            var buffer = [UInt8](repeating: 0, count: 100)
            return buffer.withUnsafeMutableBytes { reader.read(into: $0, at: lsn) }
        }
        tail.append(bytes.span.bytes, at: LSN(1000))
        var first: WALTail.Reader? = WALTail.Reader(tail)
        var second: WALTail.Reader? = WALTail.Reader(tail)
        #expect(first.flatMap { read($0, at: LSN(1000)) } == nil)
        tail.append(bytes.span.bytes, at: LSN(1100))
        #expect(first.flatMap { read($0, at: LSN(1100)) } == 100)
        first = nil
        tail.append(bytes.span.bytes, at: LSN(1200))
        #expect(second.flatMap { read($0, at: LSN(1150)) } == 100)
        second = nil
        let third = WALTail.Reader(tail)
        #expect(read(third, at: LSN(1200)) == nil)
        // What was written while nobody read is no part of what follows it.
        tail.append(bytes.span.bytes, at: LSN(1300))
        #expect(read(third, at: LSN(1200)) == nil)
        #expect(read(third, at: LSN(1300)) == 100)
    }

    @Test(
        "A chunk ends with the WAL, at a page's end or at a segment's end",
        arguments: [
            (0x100_0028, 0x100_0030, 0x100_0030),
            (0x100_0028, 0x102_0028, 0x102_0028),
            (0x100_0028, 0x102_0029, 0x102_0000),
            (0x100_1FF8, 0x200_0000, 0x102_0000),
            (0x10F_F000, 0x200_0000, 0x110_0000),
            (0x10F_F000, 0x110_0001, 0x110_0000),
            (0x10F_0000, 0x110_0000, 0x110_0000),
        ] as [(UInt64, UInt64, UInt64)]
    )
    func chunks(start: UInt64, available: UInt64, end: UInt64) {
        let found = WALChunk.end(from: LSN(start), available: LSN(available), segmentSize: Self.oneMegabyte)
        #expect(found == LSN(end))
    }

    @Test("Segments are read one after the other, each opened once")
    func segments() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let files = SegmentFiles(directory: "/timeline", of: disk, segmentSize: Self.oneMegabyte)
        for number in UInt64(1)...3 {
            try files.create(
                segment: number,
                holding: [SegmentBytes(offset: 0, bytes: [UInt8](repeating: UInt8(number), count: 100))]
            )
        }
        var reader = SegmentReader(files)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 50, alignment: 8)
        defer { buffer.deallocate() }
        for number in [1, 1, 2, 3, 2] as [UInt64] {
            for offset in [0, 50] as [UInt64] {
                #expect(try reader.read(into: buffer, at: LSN(number << 20 + offset)) == 50)
                #expect(buffer.allSatisfy { $0 == UInt8(number) })
            }
        }
        // Removed while it is open, it can be read to its end; afterwards it is missing.
        _ = try reader.read(into: buffer, at: LSN(1 << 20))
        try files.removeSegments(before: LSN(2 << 20))
        #expect(try reader.read(into: buffer, at: LSN(1 << 20)) == 50)
        #expect(try reader.read(into: buffer, at: LSN(2 << 20 - 10)) == 10)
        reader.close()
        var error: WALStoreError?
        do throws(WALStoreError) {
            _ = try reader.read(into: buffer, at: LSN(1 << 20))
        } catch let caught {
            error = caught
        }
        guard case .missingSegment(let lsn, _) = error else { throw StreamChecker.Violation("no error") }
        #expect(lsn == LSN(1 << 20))
    }
}
