import SafekeeperHarness
import SafekeeperServer
import TestFixtures
import Testing

/// Who may do what over HTTP.
///
/// The tokens are those of `safekeeper-operations.md` §2.1, and others signed with the same key.
@Suite("Access to the management API")
struct ManagementAccessTests {
    private static let dataToken = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnRfaWQiOm51bGwsInNjb3BlIjoic2FmZWtlZXBlcmRhdGEifQ.\
        Cd8ntew3YcPPeMUJnveZfDxN4lFATfzjFC_J-A0qWhUeoj19geAdrX8XzU8zhCGL0DLLlsWsO9EXC6FkDz8pCQ
        """
    /// For ``ManagementSample/tenant`` only.
    private static let tenantToken = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnRfaWQiOiIwMDExMjIzMzQ0NTU2Njc3ODg5OWFhYmJjY2RkZWVmZiIsInNjb3Bl\
        IjoidGVuYW50In0.idRy5lQaF3SPoO9H4S2SRqPL6GNwcnI5vMX_R-h5lUFJNf-JhyLIXgQcvbhPJVb_NOlO3DpQP2p5ZQJCYwILAA
        """

    private static let otherTenant = "ffeeddccbbaa99887766554433221100"
    private static let otherPath = "/v1/tenant/\(otherTenant)/timeline/\(ManagementSample.timeline)"

    private enum Credential: CaseIterable {
        case nothing, noBearer, lowerCase, twoBlanks, empty, notAToken, broken, tenant, data

        var header: String? {
            switch self {
            case .nothing: nil
            case .noBearer: ManagementAccessTests.dataToken
            case .lowerCase: "bearer \(ManagementAccessTests.dataToken)"
            case .twoBlanks: "Bearer  \(ManagementAccessTests.dataToken)"
            case .empty: "Bearer "
            case .notAToken: "Bearer x"
            case .broken: "Bearer \(ManagementAccessTests.dataToken.dropLast(4))AAAA"
            case .tenant: "Bearer \(ManagementAccessTests.tenantToken)"
            case .data: "Bearer \(ManagementAccessTests.dataToken)"
            }
        }

        /// What it gets where a token is needed; nil where that depends on the request.
        var refusal: (status: Int, text: String)? {
            switch self {
            case .nothing: (401, #"{"msg":"Unauthorized: missing authorization header"}"#)
            case .noBearer, .lowerCase, .twoBlanks, .empty:
                (401, #"{"msg":"Unauthorized: malformed authorization header"}"#)
            case .notAToken, .broken: (403, #"{"msg":"Forbidden: JWT authentication error"}"#)
            case .tenant, .data: nil
            }
        }
    }

    /// Method, target, body; the statuses for the tenant's token and the one for all data.
    private static let table: [(String, String, String?, tenant: Int, data: Int)] = [
        ("GET", "/nothing", nil, 404, 404),
        ("OPTIONS", "/nothing", nil, 204, 204),
        ("GET", "/v1/status/", nil, 200, 200),
        ("GET", "/v1/%73tatus", nil, 200, 200),
        ("GET", "//metrics", nil, 404, 404),
        ("GET", "/profile/cpu/../../v1/tenant/timeline", nil, 404, 404),
        ("GET", "/v1/utilization", nil, 403, 200),
        ("GET", "/v1/tenant/timeline", nil, 403, 200),
        ("GET", "/v1/tenant/zz/timeline/zz", nil, 400, 400),
        ("GET", ManagementSample.path, nil, 404, 404),
        ("GET", otherPath, nil, 403, 404),
        ("POST", "/v1/tenant/timeline", "{}", 400, 400),
        ("POST", "/v1/tenant/timeline", ManagementSample.creation(), 200, 200),
        ("POST", "/v1/tenant/timeline", ManagementSample.creation(tenant: otherTenant), 403, 200),
        ("PUT", ManagementSample.path + "/membership", nil, 400, 400),
        ("PUT", otherPath + "/membership", nil, 403, 400),
        ("POST", otherPath + "/term_bump", nil, 403, 400),
        ("POST", ManagementSample.path + "/checkpoint", nil, 403, 200),
        ("PUT", otherPath + "/exclude", "{}", 403, 400),
        ("DELETE", otherPath, "x", 403, 400),
        ("DELETE", "/v1/tenant/\(otherTenant)", "x", 403, 400),
    ]

    private func withSafekeeper(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        try folder.write(TestKeys.publicKey.utf8, to: "auth.pem")
        var configuration = RunningSafekeeper.configuration(folder)
        configuration.httpAuthPublicKeyPath = "auth.pem"
        try await RunningSafekeeper.with(configuration) { try await body($0.http) }
    }

    @Test func whoMayDoWhat() async throws {
        for credential in Credential.allCases {
            try await withSafekeeper { http in
                for row in Self.table {
                    let headers = credential.header.map { [("Authorization", $0)] } ?? []
                    let answer = try await http(row.0, row.1, row.2, headers: headers)
                    let context = "\(credential) \(row.0) \(row.1): \(answer.status) \(answer.body)"
                    if let refusal = credential.refusal {
                        #expect(answer.status == refusal.status && answer.body == refusal.text, "\(context)")
                        #expect(answer.headers["x-request-id"] != nil, "\(context)")
                    } else {
                        #expect(answer.status == (credential == .tenant ? row.tenant : row.data), "\(context)")
                    }
                }
            }
        }
    }

    @Test func openPathsNeedNoToken() async throws {
        try await withSafekeeper { http in
            for (target, status) in [
                ("/v1/status", 200), ("/v1/status?a=b", 200), ("/metrics", 200), ("/metrics?use_latest=false", 200),
                ("/profile/cpu", 404), ("/profile/heap?format=svg", 404),
            ] {
                for credential in Credential.allCases {
                    let headers = credential.header.map { [("Authorization", $0)] } ?? []
                    let answer = try await http("GET", target, headers: headers)
                    #expect(answer.status == status, "\(credential) \(target): \(answer.status) \(answer.body)")
                }
            }
        }
    }
}
