internal import CoreMetrics
internal import HTTPTypes
package import Hummingbird
package import Logging
internal import NIOCore
package import ReplicationProtocol
internal import ServerSupport
internal import ShardIdentity
package import Telemetry

/// The management API: what is asked over HTTP, and what is answered.
///
/// A token is looked at before the address is, so that without one nothing can be learned; which addresses need none is
/// decided by the path as it was sent. Then come path parameters, permission, body, and only then the timeline.
///
/// Source: `safekeeper-operations.md` §1.1, §1.2, §2.2.
package struct ManagementAPI: HTTPResponder {
    package typealias Context = BasicRequestContext

    /// Bytes of a body that are read; a longer one is refused.
    package static let maximumBodySize = 1 << 20

    /// Paths that are open to all.
    private static let openPaths: Set<String> = ["/v1/status", "/metrics", "/profile/cpu", "/profile/heap"]

    let node: SafekeeperID
    let registry: TimelineRegistry
    private let metrics: PrometheusRegistry
    private let verifier: TokenVerifier?
    private let logger: Logger
    private let scrapes: Counter

    /// - Parameters:
    ///   - node: the safekeeper's number.
    ///   - registry: its timelines.
    ///   - metrics: what it tells of itself.
    ///   - verifier: judges tokens; nil trusts everyone.
    ///   - logger: where to tell of failures.
    package init(
        node: SafekeeperID,
        registry: TimelineRegistry,
        metrics: PrometheusRegistry,
        verifier: TokenVerifier?,
        logger: Logger
    ) {
        self.node = node
        self.registry = registry
        self.metrics = metrics
        self.verifier = verifier
        self.logger = logger
        scrapes = Counter(label: "libmetrics_metric_handler_requests_total", factory: metrics)
    }

    package func respond(to request: Request, context: BasicRequestContext) async -> Response {
        let requestID = request.headers[.requestID] ?? Self.randomRequestID()
        var logger = logger
        logger[metadataKey: "method"] = "\(request.method)"
        logger[metadataKey: "path"] = "\(request.uri.path)"
        logger[metadataKey: "request_id"] = "\(requestID)"
        var response: Response
        do throws(ManagementError) {
            let claims = try claims(of: request, logger)
            response = try await route(request, claims, logger)
        } catch {
            let message = "Error processing HTTP request: \(error.message)"
            switch error {
            case .internalError: logger.error("\(message)")
            case .unauthorized, .forbidden: logger.warning("\(message)")
            default: logger.info("\(message)")
            }
            response = Self.json(JSONForms.object(["msg": .string(error.message)]), status: error.status)
        }
        response.headers[.requestID] = requestID
        return response
    }
}

// MARK: - Permission

extension ManagementAPI {
    /// The claims of a request's token; nil where none is needed.
    private func claims(of request: Request, _ logger: Logger) throws(ManagementError) -> AccessClaims? {
        guard let verifier, !Self.openPaths.contains(request.uri.path) else { return nil }
        guard let header = request.headers[.authorization] else {
            throw .unauthorized("missing authorization header")
        }
        let parts = header.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "Bearer", !parts[1].isEmpty, header.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw .unauthorized("malformed authorization header")
        }
        do throws(TokenError) {
            return try verifier.verify(String(parts[1]), at: Double(ControlFile.Timestamp.now.seconds))
        } catch {
            logger.warning("Authentication error: \(error)")
            throw .forbidden(TokenError.clientMessage)
        }
    }

    /// Checks that a token allows a call.
    func permit(_ call: ProtectedCall, _ claims: AccessClaims?, _ logger: Logger) throws(ManagementError) {
        guard verifier != nil else { return }
        guard let claims, claims.permits(call) else {
            logger.warning(
                "Authentication error: \(claims.map { "\(TokenError.notPermitted($0.scope))" } ?? "no token")"
            )
            throw .forbidden(TokenError.clientMessage)
        }
    }
}

// MARK: - Routing

extension ManagementAPI {
    /// What a handler gets to know of a request.
    struct Call {
        let request: Request
        let address: ManagementRequest
        let claims: AccessClaims?
        let logger: Logger
    }

    private func route(
        _ request: Request,
        _ claims: AccessClaims?,
        _ logger: Logger
    ) async throws(ManagementError) -> Response {
        if request.method == .options { return Response(status: .noContent) }
        let address = ManagementRequest(path: request.uri.path, query: request.uri.query)
        guard let elements = address.elements else { return Self.notFound }
        let call = Call(request: request, address: address, claims: claims, logger: logger)
        switch (request.method, elements.count) {
        case (.get, _) where elements == ["metrics"]: return try await exposition(call)
        case (.get, _) where elements == ["v1", "status"]:
            return Self.json(JSONForms.object(["id": JSONForms.number(node.rawValue)]))
        case (.get, _) where elements == ["v1", "utilization"]: return Self.json(try utilization(call))
        case (.get, _) where elements == ["v1", "tenant", "timeline"]: return Self.json(try listTimelines(call))
        case (.post, _) where elements == ["v1", "tenant", "timeline"]: return Self.json(try await createTimeline(call))
        case (.delete, 3) where elements.starts(with: ["v1", "tenant"]):
            return Self.json(try await deleteTenant(elements[2], call))
        case (_, 5...6) where elements.starts(with: ["v1", "tenant"]) && elements[3] == "timeline":
            let operation = elements.count == 6 ? elements[5] : nil
            guard let answer = try await answer(operation, elements[2], elements[4], call) else { return Self.notFound }
            return Self.json(answer)
        default: return Self.notFound
        }
    }

    /// What is done with one timeline; nil if there is no such operation.
    private func answer(
        _ operation: String?,
        _ tenant: String,
        _ timeline: String,
        _ call: Call
    ) async throws(ManagementError) -> JSONValue? {
        let perform: (TenantTimelineID, Call) async throws(ManagementError) -> JSONValue
        switch (call.request.method, operation) {
        case (.get, nil): perform = timelineStatus
        case (.delete, nil): perform = deleteTimeline
        case (.put, "exclude"): perform = excludeTimeline
        case (.put, "membership"): perform = switchMembership
        case (.post, "term_bump"): perform = bumpTerm
        case (.post, "checkpoint"): perform = checkpoint
        default: return nil
        }
        guard let tenant = TenantID(tenant) else { throw .badRequest("failed to parse tenant_id") }
        guard let timeline = TimelineID(timeline) else { throw .badRequest("failed to parse timeline_id") }
        return try await perform(TenantTimelineID(tenant: tenant, timeline: timeline), call)
    }

    /// The body of a request as far as it is JSON; throws if there is none.
    func body(of call: Call) async throws(ManagementError) -> RequestFields {
        try RequestFields(body: try await bytes(of: call))
    }

    /// Refuses a body.
    func refuseBody(of call: Call) async throws(ManagementError) {
        guard try await bytes(of: call).isEmpty else { throw .badRequest("Unexpected request body") }
    }

    private func bytes(of call: Call) async throws(ManagementError) -> [UInt8] {
        do {
            let buffer = try await call.request.body.collect(upTo: Self.maximumBodySize)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw .tooLarge(maximum: Self.maximumBodySize)
        } catch {
            throw .badRequest("can't read the request body: \(error)")
        }
    }
}

// MARK: - Answers

extension ManagementAPI {
    private static var notFound: Response {
        Response(
            status: .notFound,
            headers: [.contentType: "text/plain"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: "Not Found"))
        )
    }

    private static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: value.text))
        )
    }

    private func exposition(_ call: Call) async throws(ManagementError) -> Response {
        // Metrics are always collected when they are asked for, so either answer is the latest.
        _ = try call.address.flag("use_latest")
        scrapes.increment()
        let start = ContinuousClock.now
        let bytes = await metrics.exposition().bytes
        call.logger.info(
            "responded /metrics",
            metadata: [
                "bytes": "\(bytes.count)", "time": "\(HumanDuration.text(ContinuousClock.now - start))",
            ]
        )
        return Response(
            status: .ok,
            headers: [.contentType: MetricsExposition.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    /// A random UUID.
    private static func randomRequestID() -> String {
        // The version is 4, and the variant the usual one.
        let random = UInt128.random(in: 0 ... .max)
        let fixed: UInt128 = 0xF << 76 | 0x3 << 62
        let bits = (random & ~fixed) | 0x4 << 76 | 0x2 << 62
        let digits = Array("\(TenantID(bits: bits))")
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }
}

extension HTTPField.Name {
    fileprivate static let requestID = HTTPField.Name("x-request-id")!
}
