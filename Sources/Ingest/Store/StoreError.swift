/// What a ``VersionedStore`` can't do.
public enum StoreError: Error, Hashable, Sendable {
    /// There is no space left.
    ///
    /// Nothing of the call has happened; it may be repeated once there is space.
    case noSpace(operation: String, message: String)
    /// The storage below failed.
    case failed(operation: String, message: String)
    /// What is stored is not what was written.
    case corrupt(message: String)
}

extension StoreError {
    /// Whether the store is full, so that waiting for space helps.
    public var isNoSpace: Bool {
        if case .noSpace = self { true } else { false }
    }
}

extension StoreError: CustomStringConvertible {
    /// What failed, in words.
    public var description: String {
        switch self {
        case .noSpace(let operation, let message): "the store is full: \(operation): \(message)"
        case .failed(let operation, let message): "the store failed: \(operation): \(message)"
        case .corrupt(let message): "the store is corrupt: \(message)"
        }
    }
}
