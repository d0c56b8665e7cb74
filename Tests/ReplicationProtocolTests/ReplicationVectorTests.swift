import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import TestFixtures
import Testing

/// The messages of `replication-protocol.md` §8 and `safekeeper-core.md` §9.4, written and read.
@Suite struct ReplicationVectorTests {
    private let time = PostgresTimestamp(microseconds: 790_214_400_000_000)
    private let start = LSN(0x149_FD18)
    private let chunkEnd = LSN(0x149_FE00)
    private let commit = LSN(0x14A_0000)

    private func frames(_ messages: [BackendMessage]) -> [UInt8] {
        encoded { buffer in
            for message in messages { message.encode(into: &buffer) }
        }
    }

    private func frame(_ message: FrontendMessage) -> [UInt8] {
        encoded { message.encode(into: &$0) }
    }

    private func read(_ bytes: [UInt8]) throws -> FrontendMessage? {
        let bytes = bytes.span.bytes
        guard let frame = try FrontendFrame.next(in: bytes, maximumSize: 1 << 20) else { return nil }
        return try FrontendMessage(tag: frame.tag, body: bytes.extracting(frame.bodyRange))
    }

    @Test func timestamps() {
        #expect(PostgresTimestamp(unixSeconds: 1_736_899_200) == time)
        #expect(PostgresTimestamp(unixSeconds: 946_684_799, nanoseconds: 1_000)?.microseconds == -999_999)
        #expect(PostgresTimestamp(unixSeconds: .max) == nil && PostgresTimestamp(unixSeconds: .min) == nil)
    }

    @Test func startupOfAPageserver() throws {
        let shard = try ShardIdentity(number: 1, count: 2, stripeSize: 2048)
        let options = SafekeeperStartupOptions(
            tenant: TenantID("0102030405060708090a0b0c0d0e0f10"),
            timeline: TimelineID("a1a2a3a4a5a6a7a8a9aaabacadaeafb0"),
            receiver: .interpreted(WireFormat(format: .protobuf, compression: .zstd(level: 1)), shard)
        )
        let message = try StartupMessage(parameters: [
            .init(name: "client_encoding", value: "UTF8"), .init(name: "user", value: "neon"),
            .init(name: "options", value: options.text()),
            .init(name: "application_name", value: "pageserver-1"), .init(name: "replication", value: "true"),
        ])
        let vector = hex(
            """
            0000014e 00030000 636c69656e745f656e636f64696e6700 5554463800 7573657200 6e656f6e00 6f7074696f6e7300
            2d632074696d656c696e655f69643d613161326133613461356136613761386139616161626163616461656166623020
            74656e616e745f69643d303130323033303430353036303730383039306130623063306430653066313020
            70726f746f636f6c3d7b2274797065223a22696e746572707265746564222c2261726773223a7b22666f726d6174223a
            2270726f746f627566222c22636f6d7072657373696f6e223a7b227a737464223a7b226c6576656c223a317d7d7d7d20
            73686172645f636f756e743d322073686172645f6e756d6265723d312073686172645f7374726970655f73697a653d3230343800
            6170706c69636174696f6e5f6e616d6500 706167657365727665722d3100 7265706c69636174696f6e00 7472756500 00
            """
        )
        #expect(encoded { message.encode(into: &$0) } == vector)
        let packet = try #require(try StartupRequest.next(in: vector.span.bytes))
        #expect(packet.request == .startup(message) && packet.size == vector.count)
        #expect(try SafekeeperStartupOptions(message) == options)
        #expect(message["application_name"] == "pageserver-1" && message["database"] == nil)
    }

    @Test func startupOfAProposer() throws {
        let options = SafekeeperStartupOptions(tenant: Sample.tenant, timeline: Sample.timeline)
        let message = try StartupMessage(parameters: [
            .init(name: "user", value: "neon"), .init(name: "database", value: "replication"),
            .init(name: "options", value: options.text(namesProtocol: false)),
        ])
        #expect(encoded { message.encode(into: &$0) } == ConsensusVectors.startup)
        let startup = ConsensusVectors.startup
        let packet = try StartupRequest.next(in: startup.span.bytes)
        #expect(packet?.request == .startup(message))
        #expect(try SafekeeperStartupOptions(message) == options)
    }

    @Test func login() throws {
        #expect(
            frames(BackendMessage.trustLogin)
                == hex(
                    """
                    52 00000008 00000000
                    53 00000019 636c69656e745f656e636f64696e6700 5554463800
                    53 00000019 696e74656765725f6461746574696d657300 6f6e00
                    53 00000018 7365727665725f76657273696f6e00 31342e3100
                    5a 00000005 49
                    """
                )
        )
        #expect(frames([.authenticationCleartextPassword]) == hex("52 00000008 00000003"))
        let password = hex("70 0000000c 65794a2e782e7900")
        #expect(try read(password) == .password("eyJ.x.y"))
        #expect(frame(.password("eyJ.x.y")) == password)
        #expect(
            frames(BackendMessage.tokenLogin)
                == hex("52 00000008 00000000  53 00000019 636c69656e745f656e636f64696e6700 5554463800  5a 00000005 49")
        )
        #expect(
            frames([.errorResponse(ErrorResponse("JWT authentication error"))])
                == hex(
                    """
                    45 0000002d 534552524f5200 43585830303000
                    4d4a57542061757468656e7469636174696f6e206572726f7200 00
                    """
                )
        )
    }

    @Test func identifySystem() throws {
        let query = hex("51 00000014 4944454e544946595f53595354454d00")
        #expect(try read(query) == .query("IDENTIFY_SYSTEM"))
        #expect(
            frames(BackendMessage.identifySystem(systemID: 7_300_000_000_000_000_001, position: commit))
                == hex(
                    """
                    54 0000006f 0004
                    73797374656d696400 00000000 0000 00000019 ffff ffffffff 0000
                    74696d656c696e6500 00000000 0000 00000017 0004 ffffffff 0000
                    786c6f67706f7300   00000000 0000 00000019 ffff ffffffff 0000
                    64626e616d6500     00000000 0000 00000019 ffff ffffffff 0000
                    44 00000033 0004 00000013 37333030303030303030303030303030303031 00000001 31
                    00000009 302f31344130303030 ffffffff
                    43 00000014 4944454e544946595f53595354454d00  5a 00000005 49
                    """
                )
        )
    }

    @Test func timelineStatus() {
        let columns = hex(
            """
            54 0000003f 0002
            666c7573685f6c736e00   00000000 0000 00000019 ffff ffffffff 0000
            636f6d6d69745f6c736e00 00000000 0000 00000019 ffff ffffffff 0000
            """
        )
        let row = hex("44 00000020 0002 00000009 302f31344130303030 00000009 302f313439464530 30")
        let end = hex("43 00000014 54494d454c494e455f53544154555300  5a 00000005 49")
        #expect(frames(BackendMessage.timelineStatus((flush: commit, commit: chunkEnd))) == columns + row + end)
        #expect(frames(BackendMessage.timelineStatus(nil)) == columns + end)
    }

    @Test func startReplication() throws {
        let plain = hex("51 00000029 53544152545f5245504c49434154494f4e20504859534943414c20302f3134394644313800")
        let withTerm = hex(
            """
            51 00000034 53544152545f5245504c49434154494f4e20504859534943414c20302f31343946443138
            20287465726d3d2737272900
            """
        )
        for (vector, term) in [(plain, nil), (withTerm, Term(7))] {
            let command = ReplicationCommand.startReplication(StartReplication(start: start, term: term))
            #expect(frame(.query(command.description)) == vector)
            guard case .query(let text) = try read(vector) else { throw NotAnLSN(text: "not a query") }
            #expect(try ReplicationCommand(parsing: text) == command)
        }
        #expect(frames([.copyBothResponse]) == ConsensusVectors.copyBothResponse)
    }

    @Test func startWALPush() throws {
        let options = WALPushOptions(protocolNumber: 3, allowsTimelineCreation: false)
        let command = ReplicationCommand.startWALPush(options)
        #expect(frame(.query(command.description)) == ConsensusVectors.startWALPush)
        #expect(options.protocolVersion == .v3 && WALPushOptions(protocolNumber: 4).protocolVersion == nil)
        #expect(try ReplicationCommand(parsing: command.description) == command)
    }

    @Test func copyDataFrames() {
        let vote = encoded { buffer in
            buffer.appendCopyData { payload in
                VoteRequest(generation: Generation(5), term: Term(3)).encode(into: &payload, version: .v3)
            }
        }
        #expect(vote == ConsensusVectors.voteRequestFrame)
        let heartbeat = encoded { buffer in
            buffer.appendCopyDataHeader(payloadSize: ConsensusVectors.heartbeat.count)
            buffer.append(ConsensusVectors.heartbeat)
        }
        #expect(heartbeat == ConsensusVectors.heartbeatFrame)
    }

    @Test func errors() {
        let text = "WAL acceptor: got AppendRequest before ProposerElected"
        #expect(frames([.errorResponse(ErrorResponse(text))]) == ConsensusVectors.errorResponse)
        let end = """
            ending streaming to Some("pageserver-1") at 0/149FE00, receiver is caughtup and there is no computes
            """
        #expect(
            frames([.errorResponse(ErrorResponse(end, state: .successfulCompletion))])
                == hex(
                    """
                    45 00000079 534552524f5200 43303030303000
                    4d656e64696e672073747265616d696e6720746f20536f6d652822706167657365727665722d3122292061742030
                    2f313439464530302c2072656365697665722069732063617567687475702061
                    6e64207468657265206973206e6f20636f6d707574657300 00
                    """
                )
        )
        #expect(
            frames([.errorResponse(ErrorResponse("Interpreted WAL reader exited early"))])
                == hex(
                    """
                    45 00000038 534552524f5200 43585830303000
                    4d496e7465727072657465642057414c207265616465722065786974656420 6561726c7900 00
                    """
                )
        )
        // A zero byte in the text must not end the message for the reader.
        #expect(
            frames([.errorResponse(ErrorResponse("a\0b"))]).suffix(4) == hex("4d 61 00 00")
        )
    }

    @Test func endOfStream() throws {
        #expect(frame(.copyFail("")) + frame(.sync) == hex("66 00000005 00  53 00000004"))
        #expect(frame(.copyDone) + frame(.sync) + frame(.terminate) == hex("63 00000004  53 00000004  58 00000004"))
        #expect(try read(hex("66 00000005 00")) == .copyFail(""))
        #expect(try read(hex("63 00000004")) == .copyDone)
        #expect(try read(hex("58 00000004")) == .terminate)
        #expect(frames([.copyDone]) == hex("63 00000004"))
    }

    @Test func requestsBeforeStartup() throws {
        func request(_ text: String) throws -> StartupRequest? {
            try StartupRequest.next(in: hex(text).span.bytes)?.request
        }
        #expect(try request("00000008 04d2162f") == .tls)
        #expect(try request("00000008 04d21630") == .gssEncryption)
        #expect(try request("00000010 04d2162e 00000007 00000009") == .cancel(processID: 7, secretKey: 9))
        #expect(try request("16") == .directTLS)
    }

    // MARK: - The copy stream

    private func check(_ message: WALStreamMessage, payload: [UInt8], _ frame: [UInt8]) throws {
        let written = encoded { buffer in
            buffer.appendCopyData { body in
                switch message {
                case .xLogData(let header): header.encode(into: &body)
                case .keepAlive(let keepAlive): keepAlive.encode(into: &body)
                case .interpretedRecords(let header): header.encode(into: &body)
                }
                body.append(payload)
            }
        }
        #expect(written == frame)
        let body = Array(frame.dropFirst(FrontendFrame.headerSize))
        #expect(try WALStreamMessage(decoding: body.span.bytes) == message)
        #expect(Array(body[message.payloadRange(in: body.count)]) == payload)
    }

    @Test func streamMessages() throws {
        try check(
            .keepAlive(KeepAlive(walEnd: commit, time: time, replyRequested: true)),
            payload: [],
            hex("64 00000016 6b 00000000014a0000 0002ceb2209bc000 01")
        )
        try check(
            .xLogData(XLogDataHeader(start: start, walEnd: commit, time: time)),
            payload: hex("deadbeef01020304"),
            hex("64 00000025 77 000000000149fd18 00000000014a0000 0002ceb2209bc000 deadbeef01020304")
        )
        let header = WALStreamMessage.interpretedRecords(InterpretedRecordsHeader(streaming: chunkEnd, commit: commit))
        let payload = hex("10 f0fba70a  18 98faa70a")
        try check(header, payload: payload, hex("64 0000001f 30 000000000149fe00 00000000014a0000") + payload)
        let record = hex("0a 0a 1200 18f0fba70a 28ea05  10f0fba70a 1898faa70a")
        try check(header, payload: record, hex("64 0000002b 30 000000000149fe00 00000000014a0000") + record)
    }

    private func check(_ reply: WALStreamReply, _ frame: [UInt8]) throws {
        #expect(encoded { $0.appendCopyData { reply.encode(into: &$0) } } == frame)
        let body = Array(frame.dropFirst(FrontendFrame.headerSize))
        #expect(try WALStreamReply(decoding: body.span.bytes) == reply)
    }

    @Test func streamReplies() throws {
        try check(
            .standbyStatus(StandbyStatus(write: chunkEnd, flush: chunkEnd, apply: chunkEnd, time: time)),
            hex("64 00000026 72 000000000149fe00 000000000149fe00 000000000149fe00 0002ceb2209bc000 00")
        )
        try check(
            .hotStandbyFeedback(StandbyHorizons(time: time, xmin: 746, catalogXmin: 700)),
            hex("64 0000001d 68 0002ceb2209bc000 000002ea 00000000 000002bc 00000000")
        )
        let lsns = """
            70735f77726974656c736e00 00000008 000000000149fe00
            70735f666c7573686c736e00 00000008 0000000001490000
            70735f6170706c796c736e00 00000008 0000000001480000
            70735f7265706c7974696d6500 00000008 0002ceb2209bc000
            """
        var feedback = PageserverFeedback(
            currentTimelineSize: 25_387_008,
            lastReceived: chunkEnd,
            diskConsistent: LSN(0x149_0000),
            remoteConsistent: LSN(0x148_0000),
            replyTime: time
        )
        let size = "63757272656e745f74696d656c696e655f73697a6500 00000008"
        try check(
            .pageserverFeedback(feedback),
            hex("64 00000091 7a 0000000000000084 05 \(size) 0000000001836000 \(lsns)")
        )
        feedback.currentTimelineSize = 0
        feedback.shardNumber = 1
        let shard = "73686172645f6e756d62657200 00000004 00000001"
        try check(
            .pageserverFeedback(feedback),
            hex("64 000000a6 7a 0000000000000099 06 \(size) 0000000000000000 \(lsns) \(shard)")
        )
        feedback.corruptionDetected = true
        let corruption = "636f7272757074696f6e5f646574656374656400 00000001 01"
        try check(
            .pageserverFeedback(feedback),
            hex("64 000000bf 7a 00000000000000b2 07 \(size) 0000000000000000 \(lsns) \(shard) \(corruption)")
        )
    }

    @Test func feedbackOfOtherWriters() throws {
        // Other names, another order, an unknown key, and a key that comes again.
        let pairs =
            "72656d6f74655f636f6e73697374656e745f6c736e00 00000008 0000000000000030"
            + "6e6577206b657900 00000003 ffffff" + "7265706c7974696d6500 00000008 0000000000000040"
            + "6c6173745f72656365697665645f6c736e00 00000008 0000000000000010"
            + "6469736b5f636f6e73697374656e745f6c736e00 00000008 0000000000000020"
            + "70735f77726974656c736e00 00000008 0000000000000018"
        // The length before the pairs is not looked at.
        let bytes = hex("7a ffffffffffffffff 06" + pairs)
        let expected = PageserverFeedback(
            lastReceived: LSN(0x18),
            diskConsistent: LSN(0x20),
            remoteConsistent: LSN(0x30),
            replyTime: PostgresTimestamp(microseconds: 0x40)
        )
        #expect(try WALStreamReply(decoding: bytes.span.bytes) == .pageserverFeedback(expected))
    }

    @Test func repliesThatAreIgnored() throws {
        #expect(try WALStreamReply(decoding: hex("71 00").span.bytes) == .ignored(tag: 0x71))
        #expect(try WALStreamReply(decoding: RawSpan()) == .ignored(tag: nil))
        #expect(encoded { WALStreamReply.ignored(tag: 0x71).encode(into: &$0) } == [])
    }
}
