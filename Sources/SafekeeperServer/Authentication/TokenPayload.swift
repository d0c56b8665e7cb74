internal import JWTKit
internal import ShardIdentity

/// The claims of a token as they are written.
///
/// Source: `safekeeper-operations.md` §2.1.
struct TokenPayload: JWTPayload {
    let scope: String
    let tenant: String?
    /// When the token ends, in seconds since 1970.
    let expiry: Double?
    let namesAudience: Bool

    private enum CodingKeys: String, CodingKey {
        case scope
        case tenant = "tenant_id"
        case expiry = "exp"
        case audience = "aud"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        scope = try values.decode(String.self, forKey: .scope)
        tenant = try values.decodeIfPresent(String.self, forKey: .tenant)
        expiry = try values.decodeIfPresent(Double.self, forKey: .expiry)
        namesAudience = try values.contains(.audience) && !values.decodeNil(forKey: .audience)
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(scope, forKey: .scope)
        try values.encodeIfPresent(tenant, forKey: .tenant)
        try values.encodeIfPresent(expiry, forKey: .expiry)
    }

    /// Nothing: ``TokenVerifier`` checks the claims itself, with a clock that its caller chooses.
    func verify(using algorithm: some JWTAlgorithm) {}
}
