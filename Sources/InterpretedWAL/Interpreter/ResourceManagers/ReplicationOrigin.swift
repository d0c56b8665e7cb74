internal import PostgresWAL

extension MetadataInterpreter {
    /// REPLORIGIN: how far replication from elsewhere has come.
    ///
    /// Source: `wal-interpretation.md` §3.8.
    static func replicationOrigin(
        _ main: borrowing MainData
    ) throws(InterpretationError) -> ReplicationOriginMetadata? {
        switch main.operation {
        case 0x00:
            .set(remoteLSN: LSN(try main.read(UInt64.self, at: 0)), originID: try main.read(UInt16.self, at: 8))
        case 0x10:
            .drop(originID: try main.read(UInt16.self, at: 0))
        default:
            nil
        }
    }
}
