import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import TestFixtures
import Testing
import WalReceiver

/// What a receiver makes of payloads, good ones and bad ones.
struct PayloadDecoderTests {
    private static let batch = InterpretedBatch(
        records: [InterpretedRecord(nextRecordLSN: LSN(0x149_FDF0), xid: 746)],
        nextRecordLSN: LSN(0x149_FDF0),
        rawWALStartLSN: LSN(0x149_FD18)
    )

    private static let formats = [InterpretedFormat.protobuf, .bincode].flatMap { format in
        [WireFormat(format: format), WireFormat(format: format, compression: .zstd(level: 1))]
    }

    private func decode(_ payload: [UInt8], _ format: WireFormat) throws -> (facts: BatchFacts?, message: [UInt8]) {
        var decoder = try PayloadDecoder(.interpreted(format), target(), startingAt: LSN(0x149_FD18))
        let facts = try decoder.decode(payload.span.bytes)
        return (facts, decoder.message.array)
    }

    /// A frame with a checksum, as our safekeepers send it, or without.
    private func frame(of bytes: [UInt8], checksums: Bool) throws -> [UInt8] {
        var compressor = try ZstdCompressor(level: 1, checksums: checksums)
        var output = OutputBuffer()
        try compressor.compress(bytes.span.bytes, into: &output)
        return output.array
    }

    @Test("every form gives the same message", arguments: formats)
    func forms(format: WireFormat) throws {
        let (facts, message) = try decode(format.encode(Self.batch), format)
        #expect(facts == BatchFacts(rawStart: LSN(0x149_FD18), nextRecord: LSN(0x149_FDF0), recordCount: 1))
        #expect(try message == WireFormat(format: .protobuf).encode(Self.batch))
    }

    @Test("without a next record's LSN: an error, and no more")
    func missingPosition() {
        let plain = WireFormat(format: .protobuf)
        #expect(throws: DecodingFault.records(.missingField(.nextRecordLSN))) { try decode([], plain) }
        #expect(throws: DecodingFault.records(.missingField(.nextRecordLSN))) {
            try decode([0x18, 0x98, 0xFA, 0xA7, 0x0A], plain)
        }
    }

    @Test("a frame that is cut, or none", arguments: [InterpretedFormat.protobuf, .bincode])
    func frames(format: InterpretedFormat) throws {
        let compressed = WireFormat(format: format, compression: .zstd(level: 1))
        let frame = try compressed.encode(Self.batch)
        for length in 0..<frame.count {
            #expect(throws: DecodingFault.records(.compression(.truncatedFrame)), "\(length) bytes") {
                try decode(Array(frame[..<length]), compressed)
            }
        }
        // Another compression, or none, looks like no frame at all.
        #expect(throws: DecodingFault.records(.compression(.notAFrame))) {
            try decode(WireFormat(format: format).encode(Self.batch), compressed)
        }
    }

    /// Without its checksum a frame may look to protobuf like fields that it does not know, and so like an empty batch.
    @Test("a frame where none was agreed", arguments: [InterpretedFormat.protobuf, .bincode], [false, true])
    func unexpectedFrames(format: InterpretedFormat, checksums: Bool) throws {
        let plain = WireFormat(format: format)
        let refusal = CompressionError.unexpectedFrame
        for count in 0..<200 {
            var batch = Self.batch
            batch.records = (0..<count).map {
                InterpretedRecord(nextRecordLSN: LSN(0x149_FDF0 + UInt64($0) * 8), xid: 0)
            }
            let message = try plain.encode(batch)
            #expect(try decode(message, plain).facts?.recordCount == count)
            let frame = try frame(of: message, checksums: checksums)
            #expect(throws: DecodingFault.records(.compression(refusal))) { try decode(frame, plain) }
            #expect(throws: WireError.compression(refusal)) { try plain.decode(frame) }
        }
        // What looks like the frame most, and is taken for a message that way: its first fields are unknown ones.
        let fields: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x01, 1, 2, 3, 4, 0x10, 0xF0, 0xFB, 0xA7, 0x0A]
        if format == .protobuf {
            #expect(try InterpretedBatch(protobuf: fields.span.bytes).nextRecordLSN == LSN(0x149_FDF0))
        }
        #expect(throws: DecodingFault.records(.compression(refusal))) { try decode(fields, plain) }
    }

    @Test("whatever comes, it is an error or a message", arguments: formats)
    func mutations(format: WireFormat) throws {
        let payload = try format.encode(Self.batch)
        for seed in 0..<3000 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var bytes = payload
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if random.chance(1, in: 4) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            // The only types of errors that there are say so themselves.
            do {
                let facts = try decode(bytes, format).facts
                #expect(facts != nil, "seed \(seed)")
            } catch {
                #expect(error is DecodingFault, "seed \(seed)")
            }
        }
    }

    @Test("raw WAL in pieces of any size gives the records that a safekeeper would send")
    func rawWAL() throws {
        let start = LSN(0x100_0028)
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v15,
            segmentSize: .standard,
            systemIdentifier: 7,
            startingAt: start
        )
        var wal: [UInt8] = []
        var ends: [LSN] = []
        for _ in 0..<300 {
            guard let element = generator.next() else { break }
            wal += element.bytes
            ends.append(element.next)
        }
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var decoder = try PayloadDecoder(.vanilla, target(), startingAt: start)
            var offset = 0
            var records = 0
            var last = start
            while offset < wal.count {
                let count = min(Int.random(in: 1...9000, using: &random), wal.count - offset)
                let piece = Array(wal[offset..<offset + count])
                offset += count
                guard let facts = try decoder.decode(piece.span.bytes) else { continue }
                records += facts.recordCount
                #expect(facts.nextRecord > last, "seed \(seed)")
                #expect(facts.rawStart.map { $0 <= last } == true, "seed \(seed)")
                last = facts.nextRecord
            }
            // The only shard, which is number zero, gets every record, also those that say nothing.
            #expect(records == 300 && last == ends.last, "seed \(seed)")
        }
        // A flipped bit is found wherever it is.
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var damaged = wal
            let bit = Int.random(in: 0..<(wal.count - 200) * 8, using: &random)
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var decoder = try PayloadDecoder(.vanilla, target(), startingAt: start)
            // Padding between records means nothing.
            let facts = try? decoder.decode(damaged.span.bytes)
            #expect(facts == nil || facts?.recordCount == 300, "seed \(seed)")
        }
    }
}
