internal import ReplicationProtocol

// MARK: - Before the session

extension PortSession {
    /// A packet of the startup.
    ///
    /// Other safekeepers close without a word where something is wrong; here the client is told what. Only where an
    /// answer could not be read is there none: to a cancel request, and to a TLS handshake without TLS.
    mutating func nextOfStartup(in received: RawSpan, isEncrypted: Bool) -> PortStep {
        let packet: StartupRequest.Packet
        do {
            guard let next = try StartupRequest.next(in: received) else { return .needs(Self.packetSize(in: received)) }
            packet = next
        } catch {
            return .taken(received.byteCount, closeForViolation("\(error)"))
        }
        let isLast = packet.size == received.byteCount
        return .taken(packet.size, take(packet.request, isEncrypted: isEncrypted, isLast: isLast))
    }

    private static func packetSize(in received: RawSpan) -> Int {
        guard received.byteCount >= 4 else { return 4 }
        return Int(UInt32(bigEndian: received.unsafeLoadUnaligned(as: UInt32.self)))
    }

    private mutating func take(_ request: StartupRequest, isEncrypted: Bool, isLast: Bool) -> PortAction {
        switch request {
        case .directTLS:
            guard policy.encryption != .none else { return close(reason: "TLS handshake on a port without TLS") }
            guard !isEncrypted else { return closeForViolation("TLS handshake inside of TLS") }
            state = .startup(isEncrypted: true)
            return .startTLS
        case .tls:
            guard policy.encryption != .none else { return .refuseEncryption }
            guard !isEncrypted else { return closeForViolation("TLS was asked for twice") }
            // Bytes from before the handshake must not be taken for bytes that came through it.
            guard isLast else { return closeForViolation("unencrypted bytes after the request for TLS") }
            state = .startup(isEncrypted: true)
            return .acceptTLS
        case .gssEncryption: return .refuseEncryption
        case .cancel: return close(reason: "cancel request, which is not served")
        case .startup(let message): return start(message, isEncrypted: isEncrypted)
        }
    }

    private mutating func start(_ message: StartupMessage, isEncrypted: Bool) -> PortAction {
        if policy.encryption == .required, !isEncrypted { return closeForViolation("must connect with TLS") }
        let options: SafekeeperStartupOptions
        do {
            options = try SafekeeperStartupOptions(message)
        } catch {
            return closeForViolation("\(error)")
        }
        let name = message["application_name"]
        let client = PortClient(options: options, applicationName: name, isEncrypted: isEncrypted)
        guard policy.requiresToken else {
            state = .ready(client)
            return .send(BackendMessage.trustLogin)
        }
        state = .awaitingToken(client)
        return .send([.authenticationCleartextPassword])
    }
}

// MARK: - Authentication

extension PortSession {
    mutating func nextToken(in received: RawSpan, from client: PortClient) -> PortStep {
        let frame: FrontendFrame
        switch nextFrame(in: received, maximumSize: policy.maximumQueryFrame) {
        case .success(let next): frame = next
        case .failure(.needs(let count)): return .needs(count)
        case .failure(.violation(let text)): return .taken(received.byteCount, closeForViolation(text))
        }
        let body = received.extracting(frame.bodyRange)
        return .taken(frame.size, takeToken(tag: frame.tag, body: body, from: client))
    }

    private mutating func takeToken(tag: UInt8, body: RawSpan, from client: PortClient) -> PortAction {
        do {
            switch try FrontendMessage(tag: tag, body: body) {
            case .password(let token):
                state = .verifyingToken(client)
                return .verify(token: token)
            case .terminate: return close(reason: "client left")
            default: return closeForViolation("expected a password message, found '\(Self.name(of: tag))'")
            }
        } catch .invalidField(_, let fault) where tag == UInt8(ascii: "p") && fault.kind == .invalidUTF8 {
            return closeForViolation("jwt response is not UTF-8")
        } catch {
            return closeForViolation("\(error)")
        }
    }

    /// The token is valid; whether it may be used on this port is decided here.
    package mutating func tokenAccepted(_ claims: AccessClaims) -> PortAction? {
        guard case .verifyingToken(var client) = state else { return nil }
        guard claims.permits(.login(tenantOnly: policy.isTenantOnly)) else {
            return tokenRefused(.notPermitted(claims.scope))
        }
        client.claims = claims
        state = .ready(client)
        return .send(BackendMessage.tokenLogin)
    }

    /// The token is not valid.
    package mutating func tokenRefused(_ error: TokenError) -> PortAction? {
        guard case .verifyingToken = state else { return nil }
        return close(ErrorResponse(TokenError.clientMessage), reason: "\(error)")
    }
}

// MARK: - Frames

extension PortSession {
    /// Why there is no frame.
    enum NoFrame: Error {
        case needs(Int)
        case violation(String)
    }

    func nextFrame(in received: RawSpan, maximumSize: Int) -> Result<FrontendFrame, NoFrame> {
        do {
            if let frame = try FrontendFrame.next(in: received, maximumSize: maximumSize) { return .success(frame) }
        } catch {
            return .failure(.violation("\(error)"))
        }
        guard received.byteCount >= FrontendFrame.headerSize else { return .failure(.needs(FrontendFrame.headerSize)) }
        let length = UInt32(bigEndian: received.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt32.self))
        return .failure(.needs(Int(length) + 1))
    }

    /// A message's letter for people to read.
    static func name(of tag: UInt8) -> String {
        (0x21...0x7E).contains(tag) ? String(Unicode.Scalar(tag)) : "\(tag)"
    }
}
