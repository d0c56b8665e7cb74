internal import ShardIdentity

/// What a file of a data directory is, by its path.
///
/// Source: `ingest.md` §3.10.
enum DataFile: Hashable {
    case version
    case controlFile
    case backupLabel
    case relationMap(DatabaseLocator)
    /// A gigabyte of a relation's fork, or the rest.
    case relation(RelationTag, segment: UInt32)
    case slru(SLRUKind, segment: UInt32)
    case preparedTransaction(UInt64)
    /// Neon's own hint of where the record before the backup began.
    case previousRecord
    /// Anything that is not needed.
    case other

    /// Blocks in a segment of a relation.
    static let blocksPerSegment = 131_072

    /// Throws ``ImportError/Reason/unknownFile`` and ``ImportError/Reason/tablespace``.
    init(_ name: String, path: String) throws(ImportError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("PG_VERSION", 1):
            self = .version
        case ("backup_label", 1):
            self = .backupLabel
        case ("neon.signal", 1), ("zenith.signal", 1):
            self = .previousRecord
        case ("global", 2):
            if parts[1] == "pg_control" {
                self = .controlFile
                return
            }
            let database = DatabaseLocator(tablespace: TablespaceOID.global, database: 0)
            self = try DataFile(parts[1], of: database, path)
        case ("base", 3):
            guard let number = UInt32(parts[1]) else { throw ImportError(path, .unknownFile) }
            let database = DatabaseLocator(tablespace: TablespaceOID.standard, database: number)
            self = try DataFile(parts[2], of: database, path)
        case ("pg_xact", 2):
            self = .slru(.clog, segment: try DataFile.segment(parts[1], path))
        case ("pg_multixact", 3) where parts[1] == "members":
            self = .slru(.multiXactMembers, segment: try DataFile.segment(parts[2], path))
        case ("pg_multixact", 3) where parts[1] == "offsets":
            self = .slru(.multiXactOffsets, segment: try DataFile.segment(parts[2], path))
        case ("pg_twophase", 2):
            guard let xid = UInt64(parts[1], radix: 16) else { throw ImportError(path, .unknownFile) }
            self = .preparedTransaction(xid)
        case ("pg_tblspc", 2...):
            throw ImportError(path, .tablespace)
        default:
            self = .other
        }
    }

    private static func segment(_ name: Substring, _ path: String) throws(ImportError) -> UInt32 {
        guard let segment = UInt32(name, radix: 16) else { throw ImportError(path, .unknownFile) }
        return segment
    }

    /// A file in a database's folder.
    private init(_ name: Substring, of database: DatabaseLocator, _ path: String) throws(ImportError) {
        if name == "pg_filenode.map" {
            self = .relationMap(database)
            return
        }
        // Besides relations there are files of a session's own, caches, and the version.
        let isTemporary = name.hasPrefix("pgsql_tmp") || name.hasPrefix("t") && name.contains("_")
        if name == "PG_VERSION" || name.hasPrefix("pg_internal.init") || name.hasPrefix(".") || isTemporary {
            self = .other
            return
        }
        let error = ImportError(path, .unknownFile)
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let names = parts[0].split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count <= 2, names.count <= 2, let relation = UInt32(names[0]), relation != 0 else { throw error }
        let fork: UInt8
        switch names.dropFirst().first {
        case nil: fork = ForkNumber.main
        case "fsm": fork = ForkNumber.freeSpaceMap
        case "vm": fork = ForkNumber.visibilityMap
        case "init": fork = ForkNumber.initialization
        default: throw error
        }
        var segment: UInt32 = 0
        if parts.count == 2 {
            guard let number = UInt32(parts[1]), Int(number) < Int(UInt32.max) / DataFile.blocksPerSegment else {
                throw error
            }
            segment = number
        }
        let locator = RelationLocator(
            tablespace: database.tablespace,
            database: database.database,
            relation: relation
        )
        self = .relation(RelationTag(locator: locator, fork: fork), segment: segment)
    }
}
