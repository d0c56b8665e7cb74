public import InterpretedWAL
public import PostgresWAL
public import ShardIdentity

/// One stored version.
public struct StoredVersion: Hashable, Sendable {
    /// The key it is stored for: of a page that came with a copied database, that of the page it was copied from.
    public let key: Key
    /// Its LSN.
    public let lsn: LSN
    /// Its value.
    public let value: StoredValue
}

/// What makes a page as it is at an LSN: the last image and the changes behind it.
public struct PageHistory: Hashable, Sendable {
    /// The page's key.
    public let key: Key
    /// The LSN that was asked for.
    public let lsn: LSN
    /// The page that the changes start from; nil if the first one needs none, or if nothing is stored.
    public let base: StoredVersion?
    /// The changes, oldest first.
    public let changes: [StoredVersion]

    /// Takes versions apart, newest first, as they were found.
    init(key: Key, lsn: LSN, newestFirst versions: [StoredVersion]) {
        self.key = key
        self.lsn = lsn
        if let last = versions.last, case .image = last.value {
            base = last
            changes = versions.dropLast().reversed()
        } else {
            base = nil
            changes = versions.reversed()
        }
    }
}
