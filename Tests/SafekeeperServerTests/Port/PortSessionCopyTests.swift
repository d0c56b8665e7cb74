import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

/// What a session makes of a COPY stream and of its end.
@Suite struct PortSessionCopyTests {
    @Test func stream() {
        var driver = SessionDriver.ready()
        // The query of a real proposer and messages behind it, `safekeeper-core.md` §9.4.
        let query = hex(
            """
            510000004853544152545f57414c5f50555348202870726f746f5f76657273696f6e202733272c20616c6c6f775f74696d656c696e\
            655f6372656174696f6e202766616c7365272900
            """
        )
        let vote = hex("640000001176000000050000000000000003")
        let heartbeat = hex(
            """
            64000000316100000005000000000000000300000000015000080000000001500008000000000150000000000000014ee150
            """
        )
        driver.feed(query + vote)
        guard case .run(let command)? = driver.takeActions().first else {
            Issue.record("the command is not run")
            return
        }
        let options = WALPushOptions(protocolNumber: 3, allowsTimelineCreation: false)
        #expect(command.command == .startWALPush(options))
        #expect(driver.payloads.isEmpty)
        driver.tell { $0.commandStartsCopy() }
        let actions = driver.takeActions()
        #expect(actions.first == .send([.copyBothResponse]))
        #expect(frames([.copyBothResponse]) == hex("5700000007000000"))
        driver.feed(heartbeat + copyData([]))
        #expect(driver.payloads == [Array(vote[5...]), Array(heartbeat[5...]), []])
        let again = driver.session.commandStartsCopy()
        #expect(again == nil)
    }

    @Test func framesUpToTheBound() {
        let policy = PortPolicy(maximumCopyFrame: 131_072 + 72 + 5)
        var driver = SessionDriver.copying(policy)
        driver.feed(copyData([UInt8](repeating: 7, count: 131_144)))
        #expect(driver.payloads.first?.count == 131_144)
        driver.feed([0x64] + hex("0002004d"))
        let text = "length 131149 of message 100 is above 131148"
        #expect(driver.takeActions().last == .endCopy(.violated(text)))
        #expect(PortPolicy().maximumCopyFrame >= 131_072 + 80 + 5)
    }

    @Test func bytesNeededAreSaid() {
        var driver = SessionDriver.copying()
        #expect(driver.needed == 5)
        driver.feed([0x64, 0, 1, 0])
        #expect(driver.needed == 5)
        driver.feed([0])
        #expect(driver.needed == 65_537)
    }

    /// How the client ends, what the command then hears, and what the client is told.
    static let ends: [(bytes: [UInt8], end: CopyEnd, answer: [BackendMessage], failure: [BackendMessage])] = [
        (
            frames(.copyDone), .done, [.copyDone],
            [.errorResponse(ErrorResponse("broken"))]
        ),
        (
            frames(.copyFail("why"), .sync), .failed("why"),
            [.errorResponse(ErrorResponse("received CopyFail", state: .successfulCompletion))],
            [.errorResponse(ErrorResponse("received CopyFail", state: .successfulCompletion))]
        ),
        (frames(.terminate), .disconnected, [], []),
        (frames(.query("x")), .violated("message 'Q' in COPY"), [], []),
        (frame("z"), .violated("unknown message tag 122"), [], []),
        (frame("c", [1]), .violated("1 bytes after length (message 'c')"), [], []),
    ]

    @Test(arguments: ends.indices)
    func endOfTheClient(_ index: Int) {
        let (bytes, end, answer, failure) = Self.ends[index]
        for (outcome, expected) in [
            (CommandOutcome.succeeded, answer), (.failed(ErrorResponse("broken")), failure),
            (.closesSilently(reason: "cancelled"), []),
        ] {
            var driver = SessionDriver.copying()
            driver.feed(copyData([1]) + frame("S") + frame("H") + bytes + copyData([2]))
            #expect(driver.takeActions() == [.deliver(5..<6), .endCopy(end)])
            #expect(driver.payloads == [[1]], "nothing comes after the end")
            driver.tell { $0.commandEnded(outcome) }
            guard case .close(let messages, _)? = driver.takeActions().first else {
                Issue.record("the connection is not closed")
                continue
            }
            #expect(messages == expected)
            let later = driver.session.commandEnded(.succeeded)
            #expect(later == nil)
        }
    }

    @Test func lostClient() {
        var driver = SessionDriver.copying()
        let end = driver.session.inputEnded()
        #expect(end == .endCopy(.disconnected))
        let again = driver.session.inputEnded()
        #expect(again == nil)
        driver.tell { $0.commandEnded(.failed(ErrorResponse("broken"))) }
        #expect(driver.takeActions() == [.close([], reason: "client left; broken")])
    }

    @Test func endOfTheServer() {
        let table: [(CommandOutcome, [BackendMessage])] = [
            (.succeeded, [.copyDone]),
            (.closesSilently(reason: "cancelled"), []),
            (.failed(ErrorResponse("broken")), [.errorResponse(ErrorResponse("broken"))]),
            (
                .failed(ErrorResponse("ending streaming", state: .successfulCompletion)),
                [.errorResponse(ErrorResponse("ending streaming", state: .successfulCompletion))]
            ),
        ]
        for (outcome, expected) in table {
            var driver = SessionDriver.copying()
            driver.tell { $0.commandEnded(outcome) }
            guard case .close(let messages, _)? = driver.takeActions().first else {
                Issue.record("the connection is not closed")
                continue
            }
            #expect(messages == expected)
            let isListening = driver.session.isListening
            #expect(!isListening)
        }
        // `safekeeper-core.md` §9.4.
        let text = "WAL acceptor: got AppendRequest before ProposerElected"
        let bytes = hex(
            """
            450000004b534552524f5200435858303030004d57414c206163636570746f723a20676f7420417070656e6452657175657374\
            206265666f72652050726f706f736572456c65637465640000
            """
        )
        #expect(frames([.errorResponse(ErrorResponse(text))]) == bytes)
    }
}
