extension MetadataInterpreter {
    /// XLOG: every record travels whole; it is taken apart by the receiver.
    ///
    /// Source: `wal-interpretation.md` §3.2.
    static func xlog(_ main: borrowing MainData) throws(InterpretationError) -> XLogMetadata {
        .raw(info: main.operation, lsn: main.next, mainData: try main.array(from: 0))
    }
}
