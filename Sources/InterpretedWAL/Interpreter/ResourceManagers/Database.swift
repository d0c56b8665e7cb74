internal import PostgresWAL

extension MetadataInterpreter {
    /// DBASE: creation by file copy, and removal; creation through the WAL leaves ordinary records behind.
    ///
    /// Source: `wal-interpretation.md` §3.6.
    static func database(
        _ main: borrowing MainData,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> DatabaseMetadata? {
        let dropOperation: UInt8 = version == .v14 ? 0x10 : 0x20
        switch main.operation {
        case createByFileCopy:
            return .create(
                database: try main.read(UInt32.self, at: 0),
                tablespace: try main.read(UInt32.self, at: 4),
                sourceDatabase: try main.read(UInt32.self, at: 8),
                sourceTablespace: try main.read(UInt32.self, at: 12)
            )
        case dropOperation:
            let database = try main.read(UInt32.self, at: 0)
            var offset = 4
            return .drop(database: database, tablespaces: try main.readNumbers(at: &offset))
        default:
            return nil
        }
    }

    private static var createByFileCopy: UInt8 { 0x00 }

    /// Whether a receiver has to commit all that came before this record: it copies pages that exist by then.
    ///
    /// Source: `wal-interpretation.md` §1, flush_uncommitted.
    @inline(__always)
    static func flushesUncommitted(_ record: borrowing WALRecord) -> Bool {
        record.resourceManager == .database && record.info & 0xF0 == createByFileCopy
    }
}
