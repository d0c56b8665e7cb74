import InterpretedWAL
import PostgresWAL
import ShardIdentity
import Testing

/// Prefixes that are no UTF-8 and messages that are long: both are a client's to choose.
@Suite struct LogicalMessageTests {
    /// Interprets one logical message, given its prefix without the zero byte.
    private func interpret(prefix: [UInt8], payload: Int = 0, maximumRecordBytes: Int = 256 << 20) throws -> Int {
        var main: [UInt8] = []
        main += [0, 0, 0, 0, 0, 0, 0, 0]
        main += withUnsafeBytes(of: UInt64(prefix.count + 1).littleEndian, Array.init)
        main += withUnsafeBytes(of: UInt64(payload).littleEndian, Array.init)
        main += prefix + [0] + [UInt8](repeating: 1, count: payload)
        let contents = WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: main)
        struct None: WALRecordSource {
            func next() -> WALRecordContents? { nil }
        }
        var generator = try WALGenerator(None(), version: .v16, startingAt: LSN(0x200_0028))
        let bytes = generator.append(contents).bytes
        var decoder = try WALStreamDecoder(version: .v16, startingAt: LSN(0x200_0028))
        var parsed = ParsedRecord(version: .v16)
        var interpreter = BatchInterpreter(
            version: .v16,
            shards: [.unsharded],
            maximumRecordBytes: maximumRecordBytes
        )
        var input = bytes.span.bytes
        while let record = try decoder.next(&input) {
            try parsed.parse(record)
            try interpreter.interpret(record, parsed)
        }
        return interpreter.batch(of: 0).byteCount
    }

    @Test(
        "the error names the first byte that is no UTF-8",
        arguments: [
            ([0xFF], 0), ([0x61, 0xFF], 1), ([0x61, 0xC3], 1), ([0xC3, 0xA9, 0x80], 2), ([0xE2, 0x82, 0xAC, 0xC0], 3),
        ] as [([UInt8], Int)]
    )
    func prefixNotUTF8(prefix: [UInt8], index: Int) {
        let error = #expect(throws: InterpretationError.self) { try interpret(prefix: prefix) }
        #expect(error?.reason == .prefixNotUTF8(index: index))
    }

    @Test("a long prefix costs no more than reading it", .timeLimit(.minutes(1)))
    func longPrefix() {
        var prefix = [UInt8](repeating: 0x61, count: 8 << 20)
        prefix[4 << 20] = 0xFF
        let error = #expect(throws: InterpretationError.self) { try interpret(prefix: prefix) }
        #expect(error?.reason == .prefixNotUTF8(index: 4 << 20))
    }

    @Test("a message that stores nothing takes no room, however long it is")
    func longMessageWithoutContent() throws {
        #expect(try interpret(prefix: Array("other".utf8), payload: 5000, maximumRecordBytes: 1000) < 100)
        let error = #expect(throws: InterpretationError.self) {
            try interpret(prefix: Array("neon-file:x".utf8), payload: 5000, maximumRecordBytes: 1000)
        }
        guard case .tooLarge(_, 1000) = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
