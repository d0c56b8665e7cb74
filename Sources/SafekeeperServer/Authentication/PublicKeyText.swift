internal import Glibc

/// A public key as text, and where it comes from.
package struct PublicKeyText: Hashable, Sendable {
    /// The path, for messages.
    package let origin: String
    /// The key: SubjectPublicKeyInfo between `-----BEGIN PUBLIC KEY-----` and its end.
    package let pem: String

    package init(origin: String, pem: String) {
        self.origin = origin
        self.pem = pem
    }

    /// The largest file that can be a key, in bytes.
    static let maximumFileSize: UInt64 = 64 << 10

    /// Reads a key file, or every file of a folder, in the order of the names; blocks.
    ///
    /// Folders inside are left alone. Throws ``TokenKeyError/noKeys`` if there is no file, and what the file system and
    /// ``TokenKeyError`` say of one that can't be read.
    /// Source: `safekeeper-operations.md` §2.1.
    package static func load(path: String) throws -> [PublicKeyText] {
        let files = PosixFileSystem()
        guard try isDirectory(path) else { return [try load(file: path, files)] }
        let texts = try files.list(path).sorted().map { "\(path)/\($0)" }
            .filter { try !isDirectory($0) }
            .map { try load(file: $0, files) }
        guard !texts.isEmpty else { throw TokenKeyError.noKeys }
        return texts
    }

    private static func load(file path: String, _ files: PosixFileSystem) throws -> PublicKeyText {
        let file = try files.open(path, .read)
        defer { files.close(file) }
        let length = try files.length(of: file)
        guard length <= maximumFileSize else {
            throw TokenKeyError.invalidKey(origin: path, reason: "\(length) bytes, more than \(maximumFileSize)")
        }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        let count = try bytes.withUnsafeMutableBytes { try files.read(into: $0, from: file, at: 0) }
        return PublicKeyText(origin: path, pem: String(decoding: bytes[..<count], as: UTF8.self))
    }

    private static func isDirectory(_ path: String) throws(StorageError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { throw StorageError(operation: .open, path: path, code: errno) }
        return status.st_mode & S_IFMT == S_IFDIR
    }
}

/// Why there are no keys to judge tokens by.
package enum TokenKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No key at all.
    case noKeys
    /// Something that is no public key for EdDSA.
    case invalidKey(origin: String, reason: String)

    /// The message.
    package var description: String {
        switch self {
        case .noKeys: "there is no public key to verify tokens with"
        case .invalidKey(let origin, let reason): "\(origin) is no Ed25519 public key: \(reason)"
        }
    }
}
