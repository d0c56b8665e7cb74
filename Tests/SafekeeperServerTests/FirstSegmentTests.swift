import PostgresWAL
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

@Suite("First segment")
struct FirstSegmentTests {
    private func segment(
        start: LSN,
        systemIdentifier: UInt64 = 0x0123_4567_89AB_CDEF
    ) throws -> (store: WALStore, disk: SimulatedFileSystem, path: String) {
        let disk = SimulatedFileSystem(seed: 1)
        let files = SegmentFiles(directory: "/t", of: disk, segmentSize: .standard)
        let store = try WALStore(opening: files, version: .v15, commitLSN: .invalid)
        try store.initializeFirstSegment(at: start, systemIdentifier: systemIdentifier)
        return (store, disk, "/t/000000010000000000000001.partial")
    }

    @Test func headersInTheMiddleOfASegment() throws {
        let (store, disk, path) = try segment(start: LSN(0x14E_E150))
        try store.truncate(to: LSN(0x14E_E150))
        let bytes = try #require(disk.contents(of: path))
        #expect(bytes.count == 16 << 20)
        let long = [UInt8](hex: "10d102000100000000000001000000000000000000000000efcdab89674523010000000100200000")
        #expect(Array(bytes[..<40]) == long)
        let short = [UInt8](hex: "10d101000100000000e04e01000000003801000000000000")
        #expect(Array(bytes[0x4EE000..<0x4EE018]) == short)
        #expect(bytes[40..<0x4EE000].allSatisfy { $0 == 0 } && bytes[0x4EE018...].allSatisfy { $0 == 0 })
    }

    @Test func headerOfTheFirstPage() throws {
        let (_, disk, path) = try segment(start: LSN(0x100_0028))
        let bytes = try #require(disk.contents(of: path))
        let header = WALPageHeader(reading: bytes.span.bytes)
        #expect(header?.flags == 3 && header?.remainingLength == 0)
        #expect(bytes[40...].allSatisfy { $0 == 0 })
    }

    @Test func theSystemIdentifierCanComeLater() throws {
        let start = LSN(0x14E_E150)
        let (store, disk, path) = try segment(start: start, systemIdentifier: 0)
        try store.truncate(to: start)
        #expect(try !store.adopt(systemIdentifier: 0, localStart: start))
        #expect(try store.adopt(systemIdentifier: 0x0123_4567_89AB_CDEF, localStart: start))
        #expect(try !store.adopt(systemIdentifier: 5, localStart: start))
        disk.restart(after: .powerLoss)
        let (_, other, _) = try segment(start: start)
        #expect(disk.contents(of: path) == other.contents(of: path))
    }

    @Test func aSegmentOfZerosHasNoHeaderToChange() throws {
        let disk = SimulatedFileSystem(seed: 1)
        let files = SegmentFiles(directory: "/t", of: disk, segmentSize: .standard)
        let store = try WALStore(opening: files, version: .v15, commitLSN: LSN(0x14E_E150))
        #expect(try !store.adopt(systemIdentifier: 5, localStart: LSN(0x14E_E150)))
        try store.truncate(to: LSN(0x14E_E150))
        #expect(try !store.adopt(systemIdentifier: 5, localStart: LSN(0x14E_E150)))
    }
}
