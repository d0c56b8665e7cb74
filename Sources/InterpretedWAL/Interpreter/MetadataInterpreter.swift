internal import PostgresWAL
internal import ShardIdentity

/// What a record says beyond page contents, and which shards have to know.
///
/// Source: `wal-interpretation.md` §2.
enum RoutedMetadata {
    case none
    /// For every shard alike.
    case everyShard(MetadataRecord)
    /// For shards of number 0.
    case shardZero(MetadataRecord)
    /// For the owners of the visibility map's pages, each with its own blocks.
    case visibility(VisibilityChange)

    /// Whether this may be as long as the record that it was made of.
    var isLong: Bool {
        switch self {
        case .none, .visibility: false
        case .everyShard, .shardZero: true
        }
    }
}

/// Heap pages that lose bits in the visibility map.
struct VisibilityChange {
    /// The page of the new row version.
    var newBlock: UInt32?
    /// The page of the old row version.
    var oldBlock: UInt32?
    /// The heap.
    var relation: RelationLocator
    /// The bits to clear.
    var bits: UInt8
    /// Whether Neon's own resource manager says so.
    var isNeon: Bool

    /// Both bits of a page: all-visible and all-frozen.
    static let allBits: UInt8 = 3
    /// All-frozen only.
    static let frozenBit: UInt8 = 2

    /// Heap blocks whose bits share a page of the visibility map: two bits each, after a page header of 24 bytes.
    static let heapBlocksPerMapPage: UInt32 = 32672

    /// The page of the visibility map that holds the bits of a heap block.
    static func mapBlock(of heapBlock: UInt32) -> UInt32 { heapBlock / heapBlocksPerMapPage }
}

/// Finds what a record says beyond page contents: one function a resource manager, each in a file of its own.
///
/// Source: `wal-interpretation.md` §3.
enum MetadataInterpreter {
    /// The metadata of a record, and where it has to go.
    @inline(__always)
    static func metadata(
        of record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> RoutedMetadata {
        switch record.resourceManager {
        case .heap:
            try heap(MainData(of: record, parsed), parsed, version: version).map { .visibility($0) } ?? .none
        case .heap2:
            try heap2(MainData(of: record, parsed), parsed).map { .visibility($0) } ?? .none
        case .btree, .hash, .gin, .gist, .spgist, .brin, .sequence, .generic, .commitTimestamp, .tablespace:
            .none
        default:
            try rareMetadata(of: record, parsed, version: version)
        }
    }

    /// The resource managers whose records are few.
    @inline(never)
    private static func rareMetadata(
        of record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> RoutedMetadata {
        let main = MainData(of: record, parsed)
        switch record.resourceManager {
        case .xlog:
            return .everyShard(.xlog(try xlog(main)))
        case .transaction:
            return everyShard(try transaction(main, origin: parsed.origin).map { .transaction($0) })
        case .storage:
            return everyShard(try storageManager(main).map { .storageManager($0) })
        case .clog:
            return .everyShard(.clog(try clog(main, version: version)))
        case .database:
            return everyShard(try database(main, version: version).map { .database($0) })
        case .multiXact:
            return everyShard(try multiXact(main, version: version).map { .multiXact($0) })
        case .relationMap:
            return .everyShard(.relationMap(try relationMap(main)))
        case .standby:
            return everyShard(try standby(main).map { .standby($0) })
        case .replicationOrigin:
            return everyShard(try replicationOrigin(main).map { .replicationOrigin($0) })
        case .logicalMessage:
            return try logicalMessage(main).map { .shardZero(.logicalMessage($0)) } ?? .none
        case .neon:
            return try neon(main, parsed, version: version).map { .visibility($0) } ?? .none
        default:
            return .none
        }
    }

    private static func everyShard(_ metadata: MetadataRecord?) -> RoutedMetadata {
        metadata.map { .everyShard($0) } ?? .none
    }
}
