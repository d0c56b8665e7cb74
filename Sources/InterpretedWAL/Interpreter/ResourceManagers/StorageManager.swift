internal import ShardIdentity

extension MetadataInterpreter {
    /// SMGR: relation files.
    ///
    /// Source: `wal-interpretation.md` §3.5.
    static func storageManager(_ main: borrowing MainData) throws(InterpretationError) -> StorageManagerMetadata? {
        switch main.operation {
        case 0x10:
            let fork = try main.read(UInt32.self, at: 12)
            return .create(
                RelationTag(locator: try main.readRelation(at: 0), fork: UInt8(truncatingIfNeeded: fork))
            )
        case 0x20:
            return .truncate(
                blockCount: try main.read(UInt32.self, at: 0),
                relation: try main.readRelation(at: 4),
                flags: try main.read(UInt32.self, at: 16)
            )
        default:
            return nil
        }
    }
}

extension MainData {
    /// Tablespace, database and relation file number, 12 bytes.
    func readRelation(at offset: Int) throws(InterpretationError) -> RelationLocator {
        RelationLocator(
            tablespace: try read(UInt32.self, at: offset),
            database: try read(UInt32.self, at: offset + 4),
            relation: try read(UInt32.self, at: offset + 8)
        )
    }
}
