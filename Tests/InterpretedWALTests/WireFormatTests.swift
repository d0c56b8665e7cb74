import InterpretedWAL
import PostgresWAL
import Testing

/// Source: `wal-interpretation.md` §12 to §14 and §17.4.
@Suite struct WireFormatTests {
    @Test(arguments: [
        (InterpretedFormat.bincode, SampleBatch.batch, SampleBatch.bincode),
        (.protobuf, SampleBatch.batch, SampleBatch.protobuf),
        (.bincode, SampleBatch.empty, SampleBatch.emptyBincode),
        (.protobuf, SampleBatch.empty, SampleBatch.emptyProtobuf),
    ])
    func vectors(format: InterpretedFormat, batch: InterpretedBatch, bytes: [UInt8]) throws {
        let plain = WireFormat(format: format)
        #expect(try plain.encode(batch) == bytes)
        #expect(try plain.decode(bytes) == batch)
    }

    @Test func compressedVector() throws {
        let wire = WireFormat(format: .protobuf, compression: .zstd(level: 1))
        #expect(try wire.decode(SampleBatch.compressed) == SampleBatch.batch)
        #expect(try wire.encode(SampleBatch.batch) == SampleBatch.compressed)
    }

    @Test(arguments: InterpretedFormat.allCases, [Int8.min, -1, 0, 1, 3, 19, 22, Int8.max])
    func everyLevel(format: InterpretedFormat, level: Int8) throws {
        let wire = WireFormat(format: format, compression: .zstd(level: level))
        for batch in [SampleBatch.batch, SampleBatch.empty] {
            let bytes = try wire.encode(batch)
            #expect(try wire.decode(bytes) == batch)
        }
    }

    @Test func theLimitAppliesToTheContent() throws {
        let wire = WireFormat(format: .protobuf, compression: .zstd(level: 1))
        let size = SampleBatch.protobuf.count
        #expect(try wire.decode(SampleBatch.compressed, limit: size) == SampleBatch.batch)
        #expect(throws: WireError.compression(.tooLarge(limit: size - 1))) {
            try wire.decode(SampleBatch.compressed, limit: size - 1)
        }
    }

    @Test func plainBytesAreNoFrame() {
        #expect(throws: WireError.compression(.notAFrame)) {
            try WireFormat(format: .protobuf, compression: .zstd(level: 1)).decode(SampleBatch.protobuf)
        }
    }
}
