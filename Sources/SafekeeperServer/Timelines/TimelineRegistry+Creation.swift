internal import Logging
package import PostgresWAL
package import ReplicationProtocol
internal import ShardIdentity
internal import Synchronization

extension TimelineRegistry {
    /// Makes a timeline, or gives the one that is there.
    ///
    /// It is in its place, durable and whole, or not there at all, whenever a crash hits.
    ///
    /// - Parameter contents: its first control file; the generation of its membership is that of the request.
    /// - Returns: the timeline.
    /// - Throws: ``TimelineError``.
    ///
    /// Source: `safekeeper-core.md` §6.2.
    package func create(_ contents: ControlFile) async throws(TimelineError) -> Timeline {
        let id = TenantTimelineID(tenant: contents.tenantID, timeline: contents.timelineID)
        if let timeline = try beginCreation(of: id, contents.membership.generation) { return timeline }
        return try await finishCreation(of: id) { timeline throws(TimelineError) in
            try await timeline.create(contents)
        }
    }

    /// Makes a timeline for a proposer that knows nothing but the server it writes for, or gives the one that is there.
    package func create(
        _ id: TenantTimelineID,
        for server: ControlFile.Server
    ) async throws(TimelineError) -> Timeline {
        var contents = ControlFile(tenantID: id.tenant, timelineID: id.timeline, server: server)
        contents.creation = time.timestamp
        return try await create(contents)
    }

    /// Makes a timeline whose WAL begins at a place that is known, or gives the one that is there.
    ///
    /// - Parameters:
    ///   - id: the timeline.
    ///   - server: the server that will write.
    ///   - membership: which safekeepers hold it.
    ///   - start: where its WAL begins.
    ///   - commit: a position up to which WAL is committed and will be brought from elsewhere, not before `start`; `start`
    ///     itself for a new timeline.
    /// - Returns: the timeline.
    /// - Throws: ``TimelineError``.
    ///
    /// Source: `safekeeper-core.md` §2.2, §6.2.
    package func create(
        _ id: TenantTimelineID,
        for server: ControlFile.Server,
        membership: MembershipConfiguration,
        start: LSN,
        commit: LSN
    ) async throws(TimelineError) -> Timeline {
        guard commit >= start else { throw .commitBeforeStart(id, commit: commit, start: start) }
        var contents = ControlFile(tenantID: id.tenant, timelineID: id.timeline, server: server)
        contents.membership = membership
        contents.creation = time.timestamp
        // A single entry is always in order.
        let history = try? TermHistory([TermLSN(term: .initial, lsn: start)])
        if commit.isValid, let history { contents.termHistory = history }
        contents.timelineStartLSN = start
        contents.localStartLSN = start
        contents.commitLSN = commit
        contents.backupLSN = start
        contents.peerHorizonLSN = start
        return try await create(contents)
    }

    /// Gives a folder with a timeline's files its place and loads it.
    ///
    /// - Parameters:
    ///   - temporary: a folder that ``makeTemporaryFolder(for:)`` made, with files that are durable.
    ///   - id: the timeline.
    ///   - generation: the generation of the request.
    /// - Returns: the timeline.
    /// - Throws: ``TimelineError``, also if there is one already; the folder is removed then.
    package func install(
        _ temporary: String,
        as id: TenantTimelineID,
        generation: Generation
    ) async throws(TimelineError) -> Timeline {
        do throws(TimelineError) {
            if try beginCreation(of: id, generation) != nil { throw .alreadyExists(id) }
            return try await finishCreation(of: id) { timeline throws(TimelineError) in
                try await timeline.install(temporary)
            }
        } catch {
            await directory.discard(temporary, of: id)
            throw error
        }
    }

    /// Makes a folder for the files of a timeline that is fetched from elsewhere.
    package func makeTemporaryFolder(for id: TenantTimelineID) async throws(TimelineError) -> String {
        do throws(StorageError) {
            return try await directory.makeTemporary(for: id)
        } catch {
            throw .storage(id, error)
        }
    }

    /// Marks a timeline as being made; gives it if it is there.
    private func beginCreation(
        of id: TenantTimelineID,
        _ generation: Generation
    ) throws(TimelineError) -> Timeline? {
        let result = state.withLock { state -> Result<Timeline?, TimelineError> in
            if state.isShutDown { return .failure(.cancelled(id)) }
            switch state.entries[id] {
            case .active(let timeline): return timeline.gate.isCancelled ? .failure(.cancelled(id)) : .success(timeline)
            case .creating: return .failure(.creationInProgress(id))
            case .deleting: return .failure(.cancelled(id))
            case nil: break
            }
            if state.tombstones.holdsBack(id, generation) { return .failure(.deleted(id)) }
            if state.unreadable[id] != nil { return .failure(.existsOnDisk(id)) }
            state.entries[id] = .creating
            return .success(nil)
        }
        return try result.get()
    }

    /// Does all that follows the mark, and takes it away again.
    private func finishCreation(
        of id: TenantTimelineID,
        _ fill: (Timeline) async throws(TimelineError) -> Void
    ) async throws(TimelineError) -> Timeline {
        let timeline = makeTimeline(id)
        do throws(TimelineError) {
            try await fill(timeline)
        } catch {
            await drop(timeline)
            state.withLock { $0.entries[id] = nil }
            throw error
        }
        do throws(TimelineError) {
            try await timeline.open()
            try await removeTombstones(of: id)
        } catch {
            await drop(timeline)
            state.withLock { state in
                state.entries[id] = nil
                // It has its folder now; at the next start it is tried again.
                state.unreadable[id] = error
            }
            throw error
        }
        let isShutDown = state.withLock { state in
            state.entries[id] = state.isShutDown ? nil : .active(timeline)
            return state.isShutDown
        }
        if isShutDown {
            await drop(timeline)
            throw .cancelled(id)
        }
        logger.info("created timeline", metadata: ["ttid": "\(id)"])
        return timeline
    }

    /// Removes the tombstones that a later generation has overcome.
    ///
    /// Only now that the timeline is there: it is newer than they are, so a crash before this does no harm.
    private func removeTombstones(of id: TenantTimelineID) async throws(TimelineError) {
        guard state.withLock({ $0.tombstones.contains(id) }) else { return }
        do throws(StorageError) {
            try await directory.removeTombstones(of: id)
        } catch {
            throw .storage(id, error)
        }
        state.withLock { $0.tombstones.remove(id) }
    }
}
