import InterpretedWAL
import NIOCore
import ReplicationProtocol
import SafekeeperServer
import TestFixtures
import Testing

/// What damaged and hostile clients can do: nothing but end their own connections.
@Suite(.timeLimit(.minutes(1)))
struct PortMutationTests {
    /// Something like a client's packets, some of them damaged.
    private func packets(_ generator: inout SeededGenerator, policy: PortPolicy) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        if generator.chance(1, in: 8) { packets.append(Sample.gssRequest) }
        if generator.chance(policy.encryption == .required ? 7 : 1, in: 8) { packets.append(Sample.sslRequest) }
        if generator.chance(1, in: 40) { packets.append(Sample.cancelRequest) }
        if generator.chance(1, in: 40) { packets.append([0x16]) }
        packets.append(startupPacket(options: generator.chance(1, in: 8) ? nil : Sample.options))
        if generator.chance(policy.requiresToken ? 7 : 1, in: 8) { packets.append(frames(.password("a.b.c"))) }
        if generator.chance(1, in: 2) { packets.append(frames(.query("START_WAL_PUSH"))) }
        for _ in 0..<Int.random(in: 1...6, using: &generator) { packets.append(message(&generator)) }
        return packets.map { generator.chance(1, in: 8) ? damaged($0, &generator) : $0 }
    }

    /// The same bytes in other pieces, half of the time.
    private func pieces(_ packets: [[UInt8]], _ generator: inout SeededGenerator) -> [[UInt8]] {
        if generator.chance(1, in: 2) { return packets }
        var rest = packets.flatMap { $0 }[...]
        var pieces: [[UInt8]] = []
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...200, using: &generator))
            rest = rest.dropFirst(piece.count)
            pieces.append(Array(piece))
        }
        return pieces
    }

    private func message(_ generator: inout SeededGenerator) -> [UInt8] {
        switch Int.random(in: 0..<16, using: &generator) {
        case 0: frames(.query("IDENTIFY_SYSTEM"))
        case 1, 10, 11: frames(.query("START_WAL_PUSH (proto_version '3')"))
        case 2: frames(.query("START_REPLICATION PHYSICAL 0/1500000 (term='3')"))
        case 3: SafekeeperServerTests.extendedQuery("TIMELINE_STATUS")
        case 4, 12, 13, 14: copyData(generator.bytes(upTo: 300))
        case 5: frames(.copyDone, .sync)
        case 6: frames(.copyFail("x"))
        case 7: frames(.query("SET datestyle TO 'ISO'"))
        case 8: frames(.terminate)
        default: generator.bytes(upTo: 30)
        }
    }

    private func damaged(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes.removeSubrange(place...)
            case 3: bytes.insert(contentsOf: generator.bytes(upTo: 8), at: place)
            default: bytes.remove(at: place)
            }
        }
        return bytes
    }

    /// The driver checks every step; here commands and tokens end in every way at every point.
    @Test func sessions() async {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let encryptions: [PortPolicy.Encryption] = [.none, .offered, .required]
        var (closed, loggedIn, copied) = (0, 0, 0)
        for round in 0..<50_000 {
            // Other tests are to get on as well.
            if round.isMultiple(of: 500) { await Task.yield() }
            let policy = PortPolicy(
                encryption: encryptions[Int.random(in: 0..<3, using: &generator)],
                requiresToken: generator.chance(1, in: 3),
                isTenantOnly: generator.chance(1, in: 3)
            )
            var driver = SessionDriver(policy)
            var isClosed = false
            for piece in pieces(packets(&generator, policy: policy), &generator) {
                driver.feed(piece)
                answer(&driver, &generator, &isClosed)
            }
            driver.tell { $0.inputEnded() }
            answer(&driver, &generator, &isClosed)
            driver.tell { $0.inputEnded() }
            answer(&driver, &generator, &isClosed)
            let isListening = driver.session.isListening
            #expect(!isListening && isClosed, "seed \(seed), round \(round): the session does not end")
            closed += isClosed ? 1 : 0
            loggedIn += driver.wasLoggedIn ? 1 : 0
            copied += driver.payloads.isEmpty ? 0 : 1
        }
        // The streams have to reach all states, or nothing is tested here.
        #expect(closed == 50_000 && loggedIn > 5_000 && copied > 1_000, "seed \(seed): \(loggedIn), \(copied)")
    }

    /// Does what the session asks for, this way or that, until it asks for nothing more.
    private func answer(_ driver: inout SessionDriver, _ generator: inout SeededGenerator, _ isClosed: inout Bool) {
        while true {
            let actions = driver.takeActions()
            if actions.isEmpty { return }
            for action in actions {
                #expect(!isClosed, "an action after the end: \(action)")
                switch action {
                case .verify:
                    let isAccepted = generator.chance(2, in: 3)
                    driver.tell { session in
                        isAccepted
                            ? session.tokenAccepted(AccessClaims(scope: .tenant, tenant: Sample.tenant))
                            : session.tokenRefused(.signature)
                    }
                case .run:
                    driver.noteLogin()
                    if generator.chance(1, in: 2) { driver.tell { $0.commandStartsCopy() } }
                    if generator.chance(1, in: 2) { driver.tell { $0.commandAnswers([.commandComplete("X")]) } }
                    if !driver.session.isCopying { end(&driver, &generator) }
                case .endCopy:
                    end(&driver, &generator)
                case .close:
                    isClosed = true
                case .send, .refuseEncryption, .acceptTLS, .startTLS, .deliver:
                    break
                }
            }
        }
    }

    private func end(_ driver: inout SessionDriver, _ generator: inout SeededGenerator) {
        let outcomes: [CommandOutcome] = [.succeeded, .failed(ErrorResponse("x")), .closesSilently(reason: "x")]
        let outcome = outcomes[Int.random(in: 0..<3, using: &generator)]
        driver.tell { $0.commandEnded(outcome) }
    }

    /// The same against a server, many at a time, beside a client that has to be left alone.
    @Test func connections() async throws {
        let credentials = try testCredentials()
        let seed = UInt64.random(in: 0 ... .max)
        try await withServer({ $0.encryption = .offered(credentials) }) { server in
            try await TestConnection.streaming(server) { good in
                for round in 0..<20 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for client in 0..<25 {
                            var generator = SeededGenerator(seed: seed &+ UInt64(round * 25 + client))
                            let bytes = packets(&generator, policy: PortPolicy(encryption: .offered)).flatMap { $0 }
                            group.addTask {
                                try await TestConnection.with(server) { connection in
                                    try? await connection.send(bytes)
                                    connection.finishSending()
                                    _ = try await connection.rest()
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    let payload = [UInt8](repeating: UInt8(round), count: 1 + round * 997)
                    try await good.send(copyData(payload))
                    #expect(try await good.message()?.body == payload, "seed \(seed)")
                }
            }
        }
    }

    /// Frames that only announce their bytes cost nothing.
    @Test func announcedBytes() async throws {
        try await withServer { server in
            try await TestConnection.streaming(server) { connection in
                try await connection.send(hex("64 00100000"))
                #expect(try await connection.message() == nil)
            }
            try await TestConnection.streaming(server) { connection in
                try await connection.send(hex("64 000ffff0 01"))
                connection.finishSending()
                #expect(try await connection.message() == nil)
            }
        }
    }
}
