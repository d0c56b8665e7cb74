import Foundation

/// GET requests to servers on this machine, on a plain socket.
enum LoopbackHTTP {
    /// How long a server may be silent, in seconds.
    private static let patience = 5

    /// The JSON object that a server answers with; nil if it is not there, is silent, or says anything else.
    static func object(port: UInt16, _ path: String) -> [String: Any]? {
        guard let body = get(port: port, path) else { return nil }
        return (try? JSONSerialization.jsonObject(with: body)) as? [String: Any]
    }

    /// The body of an answer with status 200.
    private static func get(port: UInt16, _ path: String) -> Data? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return nil }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { return nil }
            if count == 0 { break }
            answer.append(contentsOf: buffer.prefix(count))
        }
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)),
            answer.starts(with: Data("HTTP/1.1 200".utf8))
        else { return nil }
        return answer[end.upperBound...]
    }
}
