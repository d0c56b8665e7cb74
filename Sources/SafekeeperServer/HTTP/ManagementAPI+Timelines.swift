internal import Hummingbird
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// What is done with timelines.
///
/// Source: `safekeeper-operations.md` §1.3, §1.4.
extension ManagementAPI {
    func utilization(_ call: Call) throws(ManagementError) -> JSONValue {
        try permit(.management, call.claims, call.logger)
        return JSONForms.object(["timeline_count": JSONForms.number(registry.timelines.count)])
    }

    func listTimelines(_ call: Call) throws(ManagementError) -> JSONValue {
        try permit(.management, call.claims, call.logger)
        return .array(registry.timelines.map { JSONForms.timeline($0.id) })
    }

    /// Makes a timeline; one that is there is left as it is, with its membership.
    func createTimeline(_ call: Call) async throws(ManagementError) -> JSONValue {
        let fields = try await body(of: call)
        let tenant = try fields.required("tenant_id").tenant()
        let timeline = try fields.required("timeline_id").timeline()
        let membership = try fields.required("mconf").membership()
        let server = ControlFile.Server(
            versionNumber: try fields.required("pg_version").number(UInt32.self),
            systemIdentifier: try fields.optional("system_id")?.number(UInt64.self) ?? 0,
            segmentSize: try fields.optional("wal_seg_size")?.number(UInt32.self) ?? 16 << 20
        )
        let startLSN = try fields.required("start_lsn").lsn()
        let commitLSN = try fields.optional("commit_lsn")?.lsn() ?? startLSN
        try permit(.tenant(tenant), call.claims, call.logger)

        do throws(TimelineError) {
            _ = try await registry.create(
                TenantTimelineID(tenant: tenant, timeline: timeline),
                for: server,
                membership: membership,
                start: startLSN,
                commit: commitLSN
            )
            return .null
        } catch .deleted(let id) {
            throw .internalError("\(TimelineError.deleted(id))")
        } catch {
            throw ManagementError(error)
        }
    }

    func timelineStatus(_ id: TenantTimelineID, _ call: Call) async throws(ManagementError) -> JSONValue {
        try permit(.tenant(id.tenant), call.claims, call.logger)
        return try await use(id) { timeline in
            let receivers = timeline.receivers.all
            let senders = timeline.streaming.senders
            return try await timeline.withState { Self.status(of: id, $0, receivers, senders) }
        }
    }

    func deleteTimeline(_ id: TenantTimelineID, _ call: Call) async throws(ManagementError) -> JSONValue {
        // There is nothing remote that could be deleted as well.
        _ = try call.address.flag("only_local")
        try permit(.tenant(id.tenant), call.claims, call.logger)
        try await refuseBody(of: call)
        return try await delete(id, generation: nil)
    }

    /// Deletes all timelines of a tenant; its tombstone comes first, so that none is made meanwhile.
    func deleteTenant(_ text: String, _ call: Call) async throws(ManagementError) -> JSONValue {
        guard let tenant = TenantID(text) else { throw .badRequest("failed to parse tenant_id") }
        _ = try call.address.flag("only_local")
        try permit(.tenant(tenant), call.claims, call.logger)
        try await refuseBody(of: call)
        let known = registry.timelines.map(\.id).filter { $0.tenant == tenant }
        do throws(TimelineError) {
            try await registry.delete(tenant)
            return .object(
                known.map { id in
                    JSONValue.Member(name: "\(id.timeline)", value: JSONForms.object(["dir_existed": .boolean(true)]))
                }
            )
        } catch {
            throw ManagementError(error)
        }
    }

    /// Deletes a timeline that this safekeeper is no longer a member of.
    func excludeTimeline(_ id: TenantTimelineID, _ call: Call) async throws(ManagementError) -> JSONValue {
        try permit(.tenant(id.tenant), call.claims, call.logger)
        let membership = try await body(of: call).membership()
        guard !membership.contains(node) else {
            throw .forbidden(
                "refused to exclude timeline with \(JSONForms.text(membership)), node \(node) is member of it"
            )
        }
        if let current = try? registry.timeline(id).watch.current.generation, current > membership.generation {
            throw .conflict(
                "refused to exclude timeline with \(JSONForms.text(membership)), current generation \(current)"
            )
        }
        return try await delete(id, generation: membership.generation)
    }

    func switchMembership(_ id: TenantTimelineID, _ call: Call) async throws(ManagementError) -> JSONValue {
        try permit(.tenant(id.tenant), call.claims, call.logger)
        let wanted = try await body(of: call).membership()
        return try await use(id) { [node] timeline in
            guard wanted.contains(node) else {
                throw ManagementError.forbidden(
                    "refused to switch into \(JSONForms.text(wanted)), node \(node) is not a member of it"
                )
            }
            let (switched, lastLogTerm, flushLSN) = try await timeline.withState { state in
                (try state.switchMembership(to: wanted), state.lastLogTerm, state.flushLSN)
            }
            guard switched.current.generation == wanted.generation else {
                throw ManagementError.conflict(
                    "request to switch into \(wanted.generation) ignored, "
                        + "current generation \(switched.current.generation)"
                )
            }
            return JSONForms.object([
                "previous_conf": JSONForms.membership(switched.previous),
                "current_conf": JSONForms.membership(switched.current),
                "last_log_term": JSONForms.number(lastLogTerm.rawValue),
                "flush_lsn": JSONForms.lsn(flushLSN),
            ])
        }
    }

    func bumpTerm(_ id: TenantTimelineID, _ call: Call) async throws(ManagementError) -> JSONValue {
        try permit(.tenant(id.tenant), call.claims, call.logger)
        let number = try await body(of: call).optional("term")?.number(UInt64.self)
        let term = number.map { Term($0) }
        return try await use(id) { timeline in
            let (previous, current) = try await timeline.withState { try $0.bumpTerm(to: term) }
            return JSONForms.object([
                "previous_term": JSONForms.number(previous.rawValue),
                "current_term": JSONForms.number(current.rawValue),
            ])
        }
    }

    /// Stores the control file.
    func checkpoint(_ id: TenantTimelineID, _ call: Call) async throws(ManagementError) -> JSONValue {
        try permit(.management, call.claims, call.logger)
        return try await use(id) { timeline in
            try await timeline.withState { try $0.flushControlFile() }
            return .null
        }
    }
}

// MARK: - What they share

extension ManagementAPI {
    private func delete(_ id: TenantTimelineID, generation: Generation?) async throws(ManagementError) -> JSONValue {
        do throws(TimelineError) {
            return JSONForms.object(["dir_existed": .boolean(try await registry.delete(id, generation: generation))])
        } catch {
            throw ManagementError(error)
        }
    }

    private func use(
        _ id: TenantTimelineID,
        _ body: @escaping @Sendable (Timeline) async throws -> JSONValue
    ) async throws(ManagementError) -> JSONValue {
        do {
            return try await registry.withTimeline(id, body)
        } catch let error as ManagementError {
            throw error
        } catch let error as TimelineError {
            throw ManagementError(error)
        } catch {
            throw .internalError("\(error)")
        }
    }

    private static func status(
        of id: TenantTimelineID,
        _ state: TimelineState,
        _ receivers: [(connection: UInt64?, status: WALReceivers.Status)],
        _ senders: WALSenders
    ) -> JSONValue {
        typealias Forms = JSONForms
        let persisted = state.persisted
        let current = state.control
        return Forms.object([
            "tenant_id": .string("\(id.tenant)"),
            "timeline_id": .string("\(id.timeline)"),
            "mconf": Forms.membership(persisted.membership),
            "acceptor_state": Forms.object([
                "term": Forms.number(persisted.term.rawValue),
                "epoch": Forms.number(state.lastLogTerm.rawValue),
                "term_history": Forms.history(persisted.termHistory),
            ]),
            "pg_info": Forms.server(persisted.server),
            "flush_lsn": Forms.lsn(state.flushLSN),
            "timeline_start_lsn": Forms.lsn(persisted.timelineStartLSN),
            "local_start_lsn": Forms.lsn(persisted.localStartLSN),
            "commit_lsn": Forms.lsn(current.commitLSN),
            "backup_lsn": Forms.lsn(current.backupLSN),
            "peer_horizon_lsn": Forms.lsn(current.peerHorizonLSN),
            "remote_consistent_lsn": Forms.lsn(current.remoteConsistentLSN),
            // There are no peers yet.
            "peers": .array([]),
            "walsenders": .array(senders.status.map { Forms.sender($0, of: id) }),
            "walreceivers": .array(
                receivers.map { receiver in
                    Forms.object([
                        "conn_id": receiver.connection.map { Forms.number($0) } ?? .null,
                        "status": .string(receiver.status == .voting ? "Voting" : "Streaming"),
                    ])
                }
            ),
            "shards": .array(senders.progress.status.map(Forms.shard)),
        ])
    }
}

extension ManagementError {
    fileprivate init(_ error: TimelineError) {
        self =
            switch error {
            case .notFound(let id): .notFound("timeline \(id) not found")
            case .deleted(let id): .notFound("timeline \(id) deleted")
            default: .internalError("\(error)")
            }
    }
}
