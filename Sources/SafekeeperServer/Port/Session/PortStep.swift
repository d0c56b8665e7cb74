package import ReplicationProtocol
package import ShardIdentity

/// What a session makes of the bytes received.
package enum PortStep: Hashable, Sendable {
    /// Nothing yet: it goes on when there are this many bytes, or more.
    case needs(Int)
    /// Nothing: it waits for what was asked for before, or for the end.
    case waits
    /// It is through with this many bytes, which mean that something is to be done.
    case taken(Int, PortAction?)
}

/// What a session wants to be done.
package enum PortAction: Hashable, Sendable {
    /// Send messages.
    case send([BackendMessage])
    /// Send the byte that says that encryption is not spoken.
    case refuseEncryption
    /// Send the byte that says that TLS is spoken, and begin with it.
    case acceptTLS
    /// Begin with TLS; the bytes received are the start of it.
    case startTLS
    /// Judge a token, then call ``PortSession/tokenAccepted(_:)`` or ``PortSession/tokenRefused()``.
    case verify(token: String)
    /// Run a command, then call ``PortSession/commandEnded(_:)``.
    case run(PortCommand)
    /// Hand the bytes at these offsets over as the payload of a CopyData.
    case deliver(Range<Int>)
    /// Tell the running command that nothing more will be delivered.
    case endCopy(CopyEnd)
    /// Send messages and close the connection; the reason is for the log.
    case close([BackendMessage], reason: String)
}

/// A command that may be run, with the timeline that it is for.
package struct PortCommand: Hashable, Sendable {
    /// The command; one that a safekeeper serves, and not the setting of the date style.
    package let command: ReplicationCommand
    /// The tenant that the client has named.
    package let tenant: TenantID
    /// The timeline that the client has named.
    package let timeline: TimelineID
    /// Who wants it.
    package let client: PortClient
}

/// How a command ended.
package enum CommandOutcome: Hashable, Sendable {
    /// It did what it was to do.
    case succeeded
    /// It failed, or ends its stream on purpose; the client is told.
    case failed(ErrorResponse)
    /// The client is to see nothing but the end of the connection; the reason is for the log.
    case closesSilently(reason: String)
}

/// How a client's part of a COPY stream ended.
package enum CopyEnd: Hashable, Sendable {
    /// It said that it was done.
    case done
    /// It gave up, with its reason.
    case failed(String)
    /// It left, or the connection broke.
    case disconnected
    /// It sent something that has no place there.
    case violated(String)
}
