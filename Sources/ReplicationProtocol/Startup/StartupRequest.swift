/// What a client sends before anything else, maybe several times over.
///
/// Source: `replication-protocol.md` §1.2.
public enum StartupRequest: Hashable, Sendable {
    /// The start of a TLS handshake without a request before it; not a PostgreSQL packet, so nothing is consumed.
    case directTLS
    /// Asks whether TLS is spoken.
    case tls
    /// Asks whether GSSAPI encryption is spoken.
    case gssEncryption
    /// Wants a command of another connection to be cancelled.
    case cancel(processID: UInt32, secretKey: UInt32)
    /// Starts the session.
    case startup(StartupMessage)

    /// The lengths that a packet may have, in bytes.
    public static let lengths: ClosedRange<UInt32> = 8...10_000

    /// A packet and the bytes it takes up.
    public struct Packet: Hashable, Sendable {
        /// The packet.
        public let request: StartupRequest
        /// How many of the bytes received it takes up.
        public let size: Int
    }

    /// Looks for a packet at the start of the bytes received so far.
    ///
    /// Nil means that more bytes are needed, an error that the connection is over. The length is judged as soon as it is
    /// there.
    public static func next(in received: RawSpan) throws(StartupError) -> Packet? {
        guard received.byteCount > 0 else { return nil }
        if received.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == 0x16 {
            return Packet(request: .directTLS, size: 0)
        }
        guard received.byteCount >= 4 else { return nil }
        let length = UInt32(bigEndian: received.unsafeLoadUnaligned(as: UInt32.self))
        guard lengths.contains(length) else { throw .invalidLength(length) }
        guard received.byteCount >= Int(length) else { return nil }
        let request = try StartupRequest(packet: received.extracting(0..<Int(length)))
        return Packet(request: request, size: Int(length))
    }

    /// Decodes a packet of valid length.
    private init(packet: RawSpan) throws(StartupError) {
        var reader = WireReader(packet, offset: 4)
        do throws(FieldFault) {
            let code: UInt32 = try reader.read("code")
            switch code {
            case Code.tls:
                try reader.finish(after: "code")
                self = .tls
            case Code.gssEncryption:
                try reader.finish(after: "code")
                self = .gssEncryption
            case Code.cancel:
                self = .cancel(processID: try reader.read("process id"), secretKey: try reader.read("secret key"))
                try reader.finish(after: "secret key")
            case Code.requests:
                throw FieldFault(field: "code", .invalidValue("unknown request \(code & 0xFFFF)"))
            default:
                self = .startup(try StartupMessage(version: code, from: &reader))
            }
        } catch {
            throw .invalidField(error)
        }
    }

    /// What stands where a session's start has its version.
    enum Code {
        static let requests: ClosedRange<UInt32> = 0x04D2_0000...0x04D2_FFFF
        static let cancel: UInt32 = 0x04D2_162E
        static let tls: UInt32 = 0x04D2_162F
        static let gssEncryption: UInt32 = 0x04D2_1630
    }
}

/// Why a packet before the session is none; the connection is over.
public enum StartupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A length outside of ``StartupRequest/lengths``.
    case invalidLength(UInt32)
    /// A field is wrong.
    case invalidField(FieldFault)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .invalidLength(let length):
            "length \(length) of the startup packet is outside of \(StartupRequest.lengths)"
        case .invalidField(let fault): "startup packet: \(fault)"
        }
    }
}
