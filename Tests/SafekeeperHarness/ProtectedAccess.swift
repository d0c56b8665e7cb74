import Foundation

/// What it takes for safekeepers that ask for a token and for TLS: files of keys and certificates in a folder.
package struct ProtectedAccess: Sendable {
    private let folder: String

    /// Writes the files.
    package init(in folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let files = [
            "server.crt": TestKeys.certificate, "server.key": TestKeys.certificateKey,
            "other.crt": TestKeys.otherCertificate, "auth.pem": TestKeys.publicKey,
            "token": TestKeys.tokenForAll, "other-tenant.token": TestKeys.tokenForTenant,
            "unsigned.token": TestKeys.tokenForAll.replacing("Cd8", with: "Cd9"), "empty.token": "\n",
        ]
        for (name, text) in files {
            try text.write(toFile: path(of: name), atomically: true, encoding: .utf8)
        }
    }

    /// One of the files: `server.crt`, `other.crt`, `token`, `other-tenant.token`, `unsigned.token`, `empty.token`.
    package func path(of name: String) -> String { "\(folder)/\(name)" }

    /// The flags of a safekeeper that lets nobody in without a token and TLS on its port for WAL.
    package var flags: [String] {
        [
            "--wal-service-tls", "required", "--ssl-cert-file", path(of: "server.crt"),
            "--ssl-key-file", path(of: "server.key"), "--pg-auth-public-key-path", path(of: "auth.pem"),
        ]
    }

    /// What libpq is to do so that it talks to nobody but such a safekeeper, as options.
    package func verifying(with certificate: String = "server.crt") -> [String: String] {
        ["sslmode": "verify-full", "sslrootcert": path(of: certificate)]
    }
}
