internal import NIOSSL
internal import Synchronization

/// The certificate and the key of a port, which can be read again while it serves.
package final class TLSCredentials: Sendable {
    private let certificatePath: String
    private let keyPath: String
    private let current: Mutex<NIOSSLContext>

    /// Reads PEM files: the certificate with those it is signed by, and its key; blocks.
    ///
    /// Throws what NIOSSL says of files that are no such pair.
    package init(certificatePath: String, keyPath: String) throws {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        current = Mutex(try Self.load(certificatePath, keyPath))
    }

    /// Reads the files again, for the connections to come; blocks.
    ///
    /// After an error, as that of the first reading, everything stays as it was.
    package func reload() throws {
        let context = try Self.load(certificatePath, keyPath)
        current.withLock { $0 = context }
    }

    var context: NIOSSLContext { current.withLock { $0 } }

    private static func load(_ certificatePath: String, _ keyPath: String) throws -> NIOSSLContext {
        let certificates = try NIOSSLCertificate.fromPEMFile(certificatePath).map(NIOSSLCertificateSource.certificate)
        let key = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem))
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: certificates, privateKey: key)
        configuration.minimumTLSVersion = .tlsv12
        // What clients name that begin with TLS at once.
        configuration.applicationProtocols = ["postgresql"]
        return try NIOSSLContext(configuration: configuration)
    }
}
