internal import Glibc
internal import NIOCore

extension ListenAddress {
    /// Why an address can't be listened at, and what to do about it.
    ///
    /// - Parameter error: what binding has thrown.
    /// - Returns: the system's words, with ours behind them where there is something to say.
    package static func reason(of error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        let text = String(cString: strerror(error.errnoCode))
        return switch error.errnoCode {
        case EADDRINUSE: "\(text): another process listens there; stop it, or choose another port"
        case EADDRNOTAVAIL: "\(text): it is not an address of this machine"
        default: text
        }
    }
}
