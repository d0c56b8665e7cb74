import CCrypto

/// SHA-256 over bytes as they come.
final class SHA256 {
    private let context: OpaquePointer

    /// - Throws: ``SHA256Error`` if libcrypto has no memory, or no SHA-256 by its configuration.
    init() throws(SHA256Error) {
        guard let context = EVP_MD_CTX_new() else { throw SHA256Error() }
        self.context = context
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw SHA256Error() }
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        let isDone = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(isDone == 1, "libcrypto fails in SHA-256")
    }

    /// The digest in lower-case hexadecimal; nothing may follow.
    func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        let isDone = EVP_DigestFinal_ex(context, &digest, nil)
        precondition(isDone == 1, "libcrypto fails in SHA-256")
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// There is no SHA-256.
struct SHA256Error: Error, CustomStringConvertible {
    var description: String { "libcrypto gives no SHA-256" }
}
