import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures
import Testing

/// Source: `wal-interpretation.md` §13.
@Suite struct ProtobufParserTests {
    typealias Message = ProtobufMessage

    private func decode(_ bytes: [UInt8]) throws -> InterpretedBatch {
        try InterpretedBatch(protobuf: bytes.span.bytes)
    }

    private static let decoded = InterpretedBatch(
        records: [
            InterpretedRecord(
                batch: SerializedValueBatch(
                    rawBytes: [1, 2, 3],
                    metadata: [
                        .serialized(
                            key: CompactKey(high: 7, low: 9),
                            lsn: LSN(8),
                            offset: 0,
                            length: 3,
                            willInit: false
                        )
                    ],
                    maxLSN: LSN(8),
                    count: 1
                ),
                nextRecordLSN: LSN(8),
                xid: 0
            )
        ],
        nextRecordLSN: LSN(8)
    )

    @Test func theFixtureIsGood() throws {
        #expect(try decode(Message.message(value: Message.value)) == Self.decoded)
    }

    // MARK: Errors

    struct Failure: Sendable {
        let bytes: [UInt8]
        let error: WireError
        let text: String
    }

    static let failures: [Failure] = [
        Failure(
            bytes: Message.message(record: Message().with(3, 8)),
            error: .missingField(.batch),
            text: "InterpretedWalRecord::batch missing"
        ),
        Failure(
            bytes: Message.message(value: Message().with(3, 8)),
            error: .missingField(.key),
            text: "ValueMeta::key missing"
        ),
        Failure(
            bytes: Message.message(value: Message().with(2, Message.key).with(5, 3).with(6, 1)),
            error: .missingField(.batchOffset),
            text: "ValueMeta::batch_offset missing"
        ),
        Failure(
            bytes: Message.message(value: Message().with(2, Message.key).with(4, 0).with(6, 1)),
            error: .missingField(.length),
            text: "ValueMeta::len missing"
        ),
        Failure(
            bytes: Message.message(value: Message().with(2, Message.key).with(4, 0).with(5, 3)),
            error: .missingField(.willInit),
            text: "ValueMeta::will_init missing"
        ),
        Failure(
            bytes: Message.message(value: Message.value.with(1, 2)),
            error: .unexpectedValueType(2),
            text: "Unexpected ValueMeta::type 2"
        ),
        Failure(
            bytes: Message.message(value: Message.value.with(1, .max)),
            error: .unexpectedValueType(-1),
            text: "Unexpected ValueMeta::type -1"
        ),
        Failure(
            bytes: [],
            error: .missingField(.nextRecordLSN),
            text: "InterpretedWalRecords::next_record_lsn missing"
        ),
        Failure(
            bytes: Message.message(value: Message.value.with(4, 1)),
            error: .valueOutOfBounds(lsn: LSN(8), offset: 1, length: 3, rawSize: 3),
            text: "value at LSN 0/8 with 3 bytes at offset 1 outside of 3 raw bytes"
        ),
        Failure(
            bytes: Message.message(value: Message.value.with(4, .max).with(5, .max)),
            error: .valueOutOfBounds(lsn: LSN(8), offset: .max, length: .max, rawSize: 3),
            text:
                "value at LSN 0/8 with 18446744073709551615 bytes at offset 18446744073709551615 outside of 3 raw bytes"
        ),
        Failure(
            bytes: Message.message(value: Message.value, count: 2),
            error: .valueCountMismatch(declared: 2, found: 1),
            text: "1 serialized values, 2 declared"
        ),
        Failure(
            bytes: Message.message(value: Message.value, count: .max),
            error: .valueCountMismatch(declared: .max, found: 1),
            text: "1 serialized values, 18446744073709551615 declared"
        ),
        Failure(
            bytes: Message.message(record: Message().with(2, Message.empty).with(2, Message.empty)),
            error: .repeatedField(.batch, offset: 5),
            text: "InterpretedWalRecord::batch repeated at offset 5"
        ),
        Failure(
            bytes: Message.message(value: Message().with(2, Message.empty).with(2, Message.empty)),
            error: .repeatedField(.key, offset: 14),
            text: "ValueMeta::key repeated at offset 14"
        ),
    ]

    @Test(arguments: failures) func errorTable(_ failure: Failure) {
        #expect(throws: failure.error) { try decode(failure.bytes) }
        #expect(failure.error.description == failure.text)
    }

    @Test func unknownMetadataIsNamedWithTheRecord() throws {
        let record = Message().with(1, hex("0000000c")).with(2, Message.empty).with(3, 0x200_0100)
        let expected = WireError.metadataRecord(
            .unknownVariant(path: "MetadataRecord", value: 12),
            nextRecordLSN: LSN(0x200_0100)
        )
        #expect(throws: expected) { try decode(Message.message(record: record)) }
        #expect(
            expected.description
                == "deserialize error: unknown variant 12 of MetadataRecord (metadata of the record with next LSN 0/2000100)"
        )
    }

    @Test func everyCutIsAnErrorOrAShorterMessage() throws {
        for length in 0..<SampleBatch.protobuf.count {
            let cut = Array(SampleBatch.protobuf[..<length])
            // Cut behind the next record LSN, the message is whole but for the start LSN.
            if length == SampleBatch.protobuf.count - 5 {
                #expect(try decode(cut).rawWALStartLSN == nil)
            } else {
                #expect(throws: WireError.self) { try decode(cut) }
            }
        }
    }

    // MARK: Tolerance

    /// One field of each wire type that has no message inside, with numbers of one, two and five bytes in the tag.
    private static let unknown = Message()
        .with(7, 1).with(15, .max).with(16, [1, 2, 3]).with(7, [])
        .with(tag: 100 << 3 | 1, [UInt8](repeating: 0xFF, count: 8))
        .with(tag: 536_870_911 << 3 | 5, [1, 2, 3, 4]).bytes

    private static func wrapped(_ message: Message) -> Message {
        Message().with(tag: 1000 << 3, [1]).appending(unknown).appending(message.bytes).appending(unknown)
    }

    @Test func unknownFieldsAreSkippedAtEveryLevel() throws {
        let key = Self.wrapped(Message.key)
        let value = Self.wrapped(Message().with(2, key).with(3, 8).with(4, 0).with(5, 3).with(6, 0))
        let batch = Self.wrapped(Message().with(1, [1, 2, 3]).with(2, value).with(3, 8).with(4, 1))
        let record = Self.wrapped(Message().with(2, batch).with(3, 8))
        let message = Self.wrapped(Message().with(1, record).with(2, 8))
        #expect(try decode(message.bytes) == Self.decoded)
        #expect(try ReferenceCodec.decode(message.bytes) == Self.decoded)
    }

    @Test func fieldsMayComeInAnyOrder() throws {
        let key = Message().with(2, 9).with(1, 7)
        let value = Message().with(6, 0).with(5, 3).with(4, 0).with(3, 8).with(2, key).with(1, 0)
        let batch = Message().with(4, 1).with(3, 8).with(2, value).with(1, [1, 2, 3])
        let record = Message().with(5, 0).with(4, 0).with(3, 8).with(2, batch)
        let message = Message().with(2, 8).with(1, record).bytes
        #expect(try decode(message) == Self.decoded)
        var parser = try InterpretedBatchParser(message.span.bytes)
        let (next, start, count) = (parser.nextRecordLSN, parser.rawWALStartLSN, parser.recordCount)
        #expect(next == LSN(8))
        #expect(start == nil)
        #expect(count == 1)
        let first = try parser.nextRecord() == nil
        #expect(!first)
        let second = try parser.nextRecord() == nil
        #expect(second)
    }

    @Test func valuesMayBeInterleavedWithOtherFields() throws {
        let observed = Message().with(1, 1).with(2, Message.key)
        let batch = Message().with(3, 8).with(2, Message.value).with(1, [1, 2, 3]).with(100, 5).with(2, observed)
            .with(4, 1).with(3, 8).with(2, observed)
        let values = try decode(Message.message(batch: batch)).records[0].batch
        let expected: ValueMetadata = .observed(key: CompactKey(high: 7, low: 9), lsn: .invalid)
        #expect(values.metadata.count == 3)
        #expect(values.metadata.dropFirst() == [expected, expected])
        #expect(values.rawBytes == [1, 2, 3])
    }

    @Test func theLastOfRepeatedScalarsCounts() throws {
        let value = Message().with(1, 5).with(1, 0).with(2, Message.key.with(1, 1).with(1, 7))
            .with(3, 99).with(3, 8).with(4, 99).with(4, 0).with(5, 99).with(5, 3).with(6, 1).with(6, 0)
        let batch = Message().with(1, [9]).with(1, [1, 2, 3]).with(2, value).with(3, 1).with(3, 8).with(4, 9).with(4, 1)
        let record = Message().with(2, batch).with(3, 1).with(3, 8).with(4, 1).with(4, 0).with(5, 4).with(5, 0)
        #expect(try decode(Message().with(2, 1).with(1, record).with(2, 8).bytes) == Self.decoded)
    }

    @Test func narrowTypesAreTruncatedAndAnyBoolIsTrue() throws {
        let record = Message().with(2, Message.empty).with(4, 1 << 40).with(5, 0xFF_0000_0005)
        let decoded = try decode(Message.message(record: record)).records[0]
        #expect(decoded.xid == 5)
        #expect(decoded.flushUncommitted)
        let value = Message.value.with(1, 1 << 32)
        #expect(try decode(Message.message(value: value)).records[0].batch.count == 1)
    }

    @Test func overlongVarintsAreRead() throws {
        for count in 1...9 {
            let overlong = [UInt8](repeating: 0x80, count: count) + [0x01]
            let record = Message().with(2, Message.empty).with(tag: 3 << 3, overlong)
            let value = UInt64(1) << UInt64(7 * count)
            #expect(try decode(Message.message(record: record)).records[0].nextRecordLSN == LSN(value))
            let padded = [UInt8](repeating: 0x80, count: count) + [0x00]
            let zero = Message().with(2, Message.empty).with(tag: 3 << 3, padded)
            #expect(try decode(Message.message(record: zero)).records[0].nextRecordLSN == .invalid)
        }
        let tooLong = Message().with(2, Message.empty).with(tag: 3 << 3, [UInt8](repeating: 0x80, count: 10) + [1])
        #expect(throws: WireError.invalidVarint(offset: 5)) { try decode(Message.message(record: tooLong)) }
    }

    @Test func numbersOfEverySize() throws {
        for value in VarintTests.values {
            let key = CompactKey(high: value, low: ~value)
            let values = SerializedValueBatch(
                metadata: [.observed(key: key, lsn: LSN(value))],
                maxLSN: LSN(value),
                count: 0
            )
            let record = InterpretedRecord(
                batch: values,
                nextRecordLSN: LSN(value),
                xid: UInt32(truncatingIfNeeded: value)
            )
            // Twice: read in one way in the middle of the message, possibly in another near its end.
            let batch = InterpretedBatch(records: [record, record], nextRecordLSN: LSN(value))
            #expect(try decode(try WireFormat(format: .protobuf).encode(batch)) == batch, "\(value)")
        }
    }

    // MARK: Malformed fields

    @Test(arguments: [3, 4, 6, 7] as [UInt8]) func groupsAndUnknownWireTypesAreRefused(wireType: UInt8) {
        let message = Message().with(2, 8).with(tag: 100 << 3 | UInt64(wireType), [0])
        #expect(throws: WireError.unsupportedWireType(wireType, field: 100, offset: 4)) { try decode(message.bytes) }
    }

    @Test func knownFieldsOfAnotherWireTypeAreRefused() {
        #expect(throws: WireError.wireTypeMismatch(0, field: 1, offset: 1)) { try decode(Message().with(1, 8).bytes) }
        #expect(throws: WireError.wireTypeMismatch(2, field: 2, offset: 1)) {
            try decode(Message().with(2, [8]).bytes)
        }
    }

    @Test func tagsOutOfRangeAreRefused() {
        #expect(throws: WireError.invalidTag(0, offset: 1)) { try decode([0, 0]) }
        #expect(throws: WireError.invalidTag(1 << 32, offset: 5)) {
            try decode(Message().with(tag: 1 << 32, [0]).bytes)
        }
    }

    @Test func lengthsBeyondTheFieldAreRefused() {
        // The values end with the record, but their length leads into the message.
        let inner = Message().with(tag: 2 << 3 | 2, [1])
        #expect(throws: WireError.truncated(offset: 4, needed: 1, available: 0)) {
            try decode(Message.message(record: inner))
        }
        #expect(throws: WireError.truncated(offset: 11, needed: .max, available: 0)) {
            try decode(Message().with(tag: 1 << 3 | 2, VarintTests.reference(.max)).bytes)
        }
        // A varint that leads out of its field into the bytes of the next.
        let cutVarint = Message().with(1, Message().with(tag: 3 << 3, [0x80, 0x80])).with(2, 8)
            .with(100, [UInt8](repeating: 0, count: 20))
        #expect(throws: WireError.truncated(offset: 3, needed: 3, available: 2)) { try decode(cutVarint.bytes) }
    }

    // MARK: Views

    @Test func viewsPointIntoTheMessage() throws {
        let bytes = SampleBatch.protobuf
        var parser = try InterpretedBatchParser(bytes.span.bytes)
        guard let record = try parser.nextRecord() else {
            Issue.record("no record")
            return
        }
        guard let metadata = record.metadataRecord else {
            Issue.record("no metadata")
            return
        }
        let metadataBytes = metadata.array
        #expect(metadataBytes == hex("0000000a00000000000002e9"))
        let raw = record.raw.array
        #expect(raw == SampleBatch.batch.records[0].batch.rawBytes)
        let (xid, next, maxLSN) = (record.xid, record.nextRecordLSN, record.maxLSN)
        #expect(xid == 740)
        #expect(next == LSN(0x200_0100))
        #expect(maxLSN == LSN(0x200_0100))
        let (hasValues, count, flush) = (record.hasValues, record.valueCount, record.flushUncommitted)
        #expect(hasValues)
        #expect(count == 1)
        #expect(!flush)
        var values = record.values
        var found: [ValueMetadata] = []
        while let value = try values.next() { found.append(value) }
        #expect(found == SampleBatch.batch.records[0].batch.metadata)
    }
}

extension ProtobufMessage {
    fileprivate func appending(_ more: [UInt8]) -> ProtobufMessage {
        guard !more.isEmpty else { return self }
        return ProtobufMessage(bytes: bytes + more)
    }
}
