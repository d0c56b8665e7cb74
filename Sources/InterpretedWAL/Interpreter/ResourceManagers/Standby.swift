extension MetadataInterpreter {
    /// STANDBY: of the running transactions only the oldest is kept, but all have to be there.
    ///
    /// Source: `wal-interpretation.md` §3.8.
    static func standby(_ main: borrowing MainData) throws(InterpretationError) -> StandbyMetadata? {
        guard main.operation == 0x10 else { return nil }
        let transactions = Int64(try main.read(Int32.self, at: 0))
        let subtransactions = Int64(try main.read(Int32.self, at: 4))
        guard transactions >= 0, subtransactions >= 0 else {
            throw main.error(.count(min(transactions, subtransactions), found: main.count))
        }
        _ = try main.checkCount(transactions + subtransactions, of: 4, at: 24)
        return .runningTransactions(oldestRunningXID: try main.read(UInt32.self, at: 16))
    }
}
