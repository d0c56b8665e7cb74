extension ResourceManager {
    /// The name of a record's operation as `pg_waldump` prints it.
    ///
    /// Source: what `pg_waldump --stats=record` of PostgreSQL 15, 16 and 17 prints for every info byte; for 14 the
    /// `rm_identify` functions of its resource managers.
    ///
    /// - Parameters:
    ///   - info: the record's info byte; its low four bits don't count.
    ///   - version: the version whose WAL this is.
    /// - Returns: the name; nil where PostgreSQL itself has none.
    public func operation(info: UInt8, version: PostgresMajorVersion) -> String? {
        guard Int(rawValue) < Self.builtIn.count else { return nil }
        return OperationTable.names[version]?[Int(rawValue) << 4 | Int(info >> 4)]
    }
}

private enum OperationTable {
    /// An operation: the value of the info bits under the mask that means it, its name, the versions that know it.
    struct Row {
        let value: UInt8
        let name: String
        let versions: ClosedRange<PostgresMajorVersion>
        let mask: UInt8

        init(
            _ value: UInt8,
            _ name: String,
            _ versions: ClosedRange<PostgresMajorVersion> = .v14 ... .v17,
            mask: UInt8 = 0xF0
        ) {
            self.value = value
            self.name = name
            self.versions = versions
            self.mask = mask
        }
    }

    /// The rows of each version spread over all combinations of resource manager and upper info bits.
    static let names: [PostgresMajorVersion: [String?]] = {
        var names: [PostgresMajorVersion: [String?]] = [:]
        for version in PostgresMajorVersion.allCases {
            names[version] = (0..<ResourceManager.builtIn.count << 4).map { index in
                let info = UInt8(index & 0x0F) << 4
                return rows[ResourceManager(rawValue: UInt8(index >> 4))]?
                    .first { info & $0.mask == $0.value && $0.versions.contains(version) }?.name
            }
        }
        return names
    }()

    static let rows: [ResourceManager: [Row]] = [
        .xlog: [
            Row(0x00, "CHECKPOINT_SHUTDOWN"),
            Row(0x10, "CHECKPOINT_ONLINE"),
            Row(0x20, "NOOP"),
            Row(0x30, "NEXTOID"),
            Row(0x40, "SWITCH"),
            Row(0x50, "BACKUP_END"),
            Row(0x60, "PARAMETER_CHANGE"),
            Row(0x70, "RESTORE_POINT"),
            Row(0x80, "FPW_CHANGE"),
            Row(0x90, "END_OF_RECOVERY"),
            Row(0xA0, "FPI_FOR_HINT"),
            Row(0xB0, "FPI"),
            Row(0xD0, "OVERWRITE_CONTRECORD"),
            Row(0xE0, "CHECKPOINT_REDO", .v17 ... .v17),
        ],
        .transaction: [
            Row(0x00, "COMMIT", mask: 0x70),
            Row(0x10, "PREPARE", mask: 0x70),
            Row(0x20, "ABORT", mask: 0x70),
            Row(0x30, "COMMIT_PREPARED", mask: 0x70),
            Row(0x40, "ABORT_PREPARED", mask: 0x70),
            Row(0x50, "ASSIGNMENT", mask: 0x70),
            Row(0x60, "INVALIDATION", mask: 0x70),
        ],
        .storage: [
            Row(0x10, "CREATE"),
            Row(0x20, "TRUNCATE"),
        ],
        .clog: [
            Row(0x00, "ZEROPAGE"),
            Row(0x10, "TRUNCATE"),
        ],
        .database: [
            Row(0x00, "CREATE", .v14 ... .v14),
            Row(0x10, "DROP", .v14 ... .v14),
            Row(0x00, "CREATE_FILE_COPY", .v15 ... .v17),
            Row(0x10, "CREATE_WAL_LOG", .v15 ... .v17),
            Row(0x20, "DROP", .v15 ... .v17),
        ],
        .tablespace: [
            Row(0x00, "CREATE"),
            Row(0x10, "DROP"),
        ],
        .multiXact: [
            Row(0x00, "ZERO_OFF_PAGE"),
            Row(0x10, "ZERO_MEM_PAGE"),
            Row(0x20, "CREATE_ID"),
            Row(0x30, "TRUNCATE_ID"),
        ],
        .relationMap: [
            Row(0x00, "UPDATE")
        ],
        .standby: [
            Row(0x00, "LOCK"),
            Row(0x10, "RUNNING_XACTS"),
            Row(0x20, "INVALIDATIONS"),
        ],
        .heap2: [
            Row(0x00, "REWRITE"),
            Row(0x10, "PRUNE", .v14 ... .v16),
            Row(0x10, "PRUNE_ON_ACCESS", .v17 ... .v17),
            Row(0x20, "VACUUM", .v14 ... .v16),
            Row(0x20, "PRUNE_VACUUM_SCAN", .v17 ... .v17),
            Row(0x30, "FREEZE_PAGE", .v14 ... .v16),
            Row(0x30, "PRUNE_VACUUM_CLEANUP", .v17 ... .v17),
            Row(0x40, "VISIBLE"),
            Row(0x50, "MULTI_INSERT"),
            Row(0x60, "LOCK_UPDATED"),
            Row(0x70, "NEW_CID"),
            Row(0xD0, "MULTI_INSERT+INIT"),
        ],
        .heap: [
            Row(0x00, "INSERT"),
            Row(0x10, "DELETE"),
            Row(0x20, "UPDATE"),
            Row(0x30, "TRUNCATE"),
            Row(0x40, "HOT_UPDATE"),
            Row(0x50, "HEAP_CONFIRM"),
            Row(0x60, "LOCK"),
            Row(0x70, "INPLACE"),
            Row(0x80, "INSERT+INIT"),
            Row(0xA0, "UPDATE+INIT"),
            Row(0xC0, "HOT_UPDATE+INIT"),
        ],
        .btree: [
            Row(0x00, "INSERT_LEAF"),
            Row(0x10, "INSERT_UPPER"),
            Row(0x20, "INSERT_META"),
            Row(0x30, "SPLIT_L"),
            Row(0x40, "SPLIT_R"),
            Row(0x50, "INSERT_POST"),
            Row(0x60, "DEDUP"),
            Row(0x70, "DELETE"),
            Row(0x80, "UNLINK_PAGE"),
            Row(0x90, "UNLINK_PAGE_META"),
            Row(0xA0, "NEWROOT"),
            Row(0xB0, "MARK_PAGE_HALFDEAD"),
            Row(0xC0, "VACUUM"),
            Row(0xD0, "REUSE_PAGE"),
            Row(0xE0, "META_CLEANUP"),
        ],
        .hash: [
            Row(0x00, "INIT_META_PAGE"),
            Row(0x10, "INIT_BITMAP_PAGE"),
            Row(0x20, "INSERT"),
            Row(0x30, "ADD_OVFL_PAGE"),
            Row(0x40, "SPLIT_ALLOCATE_PAGE"),
            Row(0x50, "SPLIT_PAGE"),
            Row(0x60, "SPLIT_COMPLETE"),
            Row(0x70, "MOVE_PAGE_CONTENTS"),
            Row(0x80, "SQUEEZE_PAGE"),
            Row(0x90, "DELETE"),
            Row(0xA0, "SPLIT_CLEANUP"),
            Row(0xB0, "UPDATE_META_PAGE"),
            Row(0xC0, "VACUUM_ONE_PAGE"),
        ],
        .gin: [
            Row(0x10, "CREATE_PTREE"),
            Row(0x20, "INSERT"),
            Row(0x30, "SPLIT"),
            Row(0x40, "VACUUM_PAGE"),
            Row(0x50, "DELETE_PAGE"),
            Row(0x60, "UPDATE_META_PAGE"),
            Row(0x70, "INSERT_LISTPAGE"),
            Row(0x80, "DELETE_LISTPAGE"),
            Row(0x90, "VACUUM_DATA_LEAF_PAGE"),
        ],
        .gist: [
            Row(0x00, "PAGE_UPDATE"),
            Row(0x10, "DELETE"),
            Row(0x20, "PAGE_REUSE"),
            Row(0x30, "PAGE_SPLIT"),
            Row(0x60, "PAGE_DELETE"),
            Row(0x70, "ASSIGN_LSN"),
        ],
        .sequence: [
            Row(0x00, "LOG")
        ],
        .spgist: [
            Row(0x10, "ADD_LEAF"),
            Row(0x20, "MOVE_LEAFS"),
            Row(0x30, "ADD_NODE"),
            Row(0x40, "SPLIT_TUPLE"),
            Row(0x50, "PICKSPLIT"),
            Row(0x60, "VACUUM_LEAF"),
            Row(0x70, "VACUUM_ROOT"),
            Row(0x80, "VACUUM_REDIRECT"),
        ],
        .brin: [
            Row(0x00, "CREATE_INDEX"),
            Row(0x10, "INSERT"),
            Row(0x20, "UPDATE"),
            Row(0x30, "SAMEPAGE_UPDATE"),
            Row(0x40, "REVMAP_EXTEND"),
            Row(0x50, "DESUMMARIZE"),
            Row(0x90, "INSERT+INIT"),
            Row(0xA0, "UPDATE+INIT"),
        ],
        .commitTimestamp: [
            Row(0x00, "ZEROPAGE"),
            Row(0x10, "TRUNCATE"),
        ],
        .replicationOrigin: [
            Row(0x00, "SET"),
            Row(0x10, "DROP"),
        ],
        .generic: [
            // One operation, whatever the info byte.
            Row(0x00, "Generic", mask: 0x00)
        ],
        .logicalMessage: [
            Row(0x00, "MESSAGE")
        ],
    ]
}
