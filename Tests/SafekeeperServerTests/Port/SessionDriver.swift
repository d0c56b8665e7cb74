import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity

/// Feeds a session as the channel handler does, and keeps what it wants to be done.
struct SessionDriver {
    var session: PortSession
    private(set) var received: [UInt8] = []
    private(set) var actions: [PortAction] = []
    private(set) var payloads: [[UInt8]] = []
    /// How many bytes the session said that it needs, if it is waiting for bytes.
    private(set) var needed: Int?
    /// Whether a command has been run.
    private(set) var wasLoggedIn = false

    init(_ policy: PortPolicy = PortPolicy()) {
        session = PortSession(policy: policy)
    }

    /// A session of a client that has been let in.
    static func ready(_ policy: PortPolicy = PortPolicy(), options: String = Sample.options) -> SessionDriver {
        var driver = SessionDriver(policy)
        driver.feed(startupPacket(options: options))
        _ = driver.takeActions()
        return driver
    }

    /// A session whose command has opened a stream.
    static func copying(_ policy: PortPolicy = PortPolicy()) -> SessionDriver {
        var driver = ready(policy)
        driver.feed(frames(.query("START_WAL_PUSH")))
        driver.tell { $0.commandStartsCopy() }
        _ = driver.takeActions()
        return driver
    }

    mutating func feed(_ bytes: [UInt8]) {
        received += bytes
        advance()
    }

    mutating func tell(_ event: (inout PortSession) -> PortAction?) {
        if let action = event(&session) { actions.append(action) }
        advance()
    }

    mutating func noteLogin() {
        wasLoggedIn = true
    }

    mutating func takeActions() -> [PortAction] {
        defer { actions = [] }
        return actions
    }

    private mutating func advance() {
        while true {
            let bytes = received
            switch session.next(in: bytes.span.bytes) {
            case .needs(let count):
                precondition(count > received.count, "needs \(count) bytes although there are \(received.count)")
                needed = count
                return
            case .waits:
                needed = nil
                return
            case .taken(let count, let action):
                precondition(count <= received.count, "took \(count) of \(received.count) bytes")
                if case .deliver(let range)? = action {
                    precondition(range.upperBound <= count, "payload \(range) beyond the frame's \(count) bytes")
                    payloads.append(Array(received[range]))
                }
                received.removeFirst(count)
                if let action { actions.append(action) }
            }
        }
    }
}

/// What the tests have in common.
enum Sample {
    static let tenant = TenantID(bits: 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF)
    static let timeline = TimelineID(bits: 0xFFEE_DDCC_BBAA_9988_7766_5544_3322_1100)
    static let otherTenant = TenantID(bits: 1)
    static let options = "-c timeline_id=\(timeline) tenant_id=\(tenant)"

    static let sslRequest: [UInt8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F]
    static let gssRequest: [UInt8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x30]
    static let cancelRequest: [UInt8] = [0, 0, 0, 16, 0x04, 0xD2, 0x16, 0x2E, 0, 0, 0, 1, 0, 0, 0, 2]
}

/// A startup packet.
func startupPacket(options: String? = Sample.options, applicationName: String? = nil) -> [UInt8] {
    var parameters: [StartupMessage.Parameter] = [.init(name: "user", value: "neon")]
    if let options { parameters.append(.init(name: "options", value: options)) }
    if let applicationName { parameters.append(.init(name: "application_name", value: applicationName)) }
    guard let message = try? StartupMessage(parameters: parameters) else { preconditionFailure("startup message") }
    var buffer = OutputBuffer()
    message.encode(into: &buffer)
    return buffer.array
}

/// The frames of a client's messages.
func frames(_ messages: FrontendMessage...) -> [UInt8] {
    var buffer = OutputBuffer()
    for message in messages { message.encode(into: &buffer) }
    return buffer.array
}

/// The frames of a server's messages.
func frames(_ messages: [BackendMessage]) -> [UInt8] {
    var buffer = OutputBuffer()
    for message in messages { message.encode(into: &buffer) }
    return buffer.array
}

/// A frame of any letter and body.
func frame(_ tag: Character, _ body: [UInt8] = []) -> [UInt8] {
    var buffer = OutputBuffer()
    buffer.append(tag.asciiValue ?? 0)
    buffer.append(bigEndian: UInt32(body.count + 4))
    buffer.append(body)
    return buffer.array
}

func copyData(_ payload: [UInt8]) -> [UInt8] {
    frame("d", payload)
}

/// The messages of the extended protocol that run a command.
func extendedQuery(_ text: String) -> [UInt8] {
    frame("P", [0] + Array(text.utf8) + [0, 0, 0]) + frame("B", [0, 0, 0, 0, 0, 0, 0, 0]) + frame("D", [0x53, 0])
        + frame("E", [0, 0, 0, 0, 0]) + frame("S")
}
