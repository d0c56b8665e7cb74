import Foundation
import JWTKit
import SafekeeperHarness
import SafekeeperServer
import ShardIdentity
import TestFixtures
import Testing

/// What tokens allow, and which are tokens.
@Suite struct TokenTests {
    // MARK: Scopes

    /// Every call that is distinguished, as the columns of the table below.
    static let calls: [ProtectedCall] = [
        .login(tenantOnly: false), .login(tenantOnly: true), .tenant(Sample.tenant), .tenant(Sample.otherTenant),
        .management,
    ]

    /// Which of the calls a token of this scope allows that names ``Sample/tenant``, or no tenant.
    static let permissions: [(scope: AccessScope, tenant: TenantID?, allowed: [Bool])] =
        [
            (.tenant, Sample.tenant, [true, true, true, false, false]),
            (.tenant, nil, [false, false, false, false, false]),
            (.safekeeperData, nil, [true, false, true, true, true]),
            (.safekeeperData, Sample.tenant, [true, false, true, true, true]),
        ]
        + [
            AccessScope.tenantEndpoint, .pageserverAPI, .generationsAPI, .admin, .infra, .scrubber, .controllerPeer,
        ].flatMap { scope in
            [nil, Sample.tenant].map { (scope, $0, [true, false, false, false, false]) }
        }

    @Test func permissionsOfEveryScope() {
        #expect(Set(Self.permissions.map(\.scope)) == Set(AccessScope.allCases))
        for (scope, tenant, allowed) in Self.permissions {
            let claims = AccessClaims(scope: scope, tenant: tenant)
            #expect(Self.calls.map(claims.permits) == allowed, "\(claims)")
        }
    }

    @Test func namesOfScopes() {
        let names = [
            "tenant", "tenantendpoint", "pageserverapi", "safekeeperdata", "generations_api", "admin", "infra",
            "scrubber", "controller_peer",
        ]
        #expect(AccessScope.allCases.map(\.rawValue) == names)
    }

    // MARK: Verification

    static func verifier(_ keys: String...) async throws -> TokenVerifier {
        try await TokenVerifier(publicKeys: keys.map { PublicKeyText(origin: "test", pem: $0) })
    }

    @Test func tokensMadeElsewhere() async throws {
        let verifier = try await Self.verifier(TestKeys.publicKey)
        let forAll = try verifier.verify(TestKeys.tokenForAll, at: 0)
        #expect(forAll == AccessClaims(scope: .safekeeperData))
        let forTenant = try verifier.verify(TestKeys.tokenForTenant, at: 0)
        #expect(forTenant == AccessClaims(scope: .tenant, tenant: Sample.tenant))
    }

    @Test func anyOfSeveralKeys() async throws {
        let both = try await Self.verifier(TestKeys.otherPublicKey, TestKeys.publicKey)
        #expect(throws: Never.self) { try both.verify(TestKeys.tokenForAll, at: 0) }
        let other = try await Self.verifier(TestKeys.otherPublicKey)
        #expect(throws: TokenError.signature) { try other.verify(TestKeys.tokenForAll, at: 0) }
    }

    /// Payloads with the time of their verification, and what is wrong with them.
    static let payloads: [(json: [String: JWTValue], now: Double, error: TokenError?)] = [
        (["scope": "tenant", "tenant_id": "00112233445566778899AABBCCDDEEFF"], 0, nil),
        (["scope": "admin", "exp": 1000], 1060, nil),
        (["scope": "admin", "exp": 1000], 1060.5, .expired(1000)),
        (["scope": "admin", "exp": 1000.5], 1061, nil),
        (["scope": "admin", "exp": 1000.4], 1061, .expired(1000.4)),
        (["scope": "admin", "nbf": 9e9, "iss": "x", "sub": "y", "endpoint_id": ""], 0, nil),
        (["scope": "admin", "aud": "x"], 0, .audience),
        (["scope": "admin", "aud": .null], 0, nil),
        (["scope": "root"], 0, .unknownScope("root")),
        (["scope": "tenant", "tenant_id": "0011"], 0, .invalidTenant("0011")),
    ]

    @Test(arguments: payloads.indices)
    func claims(_ index: Int) async throws {
        let (json, now, error) = Self.payloads[index]
        let verifier = try await Self.verifier(TestKeys.publicKey)
        let token = try await Self.sign(json)
        if let error {
            #expect(throws: error) { try verifier.verify(token, at: now) }
        } else {
            #expect(throws: Never.self) { try verifier.verify(token, at: now) }
        }
    }

    @Test func malformedClaims() async throws {
        let verifier = try await Self.verifier(TestKeys.publicKey)
        for json: [String: JWTValue] in [[:], ["scope": 1], ["scope": "admin", "exp": "soon"], ["tenant_id": "x"]] {
            let token = try await Self.sign(json)
            let error = #expect(throws: TokenError.self) { try verifier.verify(token, at: 0) }
            guard case .malformed? = error else {
                Issue.record("\(json): \(String(describing: error))")
                continue
            }
        }
    }

    /// Signs a payload with the key of ``TestKeys``.
    static func sign(_ json: [String: JWTValue], header: JWTHeader = JWTHeader()) async throws -> String {
        let key = try EdDSA.PrivateKey(d: TestKeys.seed, curve: .ed25519)
        return try await JWTKeyCollection().add(eddsa: key).sign(JWTValues(values: json), header: header)
    }

    @Test func otherAlgorithmsAndExtensions() async throws {
        let verifier = try await Self.verifier(TestKeys.publicKey)
        // The public key as the secret of a symmetric signature: the classic forgery.
        let keys = await JWTKeyCollection().add(hmac: HMACKey(from: TestKeys.publicKey), digestAlgorithm: .sha256)
        let forged = try await keys.sign(JWTValues(values: ["scope": "safekeeperdata"]))
        #expect(throws: TokenError.algorithm("HS256")) { try verifier.verify(forged, at: 0) }
        let critical = try await Self.sign(["scope": "admin"], header: ["crit": .array([.string("b64")])])
        #expect(throws: TokenError.self) { try verifier.verify(critical, at: 0) }
        // eyJhbGciOiJub25lIn0 says that there is no signature.
        let parts = TestKeys.tokenForAll.split(separator: ".")
        #expect(throws: TokenError.algorithm("none")) {
            try verifier.verify("eyJhbGciOiJub25lIn0.\(parts[1]).", at: 0)
        }
    }

    @Test func damagedTokens() async throws {
        let verifier = try await Self.verifier(TestKeys.publicKey)
        for text in ["", ".", "..", "a.b.c", "....", TestKeys.tokenForAll + ".", "\u{FF}.\u{0}.x"] {
            #expect(throws: TokenError.self) { try verifier.verify(text, at: 0) }
        }
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=".utf8)
        for _ in 0..<500 {
            var bytes = Array(TestKeys.tokenForTenant.utf8)
            // Not the last letter: of its six bits only two mean something.
            let place = Int.random(in: 0..<bytes.count - 1, using: &generator)
            let letter = alphabet.randomElement(using: &generator) ?? 0
            guard letter != bytes[place] else { continue }
            bytes[place] = letter
            #expect(throws: TokenError.self, "seed \(seed)") {
                try verifier.verify(String(decoding: bytes, as: UTF8.self), at: 0)
            }
        }
    }

    // MARK: Key files

    @Test func keysOfAFileAndOfAFolder() async throws {
        let folder = try TemporaryFolder()
        #expect(throws: TokenKeyError.noKeys) { try PublicKeyText.load(path: folder.path) }
        #expect(throws: StorageError.self) { try PublicKeyText.load(path: folder.path(of: "absent")) }
        try folder.write(TestKeys.otherPublicKey.utf8, to: "1.pem")
        try folder.write(TestKeys.publicKey.utf8, to: "2.pem")
        try FileManager.default.createDirectory(atPath: folder.path(of: "3"), withIntermediateDirectories: false)
        #expect(try PublicKeyText.load(path: folder.path(of: "2.pem")).map(\.pem) == [TestKeys.publicKey])
        let keys = try PublicKeyText.load(path: folder.path)
        #expect(keys.map(\.pem) == [TestKeys.otherPublicKey, TestKeys.publicKey])
        let verifier = try await TokenVerifier(publicKeys: keys)
        #expect(throws: Never.self) { try verifier.verify(TestKeys.tokenForAll, at: 0) }
    }

    @Test func keysThatAreNone() async throws {
        await #expect(throws: TokenKeyError.noKeys) { try await TokenVerifier(publicKeys: []) }
        for pem in ["", "x", TestKeys.certificate, TestKeys.certificateKey] {
            let error = await #expect(throws: TokenKeyError.self) { try await Self.verifier(pem) }
            guard case .invalidKey(origin: "test", _)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        let folder = try TemporaryFolder()
        try folder.write([UInt8](repeating: 0x41, count: 70_000), to: "large")
        #expect(throws: TokenKeyError.self) { try PublicKeyText.load(path: folder.path) }
    }
}

/// A claim's value of any kind.
enum JWTValue: Codable, Sendable, ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    case text(String)
    case number(Double)
    case null

    init(stringLiteral value: String) { self = .text(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }

    init(from decoder: any Decoder) throws {
        self = .text(try decoder.singleValueContainer().decode(String.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .null: try container.encodeNil()
        }
    }
}

/// Claims as they are to be written.
struct JWTValues: JWTPayload {
    let values: [String: JWTValue]

    init(values: [String: JWTValue]) {
        self.values = values
    }

    init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: JWTValue].self)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values)
    }

    func verify(using algorithm: some JWTAlgorithm) {}
}
