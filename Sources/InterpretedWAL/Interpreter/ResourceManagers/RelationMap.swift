extension MetadataInterpreter {
    /// RELMAP: the map of system catalogs to files; what the record says of its length is not checked.
    ///
    /// Source: `wal-interpretation.md` §3.5.
    static func relationMap(_ main: borrowing MainData) throws(InterpretationError) -> RelationMapMetadata {
        .update(
            database: try main.read(UInt32.self, at: 0),
            tablespace: try main.read(UInt32.self, at: 4),
            size: try main.read(Int32.self, at: 8),
            content: try main.array(from: 12)
        )
    }
}
