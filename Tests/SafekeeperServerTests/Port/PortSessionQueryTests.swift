import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

/// What a session makes of commands, and of what they answer.
@Suite struct PortSessionQueryTests {
    private func error(_ text: String) -> BackendMessage {
        .errorResponse(ErrorResponse(text))
    }

    @Test func answerOfASimpleQuery() {
        var driver = SessionDriver.ready()
        driver.feed(frames(.query("IDENTIFY_SYSTEM"), .query("TIMELINE_STATUS")))
        #expect(driver.takeActions().count == 1, "the second query waits for the first")
        let answer = BackendMessage.timelineStatus(nil)
        driver.tell { $0.commandAnswers(answer) }
        driver.tell { $0.commandEnded(.succeeded) }
        let actions = driver.takeActions()
        #expect(actions.prefix(2) == [.send(Array(answer.dropLast())), .send([.readyForQuery])])
        #expect(actions.count == 3, "then the second one is run")
    }

    @Test func failureLeavesTheSessionUsable() {
        var driver = SessionDriver.ready()
        driver.feed(frames(.query("IDENTIFY_SYSTEM")))
        _ = driver.takeActions()
        driver.tell { $0.commandEnded(.failed(ErrorResponse("no"))) }
        #expect(driver.takeActions() == [.send([error("no"), .readyForQuery])])
        driver.feed(frames(.query("IDENTIFY_SYSTEM")))
        #expect(driver.takeActions().count == 1)
        driver.tell { $0.commandEnded(.succeeded) }
        #expect(driver.takeActions() == [.send([error("the command has no answer"), .readyForQuery])])
        driver.feed(frames(.query("IDENTIFY_SYSTEM")))
        _ = driver.takeActions()
        driver.tell { $0.commandEnded(.closesSilently(reason: "cancelled")) }
        #expect(driver.takeActions() == [.close([], reason: "cancelled")])
    }

    /// What is answered to commands that are not run.
    static let answeredAtOnce: [(options: String, query: String, answer: BackendMessage)] = [
        ("", "SET datestyle TO 'ISO'", .commandComplete("SELECT 1")),
        ("", "set DateStyle to iso", .commandComplete("SELECT 1")),
        ("", "IDENTIFY_SYSTEM", .errorResponse(ErrorResponse("tenantid is required"))),
        (
            "tenant_id=\(Sample.tenant)", "IDENTIFY_SYSTEM",
            .errorResponse(ErrorResponse("timelineid is required"))
        ),
        ("", "SELECT 1", .errorResponse(ErrorResponse("unsupported command SELECT 1"))),
        ("", "SHOW wal_segment_size", .errorResponse(ErrorResponse("tenantid is required"))),
        ("", "", .errorResponse(ErrorResponse("unsupported command "))),
        (
            Sample.options, "START_REPLICATION 1/1FFFFFFFF",
            .errorResponse(
                ErrorResponse(
                    "parse start LSN from START_REPLICATION command: LsnParseError at position 18"
                )
            )
        ),
    ]

    @Test(arguments: answeredAtOnce.indices)
    func answerAtOnce(_ index: Int) {
        let (options, query, answer) = Self.answeredAtOnce[index]
        var driver = SessionDriver.ready(options: options)
        driver.feed(frames(.query(query)))
        #expect(driver.takeActions() == [.send([answer, .readyForQuery])])
        driver.feed(frames(.sync))
        #expect(driver.takeActions() == [.send([.readyForQuery])])
    }

    @Test func tokenIsAskedForEachCommand() {
        let table: [(AccessClaims, isRun: Bool)] = [
            (AccessClaims(scope: .safekeeperData), true),
            (AccessClaims(scope: .tenant, tenant: Sample.tenant), true),
            (AccessClaims(scope: .tenant, tenant: Sample.otherTenant), false),
            (AccessClaims(scope: .admin), false),
        ]
        for (claims, isRun) in table {
            var driver = SessionDriver.ready(PortPolicy(requiresToken: true))
            driver.feed(frames(.password("a")))
            driver.tell { $0.tokenAccepted(claims) }
            _ = driver.takeActions()
            driver.feed(frames(.query("IDENTIFY_SYSTEM")))
            let actions = driver.takeActions()
            if isRun {
                guard case .run(let command)? = actions.first else {
                    Issue.record("\(claims) is refused")
                    continue
                }
                #expect(command.client.claims == claims)
            } else {
                #expect(actions == [.send([error("JWT authentication error"), .readyForQuery])])
            }
        }
    }

    @Test func violations() {
        let table: [(bytes: [UInt8], text: String)] = [
            (copyData([1]), "message 'd' outside of COPY and login"),
            (frames(.copyDone), "message 'c' outside of COPY and login"),
            (frames(.password("x")), "message 'p' outside of COPY and login"),
            (frame("x"), "unknown message tag 120"),
            (hex("51 00000003"), "length 3 of message 81 is below 4"),
            (hex("51 00010000"), "length 65536 of message 81 is above 9999"),
            (frame("P", [0, 0, 0, 1]), "reading parameter count: 1, expected 0 (message 'P')"),
            (frame("Q", [0xFF, 0]), "reading query: not UTF-8 (message 'Q')"),
        ]
        for (bytes, text) in table {
            var driver = SessionDriver.ready()
            driver.feed(bytes + frames(.query("IDENTIFY_SYSTEM")))
            #expect(driver.takeActions() == [.close([error(text)], reason: text)])
        }
        var driver = SessionDriver.ready()
        driver.feed(frames(.terminate))
        #expect(driver.takeActions() == [.close([], reason: "client left")])
    }
}

// MARK: - The extended protocol

extension PortSessionQueryTests {
    @Test func extendedQuery() {
        var driver = SessionDriver.ready()
        driver.feed(SafekeeperServerTests.extendedQuery("IDENTIFY_SYSTEM") + frame("C", [0x53, 0]) + frame("H"))
        let prepared = driver.takeActions()
        let expected: [PortAction] = [
            .send([.parseComplete]), .send([.bindComplete]), .send([.noParameters, .noData]),
        ]
        #expect(prepared.prefix(3) == expected[...] && prepared.count == 4)
        driver.tell { $0.commandAnswers([.commandComplete("IDENTIFY_SYSTEM"), .readyForQuery]) }
        driver.tell { $0.commandEnded(.succeeded) }
        let answered: [PortAction] = [
            .send([.commandComplete("IDENTIFY_SYSTEM")]), .send([.readyForQuery]), .send([.closeComplete]),
        ]
        #expect(driver.takeActions() == answered)
    }

    @Test func failureSkipsTheRestOfTheSeries() {
        var driver = SessionDriver.ready()
        driver.feed(SafekeeperServerTests.extendedQuery("SELECT 1"))
        #expect(
            driver.takeActions().suffix(2) == [.send([error("unsupported command SELECT 1")]), .send([.readyForQuery])]
        )
        driver.feed(frame("E", [0, 0, 0, 0, 0]) + frames(.query("TIMELINE_STATUS")) + frame("P", [0, 0, 0, 0]))
        #expect(driver.takeActions() == [.send([error("unsupported command SELECT 1")])])
        driver.feed(frames(.sync) + SafekeeperServerTests.extendedQuery("SET datestyle TO iso"))
        #expect(driver.takeActions().suffix(2) == [.send([.commandComplete("SELECT 1")]), .send([.readyForQuery])])
        driver.feed(frame("D", [0x50, 0]))
        #expect(driver.takeActions() == [.send([.noData])])
    }

    @Test func nothingPrepared() {
        var driver = SessionDriver.ready()
        driver.feed(frame("E", [0, 0, 0, 0, 0]) + frames(.sync))
        #expect(driver.takeActions() == [.send([error("no command has been prepared")]), .send([.readyForQuery])])
    }

    @Test func failureWhileRunning() {
        var driver = SessionDriver.ready()
        driver.feed(SafekeeperServerTests.extendedQuery("IDENTIFY_SYSTEM"))
        _ = driver.takeActions()
        driver.tell { $0.commandEnded(.failed(ErrorResponse("no"))) }
        #expect(driver.takeActions() == [.send([error("no")]), .send([.readyForQuery])])
    }
}
