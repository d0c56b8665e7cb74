internal import Logging
package import ReplicationProtocol
package import ShardIdentity
internal import Synchronization

extension TimelineRegistry {
    /// Deletes a timeline from this disk, and sees to it that it doesn't come back.
    ///
    /// All who use it are told to stop, and its files go once they have. That goes on if the caller is cancelled; who
    /// calls again meanwhile waits for the same deletion.
    ///
    /// The tombstone is stored before the files go, so that a deletion that a crash interrupts is finished at the next
    /// start. Where the disk is full it is stored once they have gone.
    ///
    /// - Parameters:
    ///   - id: the timeline; it need not be there.
    ///   - generation: the generation that it may not come back with, nor with an older one; nil for all.
    /// - Returns: whether there were files.
    /// - Throws: ``TimelineError``; to be repeated then.
    ///
    /// Source: `safekeeper-core.md` §6.3.
    @discardableResult
    package func delete(
        _ id: TenantTimelineID,
        generation: Generation? = nil
    ) async throws(TimelineError) -> Bool {
        let result = state.withLock { state -> Result<Deletion, TimelineError> in
            var timeline: Timeline?
            switch state.entries[id] {
            case .creating: return .failure(.creationInProgress(id))
            case .deleting(let deletion): return .success(deletion)
            case .active(let active): timeline = active
            case nil: break
            }
            timeline?.cancel()
            let deletion = Deletion { [timeline] in await self.finishDeletion(of: id, timeline, generation) }
            state.entries[id] = .deleting(deletion)
            return .success(deletion)
        }
        return try await result.get().value.get()
    }

    private func finishDeletion(
        of id: TenantTimelineID,
        _ timeline: Timeline?,
        _ generation: Generation?
    ) async -> Result<Bool, TimelineError> {
        logger.info("deleting timeline \(id)", metadata: ["ttid": "\(id)"])
        await timeline?.close()
        let result: Result<Bool, TimelineError>
        do throws(StorageError) {
            let tombstone = Tombstones.Tombstone.timeline(id, generation)
            let hadFiles: Bool
            if try await insert(tombstone, unlessFull: true) {
                hadFiles = try await directory.remove(id)
            } else {
                hadFiles = try await directory.remove(id)
                _ = try await insert(tombstone, unlessFull: false)
            }
            result = .success(hadFiles)
        } catch {
            logger.error("can't delete timeline", metadata: ["ttid": "\(id)", "error": "\(error)"])
            result = .failure(.storage(id, error))
        }
        state.withLock { state in
            state.entries[id] = nil
            switch result {
            case .success: state.unreadable[id] = nil
            // Until the deletion is repeated its files are in the way.
            case .failure(let error): state.unreadable[id] = error
            }
        }
        return result
    }

    /// Stores a tombstone; gives false if the disk is full, if that is to be passed over.
    private func insert(
        _ tombstone: Tombstones.Tombstone,
        unlessFull: Bool
    ) async throws(StorageError) -> Bool {
        do throws(StorageError) {
            try await directory.insert(tombstone)
        } catch {
            guard error.isOutOfSpace && unlessFull else { throw error }
            return false
        }
        state.withLock { $0.tombstones.insert(tombstone) }
        return true
    }

    /// Deletes all timelines of a tenant, and sees to it that there will be none.
    ///
    /// - Throws: ``TimelineError`` of the last timeline that could not be deleted, or of the tenant's folder; all have
    ///   been tried then. To be repeated.
    package func delete(_ tenant: TenantID) async throws(TimelineError) {
        // An error that is about no timeline in particular names the one with number 0.
        let none = TenantTimelineID(tenant: tenant, timeline: TimelineID(bits: 0))
        let onDisk: [TenantTimelineID]
        let isMarked: Bool
        do throws(StorageError) {
            isMarked = try await insert(.tenant(tenant), unlessFull: true)
            onDisk = try await directory.timelines(of: tenant)
        } catch {
            throw .storage(none, error)
        }
        let known = state.withLock { $0.entries.keys.filter { $0.tenant == tenant } }
        var failure: TimelineError?
        for id in Set(onDisk).union(known) {
            do throws(TimelineError) {
                try await delete(id)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        do throws(StorageError) {
            if !isMarked { _ = try await insert(.tenant(tenant), unlessFull: false) }
            try await directory.remove(tenant)
        } catch {
            throw .storage(none, error)
        }
    }
}
