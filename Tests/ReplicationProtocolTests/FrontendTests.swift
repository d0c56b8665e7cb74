import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

/// Frames cut out of a stream, and what is in them.
@Suite struct FrontendTests {
    private func frame(_ text: String, maximumSize: Int = 100) throws -> FrontendFrame? {
        try FrontendFrame.next(in: hex(text).span.bytes, maximumSize: maximumSize)
    }

    @Test func frames() throws {
        for part in ["", "51", "51000000", "5100000006", "5100000006 00"] { #expect(try frame(part) == nil) }
        let whole = try #require(try frame("5100000006 0000 ffff"))
        #expect(whole.tag == 0x51 && whole.bodyRange == 5..<7 && whole.size == 7)
        #expect(try frame("5300000004")?.bodyRange == 5..<5)
    }

    @Test func framesOutOfBounds() throws {
        for length in UInt32(0)...3 {
            #expect(throws: FrameError.tooShort(tag: 0x51, length: length)) { try frame("510000000\(length)") }
        }
        #expect(throws: FrameError.tooLong(tag: 0x51, length: 100, maximum: 99)) { try frame("5100000064") }
        #expect(throws: FrameError.tooLong(tag: 0x51, length: .max, maximum: 99)) { try frame("51ffffffff") }
        #expect(try frame("5100000063") == nil)
    }

    private func message(_ tag: Character, _ body: String) throws -> FrontendMessage {
        try FrontendMessage(tag: tag.asciiValue ?? 0, body: hex(body).span.bytes)
    }

    @Test func messages() throws {
        #expect(try message("d", "ff") == .copyData)
        #expect(try message("S", "") == .sync)
        #expect(try message("P", "6100 6200 0000") == .parse("b"))
        #expect(try message("B", "00 6100 0000 0000 0000") == .bind)
        #expect(try message("D", "53 00") == .describeStatement)
        #expect(try message("D", "50 00") == .describePortal)
        #expect(try message("E", "00 00000000") == .execute)
        #expect(try message("H", "") == .flush)
        #expect(try message("C", "53 00") == .close)
    }

    @Test func refusedMessages() {
        func fault(_ tag: Character, _ field: String, _ kind: FieldFault.Kind) -> FrontendMessageError {
            .invalidField(tag: tag.asciiValue ?? 0, FieldFault(field: field, kind))
        }
        let table: [(Character, String, FrontendMessageError)] = [
            ("F", "", .unknownTag(0x46)),
            ("H", "00", fault("H", "length", .trailingBytes(1))),
            ("Q", "", fault("Q", "query", .unterminated)),
            ("Q", "6100 00", fault("Q", "query", .trailingBytes(1))),
            ("Q", "ff00", fault("Q", "query", .invalidUTF8)),
            ("p", "", fault("p", "password", .unterminated)),
            ("c", "00", fault("c", "length", .trailingBytes(1))),
            ("P", "00 00 0001", fault("P", "parameter count", .invalidValue("1, expected 0"))),
            ("B", "6100 00", fault("B", "portal", .invalidValue("'a', expected the unnamed one"))),
            ("D", "51 00", fault("D", "kind", .invalidValue("81, expected 'S' or 'P'"))),
            ("D", "50 6100", fault("D", "portal", .invalidValue("'a', expected the unnamed one"))),
            ("E", "00 00000001", fault("E", "row limit", .invalidValue("1, expected 0"))),
        ]
        for (tag, body, error) in table {
            #expect(throws: error) { try message(tag, body) }
            #expect(!error.description.isEmpty)
        }
    }

    @Test func extendedProtocolReplies() {
        let messages: [BackendMessage] = [
            .parseComplete, .noParameters, .noData, .bindComplete, .closeComplete,
            .backendKeyData(processID: 1, secretKey: 2),
        ]
        let bytes = encoded { buffer in
            for message in messages { message.encode(into: &buffer) }
        }
        let expected = hex(
            """
            31 00000004  74 00000006 0000  6e 00000004  32 00000004  33 00000004
            4b 0000000c 00000001 00000002
            """
        )
        #expect(bytes == expected)
    }
}
