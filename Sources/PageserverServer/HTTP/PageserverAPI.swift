internal import HTTPTypes
package import Hummingbird
internal import Ingest
package import Logging
internal import NIOCore
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity
package import Telemetry
internal import WalReceiver

/// What a pageserver says of itself over HTTP; nothing can be changed by it.
///
/// - `/v1/status`: the pageserver's number, and all shards.
/// - `/v1/tenant/<tenant or shard>/timeline`, and `/<timeline>` behind it: shards, with upstream's names of members.
/// - `/metrics`.
package struct PageserverAPI: HTTPResponder {
    package typealias Context = BasicRequestContext

    private let node: UInt64
    private let shards: [ShardHost]
    private let metrics: PrometheusRegistry
    private let logger: Logger

    package init(node: UInt64, shards: [ShardHost], metrics: PrometheusRegistry, logger: Logger) {
        self.node = node
        self.shards = shards
        self.metrics = metrics
        self.logger = logger
    }

    package func respond(to request: Request, context: BasicRequestContext) async -> Response {
        let path = request.uri.path.split(separator: "/").map(String.init)
        guard request.method == .get else {
            return json(JSONForms.object(["msg": .string("only GET is allowed")]), status: .methodNotAllowed)
        }
        switch path.count {
        case 1 where path == ["metrics"]:
            let bytes = await metrics.exposition().bytes
            return Response(
                status: .ok,
                headers: [.contentType: MetricsExposition.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            )
        case 2 where path == ["v1", "status"]:
            return json(
                JSONForms.object(["id": JSONForms.number(node), "shards": .array(shards.map(\.json))])
            )
        case 4 where path[0] == "v1" && path[1] == "tenant" && path[3] == "timeline":
            let found = shards.filter { $0.isOf(path[2]) }
            return found.isEmpty ? notFound("tenant \(path[2])") : json(.array(found.map(\.json)))
        case 5 where path[0] == "v1" && path[1] == "tenant" && path[3] == "timeline":
            let found = shards.filter { $0.isOf(path[2]) && "\($0.shard.timeline)" == path[4] }
            // A tenant's name alone stands for all of its shards.
            switch found.count {
            case 0: return notFound("timeline \(path[2])/\(path[4])")
            case 1: return json(found[0].json)
            default: return json(.array(found.map(\.json)))
            }
        default:
            return notFound(request.uri.path)
        }
    }

    private func notFound(_ what: String) -> Response {
        json(JSONForms.object(["msg": .string("NotFound: \(what)")]), status: .notFound)
    }

    private func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: value.text))
        )
    }
}

extension ShardHost {
    /// Whether a name is that of the tenant, or of this shard of it.
    fileprivate func isOf(_ name: String) -> Bool {
        name == "\(shard.tenant)" || name == "\(shard.tenant)\(shard.identity.storageSuffix)"
    }

    fileprivate var json: JSONValue {
        let positions = sink.watch.positions
        let status = receiver.status
        let rates = rateMeter.rates
        return JSONForms.object([
            "tenant_id": .string("\(shard.tenant)"),
            "timeline_id": .string("\(shard.timeline)"),
            "shard_id": .string("\(shard.identity.index)"),
            "pg_version": JSONForms.number(shard.version.rawValue),
            "state": .string("Active"),
            "last_record_lsn": JSONForms.lsn(positions.lastRecordLSN),
            "prev_record_lsn": JSONForms.lsn(positions.previousRecordLSN.isValid ? positions.previousRecordLSN : nil),
            "disk_consistent_lsn": JSONForms.lsn(positions.diskConsistentLSN),
            "remote_consistent_lsn": JSONForms.lsn(sink.positions.remoteConsistent),
            "initdb_lsn": JSONForms.lsn(positions.initialLSN),
            "current_logical_size": JSONForms.number(positions.logicalSize),
            "is_in_backup": .boolean(positions.isInBackup),
            "walreceiver_status": .string(status.text),
            "wal_source_connstr": status.safekeeper.map { .string("postgresql://\($0.host):\($0.port)") } ?? .null,
            "last_received_msg_lsn": JSONForms.lsn(status.connection?.streamingLSN),
            "commit_lsn": JSONForms.lsn(status.connection?.commitLSN),
            "lag_bytes": lag.map { JSONForms.number($0) } ?? .null,
            "is_paused": .boolean(status.connection?.isPaused ?? false),
            "corruption_detected": .boolean(status.corruptionDetected),
            "received_bytes": JSONForms.number(status.statistics.payloadBytes),
            "received_records": JSONForms.number(status.statistics.records),
            "ingested_records": JSONForms.number(sink.statistics.records),
            "wal_bytes_per_second": .integer(Int128(rates.walBytes)),
            "received_bytes_per_second": .integer(Int128(rates.payloadBytes)),
            "records_per_second": .integer(Int128(rates.records)),
            "connection_problem": status.connectionProblem.map { .string($0) } ?? .null,
            "last_error": status.lastError.map { .string("\($0)") } ?? .null,
        ])
    }
}
