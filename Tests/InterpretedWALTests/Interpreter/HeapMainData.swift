/// Main data of heap records, in the forms that stock PostgreSQL and Neon's write.
///
/// Source: `wal-interpretation.md` §3.3 and §3.4.
enum HeapMainData {
    /// Who wrote the record: Neon's PostgreSQL 14 and 15 put a command ID into some.
    enum Dialect: CaseIterable {
        case stock, neon
    }

    static func insert(flags: UInt8) -> [UInt8] {
        littleEndian(UInt16(4), flags)
    }

    static func delete(
        _ dialect: Dialect,
        flags: UInt8,
        infobits: UInt8 = 0x10,
        commandID: UInt32 = 1,
        padding: UInt16 = 0,
        oldRow: [UInt8] = []
    ) -> [UInt8] {
        let start = littleEndian(UInt32(700), UInt16(5))
        switch dialect {
        case .stock: return start + [infobits, flags] + oldRow
        case .neon: return start + littleEndian(padding, commandID, infobits, flags) + oldRow
        }
    }

    /// Also right for Neon's own resource manager, in Neon's form.
    static func update(_ dialect: Dialect, flags: UInt8, oldRow: [UInt8] = []) -> [UInt8] {
        let start = littleEndian(UInt32(700), UInt16(3), UInt8(0), flags)
        let commandID = dialect == .neon ? littleEndian(UInt32(0x0909_0909)) : []
        return start + commandID + littleEndian(UInt32(0), UInt16(2)) + oldRow
    }

    static func lock(_ dialect: Dialect, flags: UInt8, padding: UInt16 = 0) -> [UInt8] {
        let start = littleEndian(UInt32(700), UInt16(5))
        return dialect == .stock
            ? start + [0x02, flags] : start + littleEndian(padding, UInt32(1), UInt8(0x02), flags)
    }

    static func lockUpdated(flags: UInt8) -> [UInt8] {
        littleEndian(UInt32(700), UInt16(5), UInt8(0x02), flags)
    }

    static func multiInsert(flags: UInt8, rows: UInt16, offsets: Bool = true) -> [UInt8] {
        littleEndian(flags, UInt8(0), rows) + (offsets ? offsetNumbers(rows) : [])
    }

    static func offsetNumbers(_ rows: UInt16) -> [UInt8] {
        (0..<rows).flatMap { littleEndian($0 + 1) }
    }
}

/// The same for Neon's resource manager, where its forms are its own.
enum NeonMainData {
    static func delete(flags: UInt8) -> [UInt8] {
        littleEndian(UInt32(700), UInt16(5), UInt8(0x10), flags, UInt32(1))
    }

    static func lock(flags: UInt8) -> [UInt8] {
        littleEndian(UInt32(700), UInt32(1), UInt16(5), UInt8(0x02), flags)
    }

    static func multiInsert(flags: UInt8, rows: UInt16, offsets: Bool = true) -> [UInt8] {
        littleEndian(flags, UInt8(0), rows, UInt32(1)) + (offsets ? HeapMainData.offsetNumbers(rows) : [])
    }
}
