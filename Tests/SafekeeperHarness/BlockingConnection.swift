import Glibc
package import InterpretedWAL
import PostgresWAL
import ReplicationProtocol

/// A client of a safekeeper's port on plain blocking sockets, for tests that need to know what was sent and what came.
///
/// Nothing is shared with the server's own code but the messages.
package final class BlockingConnection {
    /// What a server sent.
    package struct Frame {
        package let tag: UInt8
        package let body: [UInt8]
    }

    private let descriptor: Int32
    private var received: [UInt8] = []
    private var taken = 0

    /// Connects to a port on loopback.
    ///
    /// - Parameters:
    ///   - port: the port.
    ///   - timeout: after how many seconds without a byte reading gives up.
    /// - Throws: ``ConnectionFailure`` if nobody listens.
    package init(port: UInt16, timeout: Int = 20) throws(ConnectionFailure) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system("socket", errno) }
        self.descriptor = descriptor
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Once it is initialised the instance closes the socket.
        guard status == 0 else { throw .system("connect to port \(port)", errno) }
    }

    deinit { close(descriptor) }

    /// Sends bytes as they are.
    package func send(_ bytes: [UInt8]) throws(ConnectionFailure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("send", errno) }
            sent += count
        }
    }

    /// Says that nothing more will be sent.
    package func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// The next frame; nil at the end of the stream.
    package func receive() throws(ConnectionFailure) -> Frame? {
        guard try fill(upTo: 5) else { return nil }
        let length = received[(taken + 1)..<(taken + 5)].reduce(0) { $0 << 8 | Int($1) }
        guard length >= 4 else { throw .protocolViolation("a frame of length \(length)") }
        guard try fill(upTo: 1 + length) else { throw .protocolViolation("the end of the stream in a frame") }
        let frame = Frame(tag: received[taken], body: Array(received[(taken + 5)..<(taken + 1 + length)]))
        taken += 1 + length
        return frame
    }

    /// All bytes up to the end of the stream.
    package func receiveAll() throws(ConnectionFailure) -> [UInt8] {
        while try fill(upTo: received.count - taken + 1) {}
        defer { taken = received.count }
        return Array(received[taken...])
    }

    /// Whether a whole frame is there, or the stream has ended, without waiting.
    package func isReadable() -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return taken < received.count || poll(&wanted, 1, 0) > 0
    }

    private func fill(upTo count: Int) throws(ConnectionFailure) -> Bool {
        if taken > 1 << 20 {
            received.removeFirst(taken)
            taken = 0
        }
        while received.count - taken < count {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let got = recv(descriptor, &buffer, buffer.count, 0)
            if got == 0 { return false }
            // A process that was stopped and goes on.
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw .system("recv", errno) }
            received += buffer[..<got]
        }
        return true
    }

    // MARK: Session

    /// Starts a session for a timeline and waits until commands can be sent.
    package func start(options: String, password: String? = nil) throws {
        let message = try StartupMessage(parameters: [
            .init(name: "user", value: "proposer"), .init(name: "database", value: "replication"),
            .init(name: "options", value: options),
        ])
        try send { message.encode(into: &$0) }
        while let frame = try receive() {
            switch frame.tag {
            case UInt8(ascii: "Z"): return
            case UInt8(ascii: "E"): throw ConnectionFailure.refused(Self.message(of: frame))
            case UInt8(ascii: "R") where frame.body.last == 3:
                try send { FrontendMessage.password(password ?? "").encode(into: &$0) }
            default: break
            }
        }
        throw ConnectionFailure.closed
    }

    /// Sends a command of the simple protocol.
    package func query(_ text: String) throws(ConnectionFailure) {
        try send { FrontendMessage.query(text).encode(into: &$0) }
    }

    /// Sends a message that is encoded by `encode`.
    package func send(_ encode: (inout OutputBuffer) -> Void) throws(ConnectionFailure) {
        var buffer = OutputBuffer()
        encode(&buffer)
        try send(buffer.array)
    }

    /// The text of an ErrorResponse.
    package static func message(of frame: Frame) -> String {
        var fields = frame.body[...]
        while let tag = fields.first, tag != 0 {
            let value = fields.dropFirst().prefix { $0 != 0 }
            if tag == UInt8(ascii: "M") { return String(decoding: value, as: UTF8.self) }
            fields = fields.dropFirst(2 + value.count)
        }
        return ""
    }
}

/// Why talking to a server failed.
package enum ConnectionFailure: Error, Hashable, CustomStringConvertible {
    /// A system call gave an error.
    case system(String, Int32)
    /// The server sent an error.
    case refused(String)
    /// The server closed the connection.
    case closed
    /// The server sent what it must not.
    case protocolViolation(String)

    package var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .refused(let message): "refused: \(message)"
        case .closed: "the server closed the connection"
        case .protocolViolation(let text): "protocol violation: \(text)"
        }
    }
}
