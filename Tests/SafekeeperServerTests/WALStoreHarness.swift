import NIOCore
import PostgresWAL
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

/// A WAL store on simulated files, with a simple model of what it must hold: one stream of records in memory.
///
/// What the store may hold after a crash is any number of the stream's records, but no fewer than were flushed.
final class WALStoreHarness {
    static let segmentSize = WALSegmentSize(bytes: 1 << 20) ?? .standard
    static let folder = "/timeline"
    static let systemIdentifier: UInt64 = 0x0123_4567_89AB_CDEF

    let disk: SimulatedFileSystem
    let start: LSN
    var store: WALStore?
    var random: SeededGenerator
    private(set) var records: [WALGenerator<LogicalMessageSource>.Element] = []
    private var bytes: [UInt8] = []
    private var generator: WALGenerator<LogicalMessageSource>
    /// Up to here the WAL was said to be durable.
    private(set) var floor: LSN
    private var isTruncating = false
    var allocation = SegmentAllocation.sparse

    init(seed: UInt64, start: LSN = LSN(0x10F_E150)) throws {
        disk = SimulatedFileSystem(seed: seed)
        random = SeededGenerator(seed: seed &+ 1)
        self.start = start
        floor = start
        generator = try Self.generator(startingAt: start)
    }

    private static func generator(startingAt start: LSN) throws -> WALGenerator<LogicalMessageSource> {
        try WALGenerator(
            LogicalMessageSource(),
            version: .v16,
            segmentSize: segmentSize,
            systemIdentifier: systemIdentifier,
            startingAt: start
        )
    }

    var files: SegmentFiles {
        SegmentFiles(
            directory: Self.folder,
            of: disk,
            segmentSize: Self.segmentSize,
            allocation: allocation
        )
    }

    var opened: WALStore {
        get throws { try #require(store) }
    }

    /// The ends of the stream's records, its start included.
    var recordEnds: [LSN] { [start] + records.map(\.next) }

    // MARK: Operations

    func create() throws {
        let store = try WALStore(opening: files, version: .v16, commitLSN: .invalid)
        try store.initializeFirstSegment(at: start, systemIdentifier: Self.systemIdentifier)
        self.store = store
        try truncate(to: start)
    }

    /// Makes records, not yet written, of sizes up to `maximumSize`.
    func generate(count: Int, maximumSize: Int) {
        for _ in 0..<count {
            let size = Int.random(in: 0...maximumSize, using: &random)
            add(WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: random.bytes(size)))
        }
    }

    func generateSwitch() { add(.segmentSwitch) }

    private func add(_ contents: WALRecordContents) {
        let element = generator.append(contents)
        records.append(element)
        bytes += element.bytes
    }

    /// Writes what of the stream isn't written yet, up to `end`, in pieces.
    func write(upTo end: LSN? = nil, pieces: ClosedRange<Int> = 1...200_000) throws {
        let store = try opened
        let end = Int((end ?? generator.position).rawValue - start.rawValue)
        let bytes = bytes
        var offset = Int(store.positions.writeLSN.rawValue - start.rawValue)
        while offset < end {
            let count = min(Int.random(in: pieces, using: &random), end - offset)
            if random.chance(1, in: 3) {
                // The same in several pieces, with one call.
                var pieces: [ByteBuffer] = []
                var rest = bytes[offset..<offset + count]
                while !rest.isEmpty {
                    let size = pieces.count == 7 ? rest.count : Int.random(in: 1...rest.count, using: &random)
                    pieces.append(ByteBuffer(bytes: rest.prefix(size)))
                    rest = rest.dropFirst(size)
                }
                try store.write(pieces, at: start + UInt64(offset))
            } else {
                try store.write(bytes.span.bytes.extracting(offset..<offset + count), at: start + UInt64(offset))
            }
            noteFlushed()
            offset += count
        }
    }

    func flush() throws {
        let store = try opened
        try store.flush()
        #expect(store.positions.flushRecordLSN == store.positions.writeRecordLSN)
        noteFlushed()
    }

    private func noteFlushed() {
        if let store { floor = max(floor, store.positions.flushRecordLSN) }
    }

    func truncate(to end: LSN) throws {
        floor = min(floor, end)
        isTruncating = true
        try opened.truncate(to: end)
        isTruncating = false
        records.removeAll { $0.next > end }
        bytes.removeLast(bytes.count - Int(end.rawValue - start.rawValue))
        generator = try Self.generator(startingAt: end)
        floor = end
        try checkFiles()
    }

    // MARK: Checks

    /// Restarts after a crash, opens the store again and compares it with the stream.
    func reopen(after crash: SimulatedFileSystem.Crash) throws {
        store = nil
        disk.restart(after: crash)
        let store = try WALStore(opening: files, version: .v16, commitLSN: start)
        let end = store.positions.flushRecordLSN
        try #require(end >= floor, "WAL that was flushed is lost: found \(end), flushed \(floor)")
        try #require(end == start || records.contains { $0.next == end }, "found \(end), where no record ends")
        #expect(store.isTruncationPending)
        self.store = store
        try check(upTo: end)
        try checkLengths()
        // From here on what was found is what there is.
        floor = end
    }

    /// Compares the records that end at or before `end`.
    func check(upTo end: LSN) throws {
        var position = start
        for record in records where record.next <= end {
            let count = Int(record.end.rawValue - position.rawValue)
            let found = try read(count, at: position)
            if found != Array(record.bytes.prefix(count)) {
                Issue.record("the record at \(record.start) is not what was written")
                return
            }
            position = record.next
        }
    }

    func read(_ count: Int, at lsn: LSN) throws -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 8)
        defer { buffer.deallocate() }
        var done = 0
        while done < count {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count])
            let got = try files.read(into: target, at: lsn + UInt64(done))
            try #require(got > 0)
            done += got
        }
        return Array(buffer[..<count])
    }

    private func checkLengths() throws {
        guard !isTruncating else { return }
        for name in try files.list() {
            let length = disk.length(of: Self.folder + "/" + name.description)
            #expect(length == Int(Self.segmentSize.bytes), "\(name)")
        }
    }

    /// After a truncation: one `.partial` segment, zeros behind the end, complete ones before it, nothing behind it.
    func checkFiles() throws {
        disk.isPaused = true
        defer { disk.isPaused = false }
        try checkLengths()
        let end = try opened.positions.writeLSN
        let last = Self.segmentSize.segmentNumber(of: end)
        for name in try files.list() {
            try #require(name.isPartial == (name.segmentNumber == last), "\(name), end of WAL \(end)")
            try #require(name.segmentNumber <= last)
        }
        let path = files.path(ofSegment: last, isPartial: true)
        #expect(disk.isZero(path, from: Int(Self.segmentSize.offset(of: end))))
    }

    /// Cuts the WAL at what is there, writes more, loses power and finds it all.
    func proveUsable() throws {
        isTruncating = false
        try truncate(to: try opened.positions.flushRecordLSN)
        generate(count: 3, maximumSize: 200_000)
        try write()
        try flush()
        let end = floor
        #expect(end == generator.position)
        try reopen(after: .powerLoss)
        #expect(try opened.positions.flushRecordLSN == end)
    }
}
