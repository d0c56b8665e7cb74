internal import PostgresWAL

extension MetadataInterpreter {
    /// NEON: the heap operations of Neon's PostgreSQL 16 and 17, which carry a command ID.
    ///
    /// Source: `wal-interpretation.md` §3.4.
    static func neon(
        _ main: borrowing MainData,
        _ parsed: borrowing ParsedRecord,
        version: PostgresMajorVersion
    ) throws(InterpretationError) -> VisibilityChange? {
        guard version >= .v16 else { throw main.error(.neonResourceManager(version)) }
        switch main.info & 0x70 {
        case 0x00:
            try main.requireExactly(3)
            return try newPage(flags: main.bytes.byte(at: 2), main, parsed)
        case 0x10:
            try main.require(12)
            return try newPage(flags: main.bytes.byte(at: 7), main, parsed)
        case 0x20, 0x30:
            try main.require(18)
            return try update(flags: main.bytes.byte(at: 7), main, parsed)
        case 0x40:
            try main.require(12)
            return try oldPage(flags: main.bytes.byte(at: 11), main, parsed)
        case 0x50:
            return try newPage(flags: try multiInsertFlags(main, fixedSize: 8), main, parsed)
        case let operation:
            throw main.error(.unknownOperation(operation))
        }
    }
}
