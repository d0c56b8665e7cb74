import CChecksum
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

@Suite("Control file")
struct ControlFileTests {
    @Test("The vectors, byte for byte", arguments: [0, 1, 2])
    func vectors(index: Int) throws {
        let (bytes, state) = try ControlFileVectors.all()[index]
        #expect(state.encoded() == bytes)
        #expect(try ControlFile(decoding: bytes.span.bytes) == state)
    }

    @Test func versionFollowsTheGeneration() throws {
        var state = try ControlFileVectors.createdState()
        #expect(state.encodedVersion == 10)
        state.membership = try MembershipConfiguration(generation: .invalid, members: state.membership.members)
        #expect(state.encodedVersion == 9)
        // Version 9 knows neither members nor the time of creation.
        let read = try ControlFile(decoding: state.encoded().span.bytes)
        state.membership = .none
        state.creation = .epoch
        #expect(read == state)
    }

    /// The fields of version 9 by their offsets in the fresh file.
    private enum Offset {
        static let tenant = 16, term = 88, history = 96, server = 104, segmentSize = 116, proposer = 120
        static let starts = 160, commit = 176, peers = 208, partials = 216, eviction = 224
    }

    private func file(version: UInt32, _ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(ControlFile.magic)
        bytes.appendLittleEndian(version)
        bytes += body
        return sealed(bytes)
    }

    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes.appendLittleEndian(~bytes.withUnsafeBytes { cchecksum_crc32c(~0, $0.baseAddress, $0.count) })
        return bytes
    }

    /// A state whose LSNs all differ, as version 9 writes it.
    private func full() throws -> (state: ControlFile, body: [UInt8]) {
        var state = ControlFileVectors.freshState
        state.term = Term(7)
        state.termHistory = try TermHistory([
            TermLSN(term: Term(2), lsn: LSN(0x10)), TermLSN(term: Term(7), lsn: LSN(0x20)),
        ])
        state.proposerID = 1 << 64 | 0xF0
        state.timelineStartLSN = LSN(1000)
        state.localStartLSN = LSN(1001)
        state.commitLSN = LSN(1002)
        state.backupLSN = LSN(1003)
        state.peerHorizonLSN = LSN(1004)
        state.remoteConsistentLSN = LSN(1005)
        return (state, Array(state.encoded().dropFirst(8).dropLast(4)))
    }

    @Test("Versions 5 to 8 lack what later ones added", arguments: [5, 6, 7, 8] as [UInt32])
    func versions5To8(version: UInt32) throws {
        let (state, body) = try full()
        let old = body.dropLast(version == 8 ? 4 : 12)
        #expect(try ControlFile(decoding: file(version: version, Array(old)).span.bytes) == state)
    }

    @Test func version5WithoutStart() throws {
        var (state, _) = try full()
        state.timelineStartLSN = .invalid
        state.localStartLSN = .invalid
        state.server.versionNumber = 0
        let body = Array(state.encoded().dropFirst(8).dropLast(16))
        let five = try ControlFile(decoding: file(version: 5, body).span.bytes)
        #expect(five.timelineStartLSN == LSN(1) && five.localStartLSN == LSN(1))
        let six = try ControlFile(decoding: file(version: 6, body).span.bytes)
        #expect(six.timelineStartLSN == .invalid && six.server.versionNumber == 140_005)
        let seven = try ControlFile(decoding: file(version: 7, body).span.bytes)
        #expect(seven.server.versionNumber == 0)
    }

    @Test func version4() throws {
        var (state, body) = try full()
        // Behind the term history of two entries everything is 32 bytes later, and the file's own eight bytes are gone.
        let starts = Offset.starts + 32 - 8
        body.removeSubrange(starts..<starts + 16)
        body.removeLast(12)
        state.timelineStartLSN = .invalid
        state.localStartLSN = .invalid
        state.backupLSN = .invalid
        state.remoteConsistentLSN = .invalid
        #expect(try ControlFile(decoding: file(version: 4, body).span.bytes) == state)
    }

    @Test("Versions 1 to 3", arguments: [1, 2, 3] as [UInt32])
    func versions1To3(version: UInt32) throws {
        var body: [UInt8] = []
        body.appendLittleEndian(UInt64(7))
        body.appendLittleEndian(UInt64(version == 1 ? 5 : 1))
        if version > 1 {
            body.appendLittleEndian(UInt64(5))
            body.appendLittleEndian(UInt64(0x20))
        }
        body.appendLittleEndian(UInt32(140_001))
        body.appendLittleEndian(UInt64(99))
        func append(_ text: String) {
            if version == 3 {
                body.appendLittleEndian(UInt64(32))
                body += Array(text.utf8)
            } else {
                body += [UInt8](hex: text)
            }
        }
        append("00112233445566778899aabbccddeeff")
        append("ffeeddccbbaa99887766554433221100")
        body.appendLittleEndian(UInt32(16 << 20))
        append("000102030405060708090a0b0c0d0e0f")
        for lsn in [0x50, 0x40, 0x30] as [UInt64] { body.appendLittleEndian(lsn) }
        let read = try ControlFile(decoding: file(version: version, body).span.bytes)
        var expected = ControlFileVectors.freshState
        expected.server = .init(versionNumber: 140_001, systemIdentifier: 99, segmentSize: 16 << 20)
        expected.term = Term(7)
        expected.termHistory = try TermHistory([TermLSN(term: Term(5), lsn: version == 1 ? .invalid : LSN(0x20))])
        expected.proposerID = 0x0001_0203_0405_0607_0809_0A0B_0C0D_0E0F
        expected.commitLSN = LSN(0x50)
        expected.peerHorizonLSN = LSN(0x40)
        #expect(read == expected)
    }

    @Test func peersArePassedOver() throws {
        let (state, fields) = try full()
        var body = fields
        let peers = Offset.peers + 32 - 8
        body.setLittleEndian(UInt64(2), at: peers)
        body.insert(contentsOf: [UInt8](repeating: 9, count: 80), at: peers + 8)
        #expect(try ControlFile(decoding: file(version: 9, body).span.bytes) == state)
    }

    @Test func damage() throws {
        let full = try full()
        func error(_ bytes: [UInt8]) -> ControlFileError? {
            do throws(ControlFileError) {
                _ = try ControlFile(decoding: bytes.span.bytes)
                return nil
            } catch {
                return error
            }
        }
        var bytes = ControlFileVectors.fresh
        bytes[0] ^= 1
        #expect(error(bytes)?.description.hasPrefix("safekeeper control file checksum mismatch") == true)
        #expect(error(sealed(bytes.dropLast(4)))?.description == "bad control file magic: CAFECEEE, expected CAFECEEF")
        #expect(
            error(file(version: 11, full.body))?.description == "unsupported safekeeper control file version 11"
        )
        #expect(error(file(version: 0, full.body)) == .version(0))
        #expect(error(file(version: 9, full.body + [0])) == .trailingBytes(count: 1))
        #expect(error([]) == .size(found: 0, minimum: 12, maximum: ControlFile.maximumFileSize))
        for count in 0..<full.body.count {
            #expect(error(file(version: 9, Array(full.body.prefix(count)))) != nil)
        }
        // A count far beyond the file must not be believed.
        var counted = full.body
        counted.setLittleEndian(UInt64.max, at: Offset.history - 8)
        guard case .invalid("term_history", Offset.history, _) = error(file(version: 9, counted)) else {
            Issue.record("a count of 2^64 - 1 was taken")
            return
        }
    }

    @Test("Damaged files are refused, or are other files", arguments: 0..<10 as Range<UInt64>)
    func mutations(seed: UInt64) throws {
        let vectors = try ControlFileVectors.all()
        var random = SeededGenerator(seed: seed)
        for round in 0..<1000 {
            let vector = vectors[Int.random(in: 0..<3, using: &random)]
            var bytes = vector.bytes
            bytes.removeLast(4)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 8..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 2: bytes.removeLast(min(bytes.count - 16, Int.random(in: 1...40, using: &random)))
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            if bytes == Array(vector.bytes.dropLast(4)) { continue }
            // Not sealed again, no damage may pass; sealed, what passes must be a state that can be stored.
            let unsealed = bytes + vector.bytes.suffix(4)
            #expect(throws: ControlFileError.self, "seed \(seed), round \(round)") {
                try ControlFile(decoding: unsealed.span.bytes)
            }
            let whole = sealed(bytes)
            guard let state = try? ControlFile(decoding: whole.span.bytes) else { continue }
            var expected = state
            if !state.membership.generation.isValid {
                expected.membership = .none
                expected.creation = .epoch
            } else {
                #expect(state.encoded() == whole, "seed \(seed), round \(round)")
            }
            let again = state.encoded()
            #expect((try? ControlFile(decoding: again.span.bytes)) == expected, "seed \(seed), round \(round)")
        }
    }
}
