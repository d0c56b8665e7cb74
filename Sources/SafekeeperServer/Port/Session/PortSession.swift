internal import ReplicationProtocol

/// A client's session on a port for WAL: what its bytes mean, and what is answered.
///
/// ```
/// startup ──▶ awaitingToken ──▶ verifyingToken ──▶ ready ◀──▶ running ──▶ copying ──▶ copyEnded
///    │  ▲                                          ▲  ▲         │                         │
///    └──┘ TLS       (no token asked for) ──────────┘  └─ skipping                         ▼
///                                                                        everything ──▶ closed
/// ```
///
/// It does nothing itself: ``next(in:)`` looks at the bytes, and the calls that follow tell it how what it asked for
/// came out. There is never more than one thing that it waits for, so that a client can't pile up work.
/// Source: `replication-protocol.md` §1, §2.1, §4.9, `safekeeper-core.md` §1.1.
package struct PortSession: Sendable {
    enum State: Sendable {
        /// Nothing is known of the client.
        case startup(isEncrypted: Bool)
        /// The client is to send its token.
        case awaitingToken(PortClient)
        /// The token is being judged.
        case verifyingToken(PortClient)
        /// The next command may come.
        case ready(PortClient)
        /// A command is being run.
        case running(PortClient, QueryProtocol, isAnswered: Bool)
        /// A message of the extended protocol failed: what follows is passed over up to the end of the series.
        case skipping(PortClient)
        /// Both sides send.
        case copying
        /// The client sends no more; the command has not ended yet.
        case copyEnded(CopyEnd)
        /// There is nothing more to do.
        case closed
    }

    /// Which messages a command came with.
    enum QueryProtocol: Sendable {
        /// A query, after which the server tells that it is ready.
        case simple
        /// A series of messages, at whose end the server tells so.
        case extended
    }

    let policy: PortPolicy
    var state = State.startup(isEncrypted: false)
    /// The command last prepared by a message of the extended protocol.
    var preparedText: String?

    package init(policy: PortPolicy) {
        self.policy = policy
    }

    /// Whether the client has been let in.
    package var isLoggedIn: Bool {
        switch state {
        case .startup, .awaitingToken, .verifyingToken: false
        case .ready, .running, .skipping, .copying, .copyEnded, .closed: true
        }
    }

    /// Whether bytes of the client can have a meaning now.
    package var isListening: Bool {
        switch state {
        case .startup, .awaitingToken, .ready, .skipping, .copying: true
        case .verifyingToken, .running, .copyEnded, .closed: false
        }
    }

    /// Whether payloads can be sent.
    package var isCopying: Bool {
        switch state {
        case .copying, .copyEnded: true
        case .startup, .awaitingToken, .verifyingToken, .ready, .running, .skipping, .closed: false
        }
    }

    /// Looks at the start of the bytes received and not taken yet.
    package mutating func next(in received: RawSpan) -> PortStep {
        switch state {
        case .startup(let isEncrypted): nextOfStartup(in: received, isEncrypted: isEncrypted)
        case .awaitingToken(let client): nextToken(in: received, from: client)
        case .ready(let client): nextMessage(in: received, from: client, skips: false)
        case .skipping(let client): nextMessage(in: received, from: client, skips: true)
        case .copying: nextOfCopy(in: received)
        case .verifyingToken, .running, .copyEnded, .closed: .waits
        }
    }

    /// No bytes will follow those that ``next(in:)`` needs more of.
    package mutating func inputEnded() -> PortAction? {
        switch state {
        case .startup, .awaitingToken, .ready, .skipping: return close(reason: "client left")
        case .copying:
            state = .copyEnded(.disconnected)
            return .endCopy(.disconnected)
        case .verifyingToken, .running, .copyEnded, .closed: return nil
        }
    }

    /// Refuses a client whatever it says.
    package mutating func refuse(_ message: String) -> PortAction {
        close(.init(message), reason: message)
    }

    /// Closes without a word.
    mutating func close(reason: String) -> PortAction {
        state = .closed
        return .close([], reason: reason)
    }

    /// Tells the client why, and closes.
    mutating func close(_ error: ErrorResponse, reason: String) -> PortAction {
        state = .closed
        return .close([.errorResponse(error)], reason: reason)
    }

    /// Tells the client what it did wrong, and closes.
    mutating func closeForViolation(_ text: String) -> PortAction {
        close(ErrorResponse(text), reason: text)
    }
}
