internal import Logging
internal import ReplicationProtocol
internal import ShardIdentity
internal import Synchronization

extension TimelineRegistry {
    /// How many timelines are loaded at the same time: enough to keep a disk busy.
    private static let parallelLoads = 8

    /// Loads all timelines; to be called once, before anything else.
    ///
    /// What is left of timelines that were being made is removed, and so is what is left of deleted ones. A folder that
    /// can't be loaded is kept, and reported by ``unreadable``.
    ///
    /// - Returns: how many were loaded.
    /// - Throws: ``StorageError`` if the data directory can't be read.
    @discardableResult
    package func load() async throws(StorageError) -> Int {
        let contents = try await directory.open()
        state.withLock { $0.tombstones = contents.tombstones }
        await withTaskGroup { group in
            var rest = contents.timelines[...]
            for id in rest.prefix(Self.parallelLoads) { group.addTask { await self.load(id) } }
            rest = rest.dropFirst(Self.parallelLoads)
            while await group.next() != nil {
                if let id = rest.popFirst() { group.addTask { await self.load(id) } }
            }
        }
        let count = timelines.count
        logger.info("found \(contents.tenants.count) tenants directories, successfully loaded \(count) timelines")
        return count
    }

    private func load(_ id: TenantTimelineID) async {
        let timeline = makeTimeline(id)
        do throws(TimelineError) {
            try await timeline.open()
        } catch {
            await drop(timeline)
            // What a deletion has left need not be loadable; what may have come back since then stays.
            let isDeleted = state.withLock { $0.tombstones.holdsBack(id, Generation(.max)) }
            if isDeleted { return await finishDeletion(of: id) }
            logger.error("failed to load timeline \(id.timeline) for tenant \(id.tenant), reason: \(error)")
            state.withLock { $0.unreadable[id] = error }
            return
        }
        let generation = timeline.watch.current.generation
        let isDeleted = state.withLock { state in
            if state.tombstones.holdsBack(id, generation) { return true }
            state.entries[id] = .active(timeline)
            return false
        }
        if isDeleted {
            await drop(timeline)
            await finishDeletion(of: id)
        }
    }

    /// Closes a timeline that nobody has got.
    func drop(_ timeline: Timeline) async {
        timeline.cancel()
        await timeline.close()
    }

    private func finishDeletion(of id: TenantTimelineID) async {
        do throws(StorageError) {
            _ = try await directory.remove(id)
            logger.info("removed what was left of a deleted timeline", metadata: ["ttid": "\(id)"])
        } catch {
            logger.error(
                "can't remove what is left of a deleted timeline",
                metadata: ["ttid": "\(id)", "error": "\(error)"]
            )
        }
    }

    /// Closes all timelines: to be called once, at the end.
    ///
    /// Nothing is stored: what was promised is durable already.
    package func shutDown() async {
        let entries = state.withLock { state in
            state.isShutDown = true
            return state.entries
        }
        for case .active(let timeline) in entries.values { timeline.cancel() }
        for entry in entries.values {
            switch entry {
            case .active(let timeline): await timeline.close()
            case .deleting(let deletion): _ = await deletion.value
            case .creating: break
            }
        }
    }
}
