import Foundation

/// What a server has answered.
package struct HTTPAnswer: Sendable {
    package let status: Int
    /// Names in lower case.
    package let headers: [String: String]
    package let body: String
}

/// A plain HTTP client that sends paths and headers as they are given.
package struct HTTPClient: Sendable {
    package let port: Int

    package init(port: Int) {
        self.port = port
    }

    package func callAsFunction(
        _ method: String,
        _ target: String,
        _ body: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> HTTPAnswer {
        let bytes = bytes(of: method, target, body, headers)
        return try await withCheckedThrowingContinuation { continuation in
            // A thread of its own: those of Dispatch are the ones that tasks run on.
            Thread.detachNewThread { continuation.resume(with: Result { try exchange(bytes) }) }
        }
    }

    /// The same for threads that may block.
    package func wait(_ method: String, _ target: String) throws -> HTTPAnswer {
        try exchange(bytes(of: method, target, nil, []))
    }

    private func bytes(
        of method: String,
        _ target: String,
        _ body: String?,
        _ headers: [(String, String)]
    ) -> [UInt8] {
        var request = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        if let body { request += "Content-Length: \(body.utf8.count)\r\n" }
        request += "\r\n" + (body ?? "")
        return Array(request.utf8)
    }

    private func exchange(_ request: [UInt8]) throws -> HTTPAnswer {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HTTPClientError(what: "socket", code: errno) }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw HTTPClientError(what: "connect", code: errno) }
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // A server that has its answer already need not read on.
            if count <= 0 { break }
            sent += count
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            answer.append(contentsOf: buffer.prefix(count))
        }
        return try HTTPAnswer(parsing: String(decoding: answer, as: UTF8.self))
    }
}

package struct HTTPClientError: Error {
    package let what: String
    package let code: Int32
}

extension HTTPAnswer {
    fileprivate init(parsing text: String) throws {
        guard let end = text.range(of: "\r\n\r\n") else { throw HTTPClientError(what: "no answer: \(text)", code: 0) }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw HTTPClientError(what: "no status: \(lines[0])", code: 0)
        }
        self.status = status
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            headers[pair[0].lowercased()] = pair.count == 2 ? String(pair[1].drop { $0 == " " }) : ""
        }
        self.headers = headers
        body = String(text[end.upperBound...])
    }
}
