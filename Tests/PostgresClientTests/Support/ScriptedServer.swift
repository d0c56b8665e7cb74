import Glibc

/// A server on a port of the loopback interface that does what a script says, for one connection.
///
/// The script runs on a thread of its own with blocking calls; the socket is closed at its end.
final class ScriptedServer: Sendable {
    /// One connection, for the script.
    struct Connection {
        let descriptor: Int32

        /// Sends bytes as they are.
        func send(_ bytes: [UInt8]) {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
        }

        /// Sends a message of the protocol.
        func send(_ tag: Character, _ body: [UInt8] = []) {
            send([tag.asciiValue!] + bigEndian(UInt32(body.count + 4)) + body)
        }

        /// Sends a message many times; says how many are out when nothing goes for half a second, the first time.
        func send(message tag: Character, _ body: [UInt8], times: Int, onStall: (Int) -> Void) {
            let bytes = [tag.asciiValue!] + bigEndian(UInt32(body.count + 4)) + body
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            var hasStalled = false
            for number in 0..<times {
                var rest = bytes[...]
                while !rest.isEmpty {
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&ready, 1, hasStalled ? -1 : 500) == 0 {
                        hasStalled = true
                        onStall(number)
                    }
                    let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
                    guard count > 0 || errno == EAGAIN else { return }
                    rest = rest.dropFirst(max(count, 0))
                }
            }
        }

        /// Waits until the client is gone, without reading: `POLLRDHUP`, which Swift does not see.
        func waitForEnd() {
            var ready = pollfd(fd: descriptor, events: 0x2000, revents: 0)
            while poll(&ready, 1, -1) < 0 {}
        }

        /// Reads a message, whose tag is nil for the first one, which has none; nil at the end.
        func receive(hasTag: Bool = true) -> (tag: Character?, body: [UInt8])? {
            var tag: Character?
            if hasTag {
                guard let byte = read(1)?.first else { return nil }
                tag = Character(Unicode.Scalar(byte))
            }
            guard let length = read(4) else { return nil }
            let count = length.reduce(0) { $0 << 8 | Int($1) }
            guard let body = read(count - 4) else { return nil }
            return (tag, body)
        }

        private func read(_ count: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            var done = 0
            while done < count {
                let part = bytes.withUnsafeMutableBytes {
                    Glibc.recv(descriptor, $0.baseAddress! + done, count - done, 0)
                }
                guard part > 0 else { return nil }
                done += part
            }
            return bytes
        }

        /// Takes the startup message and says that queries may come.
        func greet() {
            _ = receive(hasTag: false)
            send("R", [0, 0, 0, 0])
            send("S", Array("server_version\u{0}14.1\u{0}".utf8))
            send("Z", [UInt8(ascii: "I")])
        }

        /// An error of the server.
        func sendError(_ message: String, code: String = "XX000") {
            send("E", Array("SERROR\u{0}C\(code)\u{0}M\(message)\u{0}\u{0}".utf8))
        }

        /// Greets, takes the command and begins a COPY.
        func beginCopy() {
            greet()
            _ = receive()
            send("W", [0, 0, 0])
        }
    }

    let port: UInt16
    private let listener: Listener

    init(_ script: @escaping @Sendable (Connection) -> Void) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(descriptor, address, size) == 0 && listen(descriptor, 1) == 0, "no port")
                getsockname(descriptor, address, &size)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        listener = Listener(descriptor)
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(listener, script))
        pthread_create(
            &thread,
            nil,
            { context in
                let box = Unmanaged<Box>.fromOpaque(context!).takeRetainedValue()
                let descriptor = accept(box.listener.descriptor, nil, nil)
                guard descriptor >= 0 else { return nil }
                box.script(Connection(descriptor: descriptor))
                close(descriptor)
                return nil
            },
            box.toOpaque()
        )
        pthread_detach(thread)
    }

    deinit {
        // Nobody can connect any more; wakes the thread if nobody has.
        shutdown(listener.descriptor, Int32(SHUT_RDWR))
    }

    var connectionString: String { "host=127.0.0.1 port=\(port) user=a dbname=b sslmode=disable" }

    /// The socket; open until server and thread are both gone, lest the thread takes a client of the next one's.
    private final class Listener: Sendable {
        let descriptor: Int32

        init(_ descriptor: Int32) { self.descriptor = descriptor }

        deinit { close(descriptor) }
    }

    private final class Box {
        let listener: Listener
        let script: @Sendable (Connection) -> Void

        init(_ listener: Listener, _ script: @escaping @Sendable (Connection) -> Void) {
            (self.listener, self.script) = (listener, script)
        }
    }
}

func bigEndian(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}
