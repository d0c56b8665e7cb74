import PostgresHarness
import PostgresWAL
import Testing

@Suite(.serialized)
struct WorkloadTests {
    @Test("the workload reaches every resource manager", arguments: PostgresInstallation.majors)
    func reachesEverything(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let dump = outcome.server.walDump
        let counts = try dump.counts(from: outcome.start, to: outcome.end)
        let missing = Workload.resourceManagers.filter { counts[$0, default: 0] == 0 }
        #expect(missing.isEmpty, "PostgreSQL \(major)")

        let records = try dump.counts(from: outcome.start, to: outcome.end, perRecord: true)
        let missingRecords = expectedRecords(major).filter { records[$0, default: 0] == 0 }
        #expect(missingRecords.isEmpty, "PostgreSQL \(major)")
        #expect(outcome.compressionMethods == (major == 16 ? ["pglz"] : ["pglz", "lz4", "zstd"]))
    }

    @Test("pg_waldump's lines are read completely", arguments: PostgresInstallation.majors)
    func dumpIsReadCompletely(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let dump = outcome.server.walDump
        let records = try dump.records(from: outcome.start, to: outcome.end)
        let counts = try dump.counts(from: outcome.start, to: outcome.end)
        #expect(Dictionary(grouping: records, by: \.resourceManager).mapValues(\.count) == counts)
        #expect(try dump.end(of: #require(records.last)) == outcome.end)
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.lsn == $1.previous })

        let images = records.flatMap(\.blocks).compactMap(\.image)
        #expect(Set(images.map { $0.compression?.method ?? "none" }) == Set(outcome.compressionMethods + ["none"]))
        #expect(images.contains { !$0.isApplied })
        #expect(Set(records.flatMap(\.blocks).map(\.fork)) == [.main, .freeSpaceMap, .visibilityMap, .initial])
        #expect(records.contains { $0.description == "RESTORE_POINT a point to restore, blkref #0: rel 1/2/3" })
    }

    /// Records that are hard to get, so that a change of the scripts cannot lose them unnoticed.
    private func expectedRecords(_ major: Int) -> [String] {
        let freezing = major < 17 ? ["Heap2/FREEZE_PAGE", "Heap2/VACUUM"] : ["Heap2/PRUNE_VACUUM_CLEANUP"]
        let redo = major < 17 ? [] : ["XLOG/CHECKPOINT_REDO"]
        return freezing + redo + [
            "BRIN/REVMAP_EXTEND", "BRIN/DESUMMARIZE", "Btree/REUSE_PAGE", "Btree/UNLINK_PAGE", "CLOG/TRUNCATE",
            "CommitTs/TRUNCATE", "Database/CREATE_FILE_COPY", "Database/CREATE_WAL_LOG", "Gin/DELETE_PAGE",
            "Gist/PAGE_REUSE", "Hash/VACUUM_ONE_PAGE", "Hash/SQUEEZE_PAGE", "Heap/HEAP_CONFIRM", "Heap/TRUNCATE",
            "Heap2/LOCK_UPDATED", "Heap2/NEW_CID", "Heap2/REWRITE", "MultiXact/TRUNCATE_ID",
            "MultiXact/ZERO_MEM_PAGE", "ReplicationOrigin/DROP", "SPGist/SPLIT_TUPLE", "Storage/TRUNCATE",
            "Transaction/ABORT_PREPARED", "Transaction/ASSIGNMENT", "Transaction/COMMIT_PREPARED",
            "XLOG/BACKUP_END", "XLOG/FPI_FOR_HINT", "XLOG/FPW_CHANGE", "XLOG/PARAMETER_CHANGE", "XLOG/SWITCH",
        ]
    }
}
