import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

/// Messages that are refused, and how that is said.
@Suite struct MalformedMessageTests {
    private static func fault(_ tag: Character, _ field: String, _ kind: FieldFault.Kind) -> ConsensusMessageError {
        .invalidField(tag: tag.asciiValue ?? 0, FieldFault(field: field, kind))
    }

    private static func text(_ text: String) -> String {
        text.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "00"
    }

    private static let zeroID = text(String(repeating: "0", count: 32))
    private static let member = "0000000000000001" + text("a") + "0001"

    private static let proposer: [(String, ConsensusMessageError)] = [
        ("", .missingTag(available: 0)),
        ("78", .unknownTag(0x78)),
        ("76 00", fault("v", "generation", .truncated(needed: 4, available: 1))),
        ("76 00000001 00", fault("v", "term", .truncated(needed: 8, available: 1))),
        ("76 00000001 0000000000000001 00", fault("v", "term", .trailingBytes(1))),
        ("67 30", fault("g", "tenant_id", .unterminated)),
        ("67 ff00", fault("g", "tenant_id", .invalidUTF8)),
        ("67" + text("12"), fault("g", "tenant_id", .invalidValue("not 32 hexadecimal digits"))),
        ("67" + zeroID + text("x"), fault("g", "timeline_id", .invalidValue("not 32 hexadecimal digits"))),
        (
            "67" + zeroID + zeroID + "00000000 ffffffff",
            fault("g", "members", .countTooLarge(count: 4_294_967_295, maximum: 0))
        ),
        (
            "67" + zeroID + zeroID + "00000001 00000000 00000000",
            fault("g", "members", .invalidValue("empty members_len in generation 1"))
        ),
        (
            "67" + zeroID + zeroID + "00000001 00000002" + member + member + "00000000",
            fault("g", "members", .invalidValue("duplicate member 1"))
        ),
        (
            "67" + zeroID + zeroID + "00000001 00000001" + member + "00000002" + member + member,
            fault("g", "new_members", .invalidValue("duplicate member 1"))
        ),
        (
            "67" + zeroID + zeroID + "00000000 00000000 00000000 0002bf20 0000000000000000 01000000",
            fault("g", "pg_version", .invalidValue("180000, expected 0 or 140000...179999"))
        ),
        (
            "67" + zeroID + zeroID + "00000000 00000000 00000000 00000000 0000000000000000 01000000 00",
            fault("g", "wal_seg_size", .trailingBytes(1))
        ),
        (
            "65 00000001 0000000000000001 0000000000000001 10000000 00",
            fault("e", "term_history", .countTooLarge(count: 0x1000_0000, maximum: 0))
        ),
        (
            "65 00000001 0000000000000001 0000000000000001 00000001 0000000000000001 0000000000000001 00",
            fault("e", "term_history", .trailingBytes(1))
        ),
        (
            "65 00000001 0000000000000001 0000000000000001 00000002 0000000000000001 0000000000000001"
                + "0000000000000001 0000000000000002",
            fault("e", "term_history", .invalidValue("term history out of order at 1: (1, 0/2) after (1, 0/1)"))
        ),
        (
            "61 00000001 0000000000000001 0000000000000002 0000000000000001 0000000000000000 0000000000000000",
            .reversedRange(begin: 2, end: 1)
        ),
        (
            "61 00000001 0000000000000001 0000000000000000 0000000000020001 0000000000000000 0000000000000000",
            .tooMuchWAL(count: 131_073)
        ),
        (
            "61 00000001 0000000000000001 0000000000000000 ffffffffffffffff 0000000000000000 0000000000000000",
            .tooMuchWAL(count: .max)
        ),
        (
            "61 00000001 0000000000000001 0000000000000000 0000000000000003 0000000000000000 0000000000000000 0102",
            .truncatedWAL(needed: 3, available: 2)
        ),
        (
            "61 00000001 0000000000000001 0000000000000000 0000000000000003 0000000000000000 00",
            fault("a", "truncate_lsn", .truncated(needed: 8, available: 1))
        ),
    ]

    @Test(arguments: proposer) func fromProposer(message: String, error: ConsensusMessageError) {
        #expect(throws: error) { try proposerMessage(hex(message)) }
        #expect(!error.description.isEmpty)
    }

    private static let acceptor: [(String, ConsensusMessageError)] = [
        ("65", .unknownTag(0x65)),
        ("67 0000000000000001 00000000", fault("g", "members", .truncated(needed: 4, available: 0))),
        (
            "67 0000000000000001 00000000 00000000 00000000 0000000000000001 00",
            fault("g", "term", .trailingBytes(1))
        ),
        (
            "76 00000000 0000000000000001 02",
            fault("v", "vote_given", .invalidValue("2, expected 0 or 1"))
        ),
        (
            "76 00000000 0000000000000001 01 0000000000000000 0000000000000000 00000001",
            fault("v", "term_history", .countTooLarge(count: 1, maximum: 0))
        ),
    ]

    @Test(arguments: acceptor) func fromAcceptor(message: String, error: ConsensusMessageError) {
        #expect(throws: error) { try acceptorMessage(hex(message)) }
    }

    private static let feedback: [(String, FieldFault)] = [
        ("01", FieldFault(field: "key", .unterminated)),
        ("00 00", FieldFault(field: "PageserverFeedback", .trailingBytes(1))),
        ("01" + text("x") + "ffffffff 00", FieldFault(field: "value", .truncated(needed: 4_294_967_295, available: 1))),
        (
            "01" + text("ps_writelsn") + "00000004 00000000",
            FieldFault(field: "ps_writelsn", .wrongLength(expected: 8, found: 4))
        ),
        (
            "01" + text("shard_number") + "00000004 0000",
            FieldFault(field: "shard_number", .truncated(needed: 4, available: 2))
        ),
    ]

    @Test(arguments: feedback) func feedbackOfPageservers(pairs: String, fault: FieldFault) {
        let response = ConsensusVectors.appendResponse + hex(pairs)
        #expect(throws: ConsensusMessageError.invalidField(tag: 0x61, fault)) { try acceptorMessage(response) }
        let reply = hex("7a 0000000000000000" + pairs)
        #expect(throws: WALStreamMessageError.invalidField(tag: 0x7A, fault)) {
            try WALStreamReply(decoding: reply.span.bytes)
        }
    }

    /// Of protocol 2 the whole eight bytes of the tag count.
    @Test func protocol2() throws {
        #expect(throws: ConsensusMessageError.missingTag(available: 7)) {
            try proposerMessage([0, 0, 0, 0, 0, 0, 0], .v2)
        }
        #expect(throws: ConsensusMessageError.unknownTag(0x0176)) {
            try proposerMessage(hex("7601000000000000 0100000000000000"), .v2)
        }
        let truncated = ConsensusVectors.greeting2.dropLast()
        #expect(throws: Self.fault("g", "wal_seg_size", .truncated(needed: 4, available: 3))) {
            try proposerMessage(Array(truncated), .v2)
        }
        let given = hex("7600000000000000 0100000000000000 0200000000000000")
        #expect(throws: Self.fault("v", "vote_given", .invalidValue("2, expected 0 or 1"))) {
            try acceptorMessage(given, .v2)
        }
    }

    /// What may follow a message without harm, as other safekeepers have it.
    @Test func bytesThatAreIgnored() throws {
        let short = Array(ConsensusVectors.voteRequest2.prefix(16))
        #expect(try proposerMessage(short, .v2) == proposerMessage(ConsensusVectors.voteRequest2, .v2))
        for (vector, version) in [
            (ConsensusVectors.append, ConsensusProtocolVersion.v3), (ConsensusVectors.append2, .v2),
        ] {
            #expect(try proposerMessage(vector + [1, 2], version) == proposerMessage(vector, version))
        }
    }

    @Test func errorTexts() {
        let texts: [(ConsensusMessageError, String)] = [
            (.missingTag(available: 0), "ProposerAcceptorMessage is not complete: missing tag"),
            (.unknownTag(120), "unknown proposer-acceptor message tag: 120"),
            (
                Self.fault("v", "term", .truncated(needed: 8, available: 1)),
                "reading term: only 1 bytes left, expected 8 (message 'v')"
            ),
            (.reversedRange(begin: 2, end: 1), "begin_lsn > end_lsn in AppendRequest"),
            (.tooMuchWAL(count: 1 << 20), "AppendRequest is longer than MAX_SEND_SIZE (131072)"),
            (.truncatedWAL(needed: 3, available: 2), "reading WAL: only 2 bytes left, wanted 3"),
        ]
        for (error, text) in texts { #expect(error.description == text) }
    }

    @Test func streamMessages() {
        func decode(_ text: String) throws -> WALStreamMessage { try WALStreamMessage(decoding: hex(text).span.bytes) }
        func fault(_ tag: UInt8, _ field: String, _ kind: FieldFault.Kind) -> WALStreamMessageError {
            .invalidField(tag: tag, FieldFault(field: field, kind))
        }
        #expect(throws: WALStreamMessageError.empty) { try decode("") }
        #expect(throws: WALStreamMessageError.unknownTag(0x71)) { try decode("71") }
        #expect(throws: fault(0x77, "wal_end", .truncated(needed: 8, available: 0))) {
            try decode("77 0000000000000000")
        }
        #expect(throws: fault(0x30, "streaming_lsn", .truncated(needed: 8, available: 0))) { try decode("30") }
        #expect(throws: fault(0x6B, "reply requested", .trailingBytes(1))) {
            try decode("6b 0000000000000000 0000000000000000 00 00")
        }
        for (bytes, text) in [
            ([0x72] + [UInt8](repeating: 0, count: 32), "failed to deserialize StandbyReply: deserialize error"),
            ([0x72] + [UInt8](repeating: 0, count: 34), "failed to deserialize StandbyReply: deserialize error"),
            ([0x72] + [UInt8](repeating: 2, count: 33), "failed to deserialize StandbyReply: deserialize error"),
            ([0x68] + [UInt8](repeating: 0, count: 23), "failed to deserialize HotStandbyFeedback: deserialize error"),
            ([0x68] + [UInt8](repeating: 0, count: 25), "failed to deserialize HotStandbyFeedback: deserialize error"),
        ] {
            let error = #expect(throws: WALStreamMessageError.self) { try WALStreamReply(decoding: bytes.span.bytes) }
            #expect(error?.description.hasPrefix(text) == true)
        }
    }
}
