import Foundation
import Glibc
import Synchronization

/// Stands between a receiver and a safekeeper, and does to messages with WAL what a plan says.
final class FaultyProxy: Sendable {
    /// What happens to a message.
    enum Fault: Hashable, Sendable {
        case none
        /// It does not arrive.
        case dropped
        /// It arrives twice.
        case doubled
        /// It arrives with a bit flipped behind its tag, counted from there and modulo its length.
        case flipped(bit: Int)
        /// A part of it arrives, and then the connection is gone.
        case cut
    }

    private struct State {
        var upstream: UInt16
        var sockets: Set<Int32> = []
        var messages = 0
        var connections = 0
        var isStopped = false
    }

    private let state: Mutex<State>
    private let listener: Int32
    private let plan: @Sendable (Int) -> Fault
    /// Where receivers connect.
    let port: UInt16

    /// - Parameters:
    ///   - upstream: the safekeeper's port.
    ///   - plan: is given the number of each message with WAL, over all connections.
    /// - Throws: `POSIXError` without a port.
    init(to upstream: UInt16, plan: @escaping @Sendable (Int) -> Fault) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard descriptor >= 0, isBound else { throw POSIXError(.EADDRNOTAVAIL) }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        self.plan = plan
        state = Mutex(State(upstream: upstream))
        Thread { self.accept() }.start()
    }

    /// Where later connections go.
    var upstream: UInt16 {
        get { state.withLock { $0.upstream } }
        set { state.withLock { $0.upstream = newValue } }
    }

    /// How many messages with WAL there were.
    var messages: Int { state.withLock { $0.messages } }

    /// How many connections there were.
    var connections: Int { state.withLock { $0.connections } }

    /// Ends everything; threads end by themselves.
    func stop() {
        let sockets = state.withLock { state in
            state.isStopped = true
            return state.sockets
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    // MARK: Threads

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = loopback(upstream)
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            let mayServe = state.withLock { state in
                guard status == 0, !state.isStopped else { return false }
                state.sockets.formUnion([client, server])
                state.connections += 1
                return true
            }
            guard mayServe else {
                close(client)
                close(server)
                continue
            }
            let done = DispatchGroup()
            done.enter()
            done.enter()
            Thread {
                self.copy(from: client, to: server)
                done.leave()
            }.start()
            Thread {
                self.relay(from: server, to: client)
                done.leave()
            }.start()
            done.notify(queue: .global()) {
                self.state.withLock { $0.sockets.subtract([client, server]) }
                close(client)
                close(server)
            }
        }
        close(listener)
    }

    private func copy(from source: Int32, to target: Int32) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0, send(buffer[..<count], to: target) else { break }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(target, Int32(SHUT_RDWR))
    }

    /// Takes frames apart: a tag, a length that counts itself, and content.
    private func relay(from source: Int32, to target: Int32) {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        relaying: while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            received += buffer[..<count]
            var start = 0
            while received.count - start >= 5 {
                let length = received[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) }
                guard received.count - start > length else { break }
                let frame = Array(received[start...(start + length)])
                start += 1 + length
                guard relay(frame, to: target) else { break relaying }
            }
            received.removeFirst(start)
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(target, Int32(SHUT_RDWR))
    }

    private func relay(_ frame: [UInt8], to target: Int32) -> Bool {
        guard frame.count > 6, frame[0] == UInt8(ascii: "d"),
            frame[5] == UInt8(ascii: "0") || frame[5] == UInt8(ascii: "w")
        else { return send(frame[...], to: target) }
        let number = state.withLock { state in
            state.messages += 1
            return state.messages
        }
        switch plan(number) {
        case .none: return send(frame[...], to: target)
        case .dropped: return true
        case .doubled: return send(frame[...], to: target) && send(frame[...], to: target)
        case .flipped(let bit):
            var damaged = frame
            let place = bit % ((frame.count - 5) * 8)
            damaged[5 + place / 8] ^= 1 << UInt8(place % 8)
            return send(damaged[...], to: target)
        case .cut:
            _ = send(frame[..<(frame.count / 2)], to: target)
            return false
        }
    }

    private func send(_ bytes: ArraySlice<UInt8>, to socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
