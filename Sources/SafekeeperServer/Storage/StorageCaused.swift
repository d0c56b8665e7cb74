/// An error behind which there may be a file: somebody has to look at the disk then, and not at the client.
package protocol StorageCaused: Error {
    /// The system call that failed; nil if none did.
    var storageError: StorageError? { get }
}

extension WALStoreError: StorageCaused {
    package var storageError: StorageError? {
        if case .storage(let error) = self { error } else { nil }
    }
}

extension ControlFileError: StorageCaused {
    package var storageError: StorageError? {
        if case .storage(let error) = self { error } else { nil }
    }
}

extension AcceptorError: StorageCaused {
    package var storageError: StorageError? {
        switch self {
        case .store(let error): error.storageError
        case .controlFile(let error): error.storageError
        default: nil
        }
    }
}

extension TimelineStateError: StorageCaused {
    package var storageError: StorageError? {
        switch self {
        case .controlFile(let error): error.storageError
        case .wal(let error): error.storageError
        default: nil
        }
    }
}

extension TimelineError: StorageCaused {
    package var storageError: StorageError? {
        switch self {
        case .storage(_, let error): error
        case .notInitialized(_, let error), .unreadable(_, let error): error.storageError
        default: nil
        }
    }
}

extension WALReadError: StorageCaused {
    package var storageError: StorageError? {
        if case .store(let error) = self { error.storageError } else { nil }
    }
}

extension WALAcceptorError: StorageCaused {
    package var storageError: StorageError? {
        switch self {
        case .creation(let error), .timeline(let error): error.storageError
        case .acceptor(let error): error.storageError
        default: nil
        }
    }
}
