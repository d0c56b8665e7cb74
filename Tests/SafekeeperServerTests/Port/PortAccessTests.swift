import Foundation
import NIOCore
import PostgresHarness
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import TestFixtures
import Testing

/// Who gets in, and how: PostgreSQL's own client with and without tokens and TLS.
@Suite(.timeLimit(.minutes(1)))
struct PortAccessTests {
    /// Runs `psql` beside the server: what it prints, and its complaint with white space made one space.
    private func psql(
        _ server: PortServer,
        _ commands: String...,
        settings: String = "",
        major: Int = 15
    ) async throws -> (status: Int32, output: String, errors: String) {
        let port = server.address.port ?? 0
        let connection =
            "host=127.0.0.1 port=\(port) user=neon dbname=replication connect_timeout=10 "
            + "options='\(Sample.options)' \(settings)"
        let arguments = ["-X", "-w", "-A", "-t", "-d", connection] + commands.flatMap { ["-c", $0] }
        let installation = try PostgresInstallation.find(major: major)
        // psql blocks, which no thread of Swift's tasks may.
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let output = try installation.attempt("psql", arguments)
                        let errors = output.errors.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                        return (output.status, output.text, errors)
                    }
                )
            }
        }
    }

    private let row = "7|1|0/14EE150|"

    @Test(arguments: PostgresInstallation.majors)
    func trust(major: Int) async throws {
        try await withServer { server in
            let result = try await psql(server, "IDENTIFY_SYSTEM", "TIMELINE_STATUS", major: major)
            #expect(result == (0, "\(row)\n0/14EE150|0/14EE150", ""))
            let failure = try await psql(server, "SELECT 1", major: major)
            #expect(failure == (1, "", "ERROR: unsupported command SELECT 1"))
            // The client of version 16 comes without TLS.
            if major == 16 { return }
            let refusal = try await psql(server, "IDENTIFY_SYSTEM", settings: "sslmode=require", major: major)
            #expect(
                refusal.status == 2 && refusal.errors.hasSuffix("server does not support SSL, but SSL was required")
            )
        }
    }

    @Test func badOptionsAreExplained() async throws {
        try await withServer { server in
            let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "options='tenant_id=zz'")
            #expect(result.status == 2 && result.errors.hasSuffix("ERROR: Failed to parse zz as tenant id"))
        }
    }

    // MARK: Tokens

    private func withTokens(
        tenantOnly: Bool = false,
        _ body: @Sendable (PortServer) async throws -> Void
    ) async throws {
        let verifier = try await TokenTests.verifier(TestKeys.otherPublicKey, TestKeys.publicKey)
        try await withServer(
            {
                $0.tokenVerifier = verifier
                $0.isTenantOnly = tenantOnly
            },
            body
        )
    }

    @Test func tokens() async throws {
        let expired = try await TokenTests.sign(["scope": "safekeeperdata", "exp": 1000])
        let later = Date().timeIntervalSince1970 + 1000
        let lasting = try await TokenTests.sign(["scope": "safekeeperdata", "exp": .number(later)])
        let other = try await TokenTests.sign(["scope": "tenant", "tenant_id": .text("\(Sample.otherTenant)")])
        let admin = try await TokenTests.sign(["scope": "admin"])
        let refusal = "ERROR: JWT authentication error"
        try await withTokens { server in
            for token in [TestKeys.tokenForAll, TestKeys.tokenForTenant, lasting] {
                let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "password=\(token)")
                #expect(result == (0, row, ""))
            }
            for token in [expired, "x", TestKeys.tokenForAll.replacing("Cd8", with: "Cd9")] {
                let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "password=\(token)")
                #expect(result.status == 2 && result.errors.hasSuffix(refusal))
            }
            // Let in, but with nothing that they could do.
            for token in [other, admin] {
                let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "password=\(token)")
                #expect(result == (1, "", refusal))
            }
            let missing = try await psql(server, "IDENTIFY_SYSTEM")
            #expect(missing.status == 2 && missing.errors.hasSuffix("no password supplied"))
        }
        try await withTokens(tenantOnly: true) { server in
            let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "password=\(TestKeys.tokenForTenant)")
            #expect(result == (0, row, ""))
            for token in [TestKeys.tokenForAll, admin] {
                let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "password=\(token)")
                #expect(result.status == 2 && result.errors.hasSuffix(refusal))
            }
        }
    }

    @Test func bytesOfALoginWithAToken() async throws {
        try await withTokens { server in
            let bytes = try await TestConnection.with(server) { connection in
                try await connection.send(startupPacket() + frames(.password(TestKeys.tokenForAll), .terminate))
                return try await connection.rest()
            }
            #expect(bytes == frames([.authenticationCleartextPassword] + BackendMessage.tokenLogin))
            let refused = try await TestConnection.with(server) { connection in
                try await connection.send(startupPacket() + frames(.password("x"), .query("IDENTIFY_SYSTEM")))
                return try await connection.rest()
            }
            let error = BackendMessage.errorResponse(ErrorResponse("JWT authentication error"))
            #expect(refused == frames([.authenticationCleartextPassword, error]))
        }
    }

    // MARK: TLS

    @Test func encryption() async throws {
        let credentials = try testCredentials()
        try await withServer({ $0.encryption = .offered(credentials) }) { server in
            for mode in ["disable", "prefer", "require"] {
                let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "sslmode=\(mode)")
                #expect(result == (0, row, ""))
            }
        }
        try await withServer({ $0.encryption = .required(credentials) }) { server in
            let refusal = try await psql(server, "IDENTIFY_SYSTEM", settings: "sslmode=disable")
            #expect(refusal.status == 2 && refusal.errors.hasSuffix("ERROR: must connect with TLS"))
            let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "sslmode=require")
            #expect(result == (0, row, ""))
        }
    }

    /// TLS without a request for it, as clients of PostgreSQL 17 can do.
    @Test func directEncryption() async throws {
        let credentials = try testCredentials()
        try await withServer({ $0.encryption = .required(credentials) }) { server in
            let settings = "sslmode=require sslnegotiation=direct"
            let result = try await psql(server, "IDENTIFY_SYSTEM", settings: settings, major: 17)
            #expect(result == (0, row, ""))
            let bytes = try await TestConnection.with(server, tls: true) { connection in
                try await connection.send(startupPacket() + frames(.query("START_WAL_PUSH")))
                // More than one record of TLS, there and back.
                try await connection.send(copyData([UInt8](repeating: 3, count: 200_000)) + frames(.copyDone))
                return try await connection.rest()
            }
            let expected =
                frames(BackendMessage.trustLogin + [.copyBothResponse])
                + copyData([UInt8](repeating: 3, count: 200_000)) + frames([.copyDone])
            #expect(bytes == expected)
        }
        try await withServer { server in
            let bytes = try await TestConnection.with(server) { connection in
                try await connection.send([0x16, 3, 1])
                return try await connection.rest()
            }
            #expect(bytes == [])
        }
    }

    @Test func brokenHandshakes() async throws {
        let credentials = try testCredentials()
        try await withServer({ $0.encryption = .offered(credentials) }) { server in
            for bytes in [[0x16] + [UInt8](repeating: 0xFF, count: 100), [0x16, 3, 1, 0, 0], [0x16]] {
                try await TestConnection.with(server) { connection in
                    try await connection.send(bytes)
                    connection.finishSending()
                    _ = try await connection.rest()
                }
            }
            // Bytes behind the request for TLS were sent without it.
            let stuffed = try await TestConnection.with(server) { connection in
                try await connection.send(Sample.sslRequest + startupPacket())
                return try await connection.lastError()
            }
            #expect(stuffed == "unencrypted bytes after the request for TLS")
            let result = try await psql(server, "IDENTIFY_SYSTEM", settings: "sslmode=require")
            #expect(result == (0, row, ""))
        }
    }

    @Test func credentialsAreReadAgain() throws {
        let folder = try TemporaryFolder()
        let (certificate, key) = (folder.path(of: "server.crt"), folder.path(of: "server.key"))
        #expect(throws: (any Error).self) { try TLSCredentials(certificatePath: certificate, keyPath: key) }
        try folder.write(TestKeys.certificate.utf8, to: "server.crt")
        try folder.write(TestKeys.certificateKey.utf8, to: "server.key")
        let credentials = try TLSCredentials(certificatePath: certificate, keyPath: key)
        try credentials.reload()
        try folder.write("x".utf8, to: "server.crt")
        #expect(throws: (any Error).self) { try credentials.reload() }
    }
}
