internal import BlockingExecution
internal import Logging
internal import ServiceLifecycle

/// The keys and certificates of a safekeeper's ports.
struct SafekeeperSecurity: Sendable {
    /// Judges tokens on the port for WAL; nil trusts everyone.
    let pg: TokenVerifier?
    /// Judges tokens on the port for tenants.
    let pgTenantOnly: TokenVerifier?
    /// Judges tokens on the management API.
    let http: TokenVerifier?
    /// The certificate of the ports for WAL.
    let credentials: TLSCredentials?
    private let encryptionPolicy: PortPolicy.Encryption

    /// How the ports for WAL are encrypted.
    var encryption: PortConfiguration.Encryption {
        switch (encryptionPolicy, credentials) {
        case (.offered, let credentials?): .offered(credentials)
        case (.required, let credentials?): .required(credentials)
        default: .none
        }
    }

    /// Reads the files that the settings name; relative paths start in the data directory.
    ///
    /// Blocks. Throws ``StartError/setting(key:reason:)``.
    init(
        _ configuration: SafekeeperConfiguration,
        dataDirectory: String,
        _ logger: Logger
    ) async throws(StartError) {
        func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(dataDirectory)/\(path)" }
        func verifier(_ path: String?, _ key: String, _ name: String) async throws(StartError) -> TokenVerifier? {
            guard let path = path.map(absolute) else {
                logger.info("\(name) auth is disabled")
                return nil
            }
            logger.info("loading \(name) auth JWT key(s) from \(path)")
            do {
                return try await TokenVerifier(publicKeys: try PublicKeyText.load(path: path))
            } catch {
                throw .setting(key: key, reason: "\(error)")
            }
        }
        pg = try await verifier(configuration.pgAuthPublicKeyPath, "pg_auth_public_key_path", "pg")
        pgTenantOnly = try await verifier(
            configuration.pgTenantOnlyAuthPublicKeyPath,
            "pg_tenant_only_auth_public_key_path",
            "pg tenant only"
        )
        http = try await verifier(configuration.httpAuthPublicKeyPath, "http_auth_public_key_path", "http")
        encryptionPolicy = configuration.walServiceTLS
        guard encryptionPolicy != .none else {
            credentials = nil
            return
        }
        do {
            credentials = try TLSCredentials(
                certificatePath: absolute(configuration.sslCertFile),
                keyPath: absolute(configuration.sslKeyFile)
            )
        } catch {
            throw .setting(key: "ssl_cert_file, ssl_key_file", reason: "\(error)")
        }
    }
}

/// Reads a certificate again and again, so that a new one is used without a restart.
///
/// An actor with a thread of its own, since reading files blocks.
actor CertificateService: Service {
    private let credentials: TLSCredentials
    private let period: Duration
    private let logger: Logger
    private let queue = BlockingQueue(label: "certificate")
    private var failures = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    init(_ credentials: TLSCredentials, period: Duration, _ logger: Logger) {
        self.credentials = credentials
        self.period = period
        self.logger = logger
    }

    nonisolated func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.period)) != nil { await self.reload() }
        }
    }

    private func reload() {
        do {
            try credentials.reload()
            failures = 0
        } catch {
            failures += 1
            // A file that is being replaced may be there only in part for a moment.
            let level: Logger.Level = failures == 1 ? .info : .warning
            logger.log(level: level, "can't read the certificate again: \(error)")
        }
    }
}
