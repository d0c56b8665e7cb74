import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// What a session makes of its startup and of tokens.
@Suite struct PortSessionStartupTests {
    private func actions(_ bytes: [UInt8], _ policy: PortPolicy = PortPolicy()) -> [PortAction] {
        var driver = SessionDriver(policy)
        driver.feed(bytes)
        return driver.takeActions()
    }

    private func refusal(_ text: String) -> [PortAction] {
        [.close([.errorResponse(ErrorResponse(text))], reason: text)]
    }

    @Test func trustedClientIsLetIn() throws {
        // The startup packet of a real proposer, `safekeeper-core.md` §9.4.
        let packet = hex(
            """
            0000008b0003000075736572006e656f6e006461746162617365007265706c69636174696f6e006f7074696f6e73002d632074696d\
            656c696e655f69643d66666565646463636262616139393838373736363535343433333232313130302074656e616e745f69643d30\
            303131323233333434353536363737383839396161626263636464656566660000
            """
        )
        var driver = SessionDriver()
        driver.feed(packet)
        #expect(driver.takeActions() == [.send(BackendMessage.trustLogin)])
        let isLoggedIn = driver.session.isLoggedIn
        #expect(isLoggedIn)
        driver.feed(frames(.query("IDENTIFY_SYSTEM")))
        guard case .run(let command)? = driver.takeActions().first else {
            Issue.record("the command is not run")
            return
        }
        #expect(command.tenant == Sample.tenant && command.timeline == Sample.timeline)
    }

    @Test func whatIsSaidInTheStartupIsKept() {
        var driver = SessionDriver()
        driver.feed(startupPacket(applicationName: "pageserver-7"))
        driver.feed(frames(.query("TIMELINE_STATUS")))
        let expected = PortClient(
            options: SafekeeperStartupOptions(tenant: Sample.tenant, timeline: Sample.timeline),
            applicationName: "pageserver-7"
        )
        guard case .run(let command)? = driver.takeActions().last else {
            Issue.record("the command is not run")
            return
        }
        #expect(command.client == expected && command.command == .timelineStatus)
    }

    @Test func encryptionIsRefusedWhereThereIsNone() {
        let bytes = Sample.gssRequest + Sample.sslRequest + startupPacket()
        let expected: [PortAction] = [.refuseEncryption, .refuseEncryption, .send(BackendMessage.trustLogin)]
        #expect(actions(bytes) == expected)
        #expect(actions([0x16]) == [.close([], reason: "TLS handshake on a port without TLS")])
    }

    @Test(arguments: [PortPolicy.Encryption.offered, .required])
    func encryptionIsAccepted(_ encryption: PortPolicy.Encryption) {
        let policy = PortPolicy(encryption: encryption)
        for (request, action) in [(Sample.sslRequest, PortAction.acceptTLS), ([0x16], .startTLS)] {
            var driver = SessionDriver(policy)
            driver.feed(request)
            #expect(driver.takeActions().first == action)
        }
        var driver = SessionDriver(policy)
        driver.feed(Sample.sslRequest)
        driver.feed(startupPacket())
        #expect(driver.takeActions() == [.acceptTLS, .send(BackendMessage.trustLogin)])
        // A second time it is too late, and so are bytes from before the handshake.
        driver = SessionDriver(policy)
        driver.feed(Sample.sslRequest)
        driver.feed(Sample.sslRequest)
        #expect(driver.takeActions() == [.acceptTLS] + refusal("TLS was asked for twice"))
        let early = Sample.sslRequest + startupPacket()
        #expect(actions(early, policy) == refusal("unencrypted bytes after the request for TLS"))
    }

    @Test func encryptionIsInsistedOn() {
        #expect(actions(startupPacket(), PortPolicy(encryption: .required)) == refusal("must connect with TLS"))
        let offered = PortPolicy(encryption: .offered)
        #expect(actions(startupPacket(), offered) == [.send(BackendMessage.trustLogin)])
    }

    /// Bad startups with the words for them: the client is told, where others just close.
    static let badStartups: [(bytes: [UInt8], text: String)] = [
        (hex("00000007"), "length 7 of the startup packet is outside of 8...10000"),
        (hex("00002711"), "length 10001 of the startup packet is outside of 8...10000"),
        (hex("ffffffff"), "length 4294967295 of the startup packet is outside of 8...10000"),
        (hex("00000008 04d2ffff"), "startup packet: reading code: unknown request 65535"),
        (hex("00000009 00030000 ff"), "startup packet: reading name: no terminating zero byte"),
        (hex("0000000b 00030000 ff0000"), "startup packet: reading name: not UTF-8"),
        (startupPacket(options: "tenant_id=12"), "Failed to parse 12 as tenant id"),
        (startupPacket(options: "ztimelineid=x"), "Failed to parse x as timeline id"),
        (startupPacket(options: "shard_count=300"), "Failed to parse 300 as shard count"),
        (startupPacket(options: "shard_number=1"), "Shard params specified for vanilla protocol"),
        (
            startupPacket(
                options: #"protocol={"type":"interpreted","args":{"format":"protobuf","compression":null}}"#
            ), "Shard params were not specified"
        ),
    ]

    @Test(arguments: badStartups.indices)
    func badStartupIsExplained(_ index: Int) {
        let (bytes, text) = Self.badStartups[index]
        #expect(actions(bytes) == refusal(text))
    }

    @Test func cancelRequestHasNoAnswer() {
        #expect(actions(Sample.cancelRequest) == [.close([], reason: "cancel request, which is not served")])
    }

    @Test func endOfInput() {
        for bytes in [[], [0], Array(startupPacket().dropLast()), startupPacket()] {
            var driver = SessionDriver()
            driver.feed(bytes)
            let action = driver.session.inputEnded()
            #expect(action == .close([], reason: "client left"))
        }
    }
}

// MARK: - Tokens

extension PortSessionStartupTests {
    private func awaitingToken(isTenantOnly: Bool = false) -> SessionDriver {
        var driver = SessionDriver(PortPolicy(requiresToken: true, isTenantOnly: isTenantOnly))
        driver.feed(startupPacket())
        return driver
    }

    @Test func tokenIsAskedForAndJudged() {
        var driver = awaitingToken()
        #expect(driver.takeActions() == [.send([.authenticationCleartextPassword])])
        driver.feed(frames(.password("a.b.c")))
        // A query sent too early waits.
        driver.feed(frames(.query("IDENTIFY_SYSTEM")))
        #expect(driver.takeActions() == [.verify(token: "a.b.c")])
        driver.tell { $0.tokenAccepted(AccessClaims(scope: .safekeeperData)) }
        let actions = driver.takeActions()
        #expect(actions.first == .send(BackendMessage.tokenLogin) && actions.count == 2)
        let again = driver.session.tokenAccepted(AccessClaims(scope: .safekeeperData))
        #expect(again == nil)
    }

    @Test func refusedToken() {
        var driver = awaitingToken()
        driver.feed(frames(.password("a")))
        _ = driver.takeActions()
        driver.tell { $0.tokenRefused(.signature) }
        let answer = BackendMessage.errorResponse(ErrorResponse("JWT authentication error"))
        #expect(driver.takeActions() == [.close([answer], reason: "signature of the token is not valid")])
    }

    @Test func tokenOfTheWrongKindForThePort() {
        let answer = BackendMessage.errorResponse(ErrorResponse("JWT authentication error"))
        let table: [(AccessClaims, tenantOnly: Bool, accepted: Bool)] = [
            (AccessClaims(scope: .safekeeperData), true, false),
            (AccessClaims(scope: .safekeeperData), false, true),
            (AccessClaims(scope: .tenant, tenant: Sample.tenant), true, true),
            (AccessClaims(scope: .tenant, tenant: Sample.tenant), false, true),
            (AccessClaims(scope: .tenant), true, false),
            (AccessClaims(scope: .tenant), false, false),
            (AccessClaims(scope: .pageserverAPI), true, false),
            (AccessClaims(scope: .pageserverAPI), false, true),
        ]
        for (claims, tenantOnly, accepted) in table {
            var driver = awaitingToken(isTenantOnly: tenantOnly)
            driver.feed(frames(.password("a")))
            _ = driver.takeActions()
            driver.tell { $0.tokenAccepted(claims) }
            let refusal = PortAction.close([answer], reason: "scope \(claims.scope.rawValue) is ineligible")
            #expect(driver.takeActions() == [accepted ? .send(BackendMessage.tokenLogin) : refusal], "\(claims)")
        }
    }

    @Test func insteadOfAToken() {
        let table: [(bytes: [UInt8], text: String)] = [
            (frames(.query("IDENTIFY_SYSTEM")), "expected a password message, found 'Q'"),
            (frame("p"), "reading password: no terminating zero byte (message 'p')"),
            (frame("p", [0xFF, 0]), "jwt response is not UTF-8"),
            (frame("z"), "unknown message tag 122"),
            ([0x70, 0, 0, 0x27, 0x10], "length 10000 of message 112 is above 9999"),
        ]
        for (bytes, text) in table {
            var driver = awaitingToken()
            _ = driver.takeActions()
            driver.feed(bytes)
            #expect(driver.takeActions() == refusal(text))
        }
        var driver = awaitingToken()
        driver.feed(frames(.terminate))
        #expect(driver.takeActions().last == .close([], reason: "client left"))
    }
}
