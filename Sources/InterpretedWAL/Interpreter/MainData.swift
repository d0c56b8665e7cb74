internal import PostgresWAL

/// The main data of a record, read field by field; every read is checked against its end.
struct MainData: ~Escapable {
    let bytes: RawSpan
    /// The record's xid, for what needs it besides the main data.
    let transactionID: UInt32
    let info: UInt8
    let resourceManager: ResourceManager
    let start: LSN
    let next: LSN

    @_lifetime(copy record)
    init(of record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) {
        bytes = parsed.mainData(of: record)
        transactionID = record.transactionID
        info = record.info
        resourceManager = record.resourceManager
        start = record.start
        next = record.next
    }

    /// The operation of resource managers that own all four upper bits of the info byte.
    var operation: UInt8 { info & 0xF0 }

    var count: Int { bytes.byteCount }

    /// The little-endian integer at `offset`.
    func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type,
        at offset: Int
    ) throws(InterpretationError) -> Value {
        try require(offset + MemoryLayout<Value>.size)
        return bytes.littleEndian(at: offset)
    }

    /// A page number of an SLRU: four bytes, in PostgreSQL 17 eight of which the lower four count.
    func readPageNumber(version: PostgresMajorVersion) throws(InterpretationError) -> UInt32 {
        guard version >= .v17 else { return try read(UInt32.self, at: 0) }
        return UInt32(truncatingIfNeeded: try read(Int64.self, at: 0))
    }

    /// The bytes from `offset` on, `length` of them or all there are.
    func array(from offset: Int, length: Int? = nil) throws(InterpretationError) -> [UInt8] {
        try require(offset + (length ?? 0))
        let part = bytes.extracting(offset..<(length.map { offset + $0 } ?? count))
        return part.array
    }

    /// Checks a count of elements read from the data: not negative, and that many are there from `offset` on.
    func checkCount(_ number: Int64, of size: Int, at offset: Int) throws(InterpretationError) -> Int {
        let rest = max(0, count - offset)
        guard number >= 0, number <= Int64(rest / size) else { throw error(.count(number, found: rest)) }
        return Int(number)
    }

    /// A count of 32-bit numbers at `offset`, and the numbers behind it; `offset` moves past them.
    func readNumbers(
        at offset: inout Int
    ) throws(InterpretationError) -> [UInt32] {
        let number = try checkCount(Int64(try read(Int32.self, at: offset)), of: 4, at: offset + 4)
        offset += 4
        var numbers: [UInt32] = []
        numbers.reserveCapacity(number)
        for _ in 0..<number {
            numbers.append(bytes.littleEndian(at: offset))
            offset += 4
        }
        return numbers
    }

    /// Checks that the main data has at least `needed` bytes.
    func require(_ needed: Int) throws(InterpretationError) {
        if needed > count { throw error(.truncated(needed: needed, found: count)) }
    }

    /// Checks that the main data has exactly `expected` bytes.
    func requireExactly(_ expected: Int) throws(InterpretationError) {
        if expected != count { throw error(.length(expected: expected, found: count)) }
    }

    @inline(never)
    func error(_ reason: InterpretationError.Reason) -> InterpretationError {
        InterpretationError(lsn: start, next: next, resourceManager: resourceManager, info: info, reason: reason)
    }
}
