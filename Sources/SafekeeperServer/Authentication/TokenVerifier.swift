internal import JWTKit
internal import ShardIdentity

/// Judges tokens: JWTs with an Ed25519 signature of any of several keys.
///
/// Several keys are there so that they can be replaced one after the other.
/// Source: `safekeeper-operations.md` §2.1.
package struct TokenVerifier: Sendable {
    /// For how long after its end a token is still taken, in seconds: clocks differ.
    package static let expiryLeeway = 60.0

    private let keys: [any JWTAlgorithm]

    /// Makes a verifier of public keys, each a PEM text; throws ``TokenKeyError``.
    package init(publicKeys: [PublicKeyText]) async throws {
        guard !publicKeys.isEmpty else { throw TokenKeyError.noKeys }
        var keys: [any JWTAlgorithm] = []
        for text in publicKeys {
            let key: EdDSA.PublicKey
            do {
                key = try EdDSA.PublicKey(pem: text.pem)
            } catch {
                throw TokenKeyError.invalidKey(origin: text.origin, reason: "\(error)")
            }
            keys.append(try await JWTKeyCollection().add(eddsa: key).getKey())
        }
        self.keys = keys
    }

    /// Gives the claims of a token that is valid at a time, in seconds since 1970.
    package func verify(_ token: String, at now: Double) throws(TokenError) -> AccessClaims {
        let (header, payload, signature) = try Self.parse(token)
        guard header.alg == "EdDSA" else { throw .algorithm(header.alg ?? "none") }
        // Whatever extensions are marked as critical, none is understood here.
        guard header.fields["crit"] == nil else { throw .malformed("critical extensions") }
        guard isSigned(token, signature) else { throw .signature }
        return try Self.claims(of: payload, at: now)
    }

    private static func parse(
        _ token: String
    ) throws(TokenError) -> (header: JWTHeader, payload: TokenPayload, signature: [UInt8]) {
        do {
            let (header, payload, signature) = try DefaultJWTParser().parse(Array(token.utf8), as: TokenPayload.self)
            return (header, payload, Array(signature))
        } catch {
            throw .malformed("\(error)")
        }
    }

    /// Whether any key has signed everything before the last point.
    private func isSigned(_ token: String, _ signature: [UInt8]) -> Bool {
        let bytes = Array(token.utf8)
        guard let end = bytes.lastIndex(of: UInt8(ascii: ".")) else { return false }
        let signed = Array(bytes[..<end])
        return keys.contains { key in (try? key.verify(signature, signs: signed)) ?? false }
    }

    private static func claims(of payload: TokenPayload, at now: Double) throws(TokenError) -> AccessClaims {
        if let expiry = payload.expiry, expiry.rounded() < now - expiryLeeway { throw .expired(expiry) }
        guard !payload.namesAudience else { throw .audience }
        guard let scope = AccessScope(rawValue: payload.scope) else { throw .unknownScope(payload.scope) }
        guard let text = payload.tenant else { return AccessClaims(scope: scope) }
        guard let tenant = TenantID(text) else { throw .invalidTenant(text) }
        return AccessClaims(scope: scope, tenant: tenant)
    }
}

/// Why a token is refused; clients are only told ``clientMessage``.
package enum TokenError: Error, Hashable, Sendable {
    /// Not a JWT, or not with the claims of one for us.
    case malformed(String)
    /// Not signed with EdDSA.
    case algorithm(String)
    /// No key has made the signature.
    case signature
    /// Its time is over; in seconds since 1970.
    case expired(Double)
    /// It names an audience, which ours do not.
    case audience
    /// A scope that is not known.
    case unknownScope(String)
    /// A tenant that is none.
    case invalidTenant(String)
    /// A valid token that does not allow this.
    case notPermitted(AccessScope)

    /// What a client is told, whatever the reason.
    package static let clientMessage = "JWT authentication error"
}

extension TokenError: CustomStringConvertible {
    /// The text for the log; no part of the token but its scope and tenant is in it.
    package var description: String {
        switch self {
        case .malformed(let reason): "malformed token: \(reason)"
        case .algorithm(let name): "token signed with \(name), expected EdDSA"
        case .signature: "signature of the token is not valid"
        case .expired(let time): "token expired at \(time) seconds since 1970"
        case .audience: "token names an audience"
        case .unknownScope(let scope): "unknown scope '\(scope)' of the token"
        case .invalidTenant(let tenant): "invalid tenant id '\(tenant)' of the token"
        case .notPermitted(let scope): "scope \(scope.rawValue) is ineligible"
        }
    }
}
