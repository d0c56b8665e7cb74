package import PostgresWAL

/// Why a timeline can't be had.
///
/// The texts are matched by those who ask. Source: `safekeeper-operations.md` §7.3.
package enum TimelineError: Error, Hashable, Sendable {
    /// There is none.
    case notFound(TenantTimelineID)
    /// It was deleted.
    case deleted(TenantTimelineID)
    /// It is being made.
    case creationInProgress(TenantTimelineID)
    /// It is being deleted, or the safekeeper is shutting down.
    case cancelled(TenantTimelineID)
    /// It is there already.
    case alreadyExists(TenantTimelineID)
    /// It has a folder, but could not be loaded.
    case existsOnDisk(TenantTimelineID)
    /// Its WAL would be committed up to before it begins.
    case commitBeforeStart(TenantTimelineID, commit: LSN, start: LSN)
    /// It can't be as it is wanted.
    case notInitialized(TenantTimelineID, TimelineStateError)
    /// It can't be loaded.
    case unreadable(TenantTimelineID, TimelineStateError)
    /// A system call failed.
    case storage(TenantTimelineID, StorageError)
}

extension TimelineError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .notFound(let id): "Timeline \(id) was not found in global map"
        case .deleted(let id): "Timeline \(id) has been deleted"
        case .creationInProgress(let id): "Timeline \(id) creation is in progress"
        case .cancelled(let id): "Timeline \(id) was cancelled and cannot be used anymore"
        case .alreadyExists(let id): "Timeline \(id) is already exists"
        case .existsOnDisk(let id): "Timeline \(id) exists on disk, but wasn't loaded on startup"
        case .commitBeforeStart(let id, let commit, let start):
            "Timeline \(id) can't be made: commit_lsn \(commit) is smaller than start_lsn \(start)"
        case .notInitialized(let id, let error): "Timeline \(id) is not initialized, \(error)"
        case .unreadable(let id, let error): "Timeline \(id) can't be loaded: \(error)"
        case .storage(let id, let error): "Timeline \(id): \(error)"
        }
    }
}

extension TimelineError {
    init(making id: TenantTimelineID, _ error: TimelineStateError) {
        switch error {
        case .controlFile(.storage(let error)), .wal(.storage(let error)): self = .storage(id, error)
        case .controlFile, .wal, .offloaded: self = .unreadable(id, error)
        case .serverVersion, .segmentSize: self = .notInitialized(id, error)
        }
    }
}
