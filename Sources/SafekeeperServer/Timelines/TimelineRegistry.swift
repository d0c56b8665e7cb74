internal import CoreMetrics
package import Logging
internal import ReplicationProtocol
internal import ShardIdentity
internal import Synchronization

/// All timelines of one safekeeper: which there are, which are coming or going, and which may not come back.
///
/// | a timeline is | it is given out | to make it |
/// |---|---|---|
/// | absent | `notFound` | it is made |
/// | being made | `creationInProgress` | the same |
/// | active | yes | gives what is there |
/// | being deleted | `cancelled` | the same |
/// | deleted, with a tombstone | `deleted` | the same, unless the tombstone's generation is older |
/// | on disk, but could not be loaded | `notFound` | `existsOnDisk` |
///
/// One call at a time makes or deletes a timeline; the states say who it is. Making and deleting go on if whoever asked
/// for them is cancelled.
///
/// Source: `safekeeper-core.md` §6.1 to §6.3.
package final class TimelineRegistry: Sendable {
    enum Entry: Sendable {
        case creating
        case active(Timeline)
        case deleting(Deletion)
    }

    /// A deletion under way, that others can wait for.
    typealias Deletion = Task<Result<Bool, TimelineError>, Never>

    struct State: Sendable {
        var entries: [TenantTimelineID: Entry] = [:]
        var tombstones = Tombstones()
        /// Timelines that have a folder and can't be loaded.
        var unreadable: [TenantTimelineID: TimelineError] = [:]
        var isShutDown = false
    }

    let state = Mutex(State())
    let directory: DataDirectory
    let settings: TimelineSettings
    let time: any TimeSource
    package let logger: Logger
    package let metrics: SafekeeperMetrics

    /// - Parameters:
    ///   - directory: the data directory; its lock is held by the caller.
    ///   - settings: what applies to all timelines.
    ///   - time: where time comes from.
    ///   - logger: where to tell what happens.
    ///   - metrics: where to count what happens.
    package init(
        in directory: DataDirectory,
        settings: TimelineSettings,
        time: any TimeSource = SystemTime(),
        logger: Logger,
        metrics: SafekeeperMetrics
    ) {
        self.directory = directory
        var settings = settings
        if settings.state.observer == nil { settings.state.observer = metrics.storage }
        self.settings = settings
        self.time = time
        self.logger = logger
        self.metrics = metrics
    }

    func makeTimeline(_ id: TenantTimelineID) -> Timeline {
        Timeline(directory.folder(of: id), settings: settings, time: time, logger: logger, metrics: metrics)
    }
}

// MARK: - Looking

extension TimelineRegistry {
    /// A timeline that is active.
    ///
    /// To use it, see ``Timeline/withUse(_:)`` or ``withTimeline(_:_:)``.
    package func timeline(_ id: TenantTimelineID) throws(TimelineError) -> Timeline {
        let result = state.withLock { state -> Result<Timeline, TimelineError> in
            switch state.entries[id] {
            case .active(let timeline): timeline.gate.isCancelled ? .failure(.cancelled(id)) : .success(timeline)
            case .creating: .failure(.creationInProgress(id))
            case .deleting: .failure(.cancelled(id))
            case nil: .failure(state.tombstones.contains(id) ? .deleted(id) : .notFound(id))
            }
        }
        return try result.get()
    }

    /// Uses a timeline for as long as a call takes; see ``Timeline/withUse(_:)``.
    package func withTimeline<Result: Sendable>(
        _ id: TenantTimelineID,
        _ body: @escaping @Sendable (Timeline) async throws -> Result
    ) async throws -> Result {
        let timeline = try timeline(id)
        return try await timeline.withUse { try await body(timeline) }
    }

    /// All timelines that are active.
    package var timelines: [Timeline] {
        state.withLock { state in
            state.entries.values.compactMap { entry in
                if case .active(let timeline) = entry { timeline } else { nil }
            }
        }
    }

    /// The timelines that have a folder and can't be loaded, and why.
    package var unreadable: [TenantTimelineID: TimelineError] { state.withLock { $0.unreadable } }
}
