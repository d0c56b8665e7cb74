package import NIOCore

extension SocketAddress {
    /// The address and the port: `127.0.0.1:5454`.
    package var text: String {
        guard let ipAddress, let port else { return "\(self)" }
        return "\(ListenAddress(host: ipAddress, port: UInt16(port)))"
    }
}
