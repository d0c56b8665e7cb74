internal import CoreMetrics
package import Logging
internal import PostgresWAL
package import ReplicationProtocol

/// Runs the commands of clients on a safekeeper's ports for WAL.
///
/// Source: `safekeeper-core.md` §1.1, §1.2; `replication-protocol.md` §2.
package struct SafekeeperPortHandler: PortHandler {
    let registry: TimelineRegistry
    let logger: Logger
    private let counters: CommandCounters

    package init(registry: TimelineRegistry, logger: Logger) {
        self.registry = registry
        self.logger = logger
        counters = CommandCounters(registry.metrics.factory)
    }

    package func handle(_ command: ReplicationCommand, on connection: PortConnection) async throws {
        counters.received(command)
        defer { counters.finished(command) }
        let id = TenantTimelineID(tenant: connection.tenant, timeline: connection.timeline)
        switch command {
        case .startWALPush(let options): try await takeWAL(options, of: id, on: connection)
        case .identifySystem: try await identifySystem(id, connection)
        case .timelineStatus: try await timelineStatus(id, connection)
        case .startReplication(let request): try await sendWAL(request, of: id, on: connection)
        case .show(let name): try await show(name, id, connection)
        case .createReplicationSlot(let name, _, _): try await createSlot(name, id, connection)
        case .readReplicationSlot: try await connection.answer(StockCommands.readSlot)
        case .timelineHistory(let timeline): throw NoTimelineHistory(timeline: timeline)
        // The port answers this itself.
        case .setDateStyle: throw UnsupportedCommand(name: "\(command)")
        }
    }
}

extension SafekeeperPortHandler {
    private func identifySystem(_ id: TenantTimelineID, _ connection: PortConnection) async throws {
        let name = connection.client.applicationName ?? ""
        // Those who recover from here want all there is, committed or not.
        let wantsAll = name == "wal_proposer_recovery" || name.hasPrefix("safekeeper")
        let (systemID, position) = try await registry.withTimeline(id) { timeline in
            try await timeline.withState { state in
                (state.persisted.server.systemIdentifier, wantsAll ? state.flushLSN : state.commitLSN)
            }
        }
        try await connection.answer(BackendMessage.identifySystem(systemID: systemID, position: position))
    }

    private func timelineStatus(_ id: TenantTimelineID, _ connection: PortConnection) async throws {
        let positions: (flush: LSN, commit: LSN)?
        do {
            positions = try await registry.withTimeline(id) { timeline in
                try await timeline.withState { ($0.flushLSN, $0.commitLSN) }
            }
        } catch TimelineError.notFound {
            positions = nil
        }
        try await connection.answer(BackendMessage.timelineStatus(positions))
    }

    private func show(_ name: String, _ id: TenantTimelineID, _ connection: PortConnection) async throws {
        let segmentSize = try await registry.withTimeline(id) { timeline in
            try await timeline.withState { $0.store.segmentSize }
        }
        guard let answer = StockCommands.show(name, segmentSize: segmentSize) else { throw UnknownSetting(name: name) }
        try await connection.answer(answer)
    }

    private func createSlot(_ name: String, _ id: TenantTimelineID, _ connection: PortConnection) async throws {
        _ = try registry.timeline(id)
        try await connection.answer(StockCommands.createSlot(name))
    }
}

/// A command that is not there.
struct UnsupportedCommand: Error, CustomStringConvertible {
    let name: String

    var description: String { "unsupported command \(name)" }
}

/// Counts commands by their names.
///
/// Source: `safekeeper-operations.md` §3.1.
private struct CommandCounters: Sendable {
    private let received: [String: Counter]
    private let finished: [String: Counter]

    init(_ factory: any MetricsFactory) {
        let names = ["START_WAL_PUSH", "START_REPLICATION", "TIMELINE_STATUS", "IDENTIFY_SYSTEM"]
        func counters(_ label: String) -> [String: Counter] {
            Dictionary(
                uniqueKeysWithValues: names.map { name in
                    (name, Counter(label: label, dimensions: [("query", name)], factory: factory))
                }
            )
        }
        received = counters("safekeeper_pg_queries_received_total")
        finished = counters("safekeeper_pg_queries_finished_total")
    }

    func received(_ command: ReplicationCommand) {
        received[Self.name(command)]?.increment()
    }

    func finished(_ command: ReplicationCommand) {
        finished[Self.name(command)]?.increment()
    }

    private static func name(_ command: ReplicationCommand) -> String {
        switch command {
        case .startWALPush: "START_WAL_PUSH"
        case .startReplication: "START_REPLICATION"
        case .timelineStatus: "TIMELINE_STATUS"
        case .identifySystem: "IDENTIFY_SYSTEM"
        case .setDateStyle, .show, .timelineHistory, .createReplicationSlot, .readReplicationSlot: ""
        }
    }
}
