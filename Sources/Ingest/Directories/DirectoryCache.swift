internal import ShardIdentity

/// The directories that ingest has come across, with what is pending.
struct DirectoryCache {
    var databases: DatabaseDirectory?
    var relations: [DatabaseLocator: RelationDirectory] = [:]
    var slruSegments: [SLRUKind: NumberDirectory] = [:]
    var slruSizes: [SLRUSegment: UInt32] = [:]
    var preparedTransactions: NumberDirectory?
    /// Only what is pending.
    var auxFiles: [Key: AuxFileList] = [:]

    /// What grows with the data: relation forks and segments.
    var count: Int { relations.values.reduce(slruSizes.count) { $0 + $1.count } }

    mutating func removeAll() {
        self = DirectoryCache()
    }
}

/// A segment of an SLRU.
struct SLRUSegment: Hashable {
    var kind: SLRUKind
    var number: UInt32
}
