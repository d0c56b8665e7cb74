import PostgresWAL

// The lines, `pg_waldump --bkp-details` of 15, 16 and 17 alike:
//
//   rmgr: Heap        len (rec/tot):     54/  1234, tx:        739, lsn: 0/0151C1B8, prev 0/0151C180, desc: UPDATE …
//   <tab>blkref #0: rel 1663/5/16384 fork main blk 0 (FPW); hole: offset: 64, length: 8000, compression saved: 12, method: pglz
//   <tab>blkref #1: rel 1663/5/16384 fork vm blk 0
//
// Names in a description (restore points, message prefixes) are as the user typed them, so a line that is neither
// continues the description. `(FPW for WAL verification)` is an image that replay does not apply.

extension WALDump {
    /// Reads the tool's output.
    ///
    /// Lines before the first record (remarks about the start) are passed over.
    static func parse(_ text: [UInt8]) throws -> [Record] {
        try text.withUnsafeBufferPointer { text in
            var records: [Record] = []
            var names = NameTable()
            var lineStart = 0
            while lineStart < text.count {
                var line = LineScanner(text, from: lineStart)
                lineStart = line.end + 1
                if let record = line.record(&names) {
                    records.append(record)
                } else if line.startsBlock, let last = records.indices.last {
                    guard let block = line.block() else { throw HarnessError("cannot read the line: \(line.text)") }
                    records[last].blocks.append(block)
                } else if let last = records.indices.last {
                    records[last].description += "\n\(line.text)"
                }
            }
            return records
        }
    }
}

/// One string for each resource manager's name, as they come again and again.
///
/// A short list is searched faster than hashed.
private struct NameTable {
    private var names: [String] = []

    mutating func name(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        for name in names where name.utf8.elementsEqual(bytes) { return name }
        let name = String(decoding: bytes, as: UTF8.self)
        names.append(name)
        return name
    }
}

/// Reads one line from left to right.
private struct LineScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let start: Int
    private var position: Int
    /// The line end, or the end of everything.
    let end: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
        self.bytes = bytes
        self.start = start
        position = start
        end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    }

    /// The whole line.
    var text: String { String(decoding: bytes[start..<end], as: UTF8.self) }

    var startsBlock: Bool {
        var line = self
        line.position = start
        return line.skip("\tblkref #")
    }

    mutating func record(_ names: inout NameTable) -> WALDump.Record? {
        position = start
        guard skip("rmgr: ") else { return nil }
        let name = names.name(word())
        skipSpaces()
        guard skip("len (rec/tot):"), let recordLength = decimal(), skip("/"), let totalLength = decimal(),
            skip(", tx:"), let transactionID = decimal(),
            skip(", lsn:"), let lsn = lsn(),
            skip(", prev"), let previous = self.lsn(),
            skip(", desc: ")
        else { return nil }
        return WALDump.Record(
            resourceManager: name,
            recordLength: Int(recordLength),
            totalLength: Int(totalLength),
            transactionID: UInt32(truncatingIfNeeded: transactionID),
            lsn: lsn,
            previous: previous,
            description: rest(),
            blocks: []
        )
    }

    mutating func block() -> WALDump.Block? {
        position = start
        guard skip("\tblkref #"), let id = decimal(), skip(": rel"),
            let tablespace = decimal(), skip("/"), let database = decimal(), skip("/"), let relation = decimal(),
            skip(" fork "), let fork = fork(),
            skip(" blk"), let number = decimal()
        else { return nil }
        var image: WALDump.Image?
        if position < end {
            guard let found = self.image() else { return nil }
            image = found
        }
        return WALDump.Block(
            id: UInt8(truncatingIfNeeded: id),
            tablespace: UInt32(truncatingIfNeeded: tablespace),
            database: UInt32(truncatingIfNeeded: database),
            relation: UInt32(truncatingIfNeeded: relation),
            fork: fork,
            number: UInt32(truncatingIfNeeded: number),
            image: image
        )
    }

    private mutating func image() -> WALDump.Image? {
        guard skip(" (FPW") else { return nil }
        let isApplied = !skip(" for WAL verification")
        guard skip("); hole: offset:"), let offset = decimal(), skip(", length:"), let length = decimal() else {
            return nil
        }
        var compression: WALDump.Compression?
        if skip(", compression saved:") {
            guard let saved = decimal(), skip(", method: ") else { return nil }
            compression = .init(method: rest(), savedBytes: Int(saved))
        }
        guard position == end else { return nil }
        return .init(
            isApplied: isApplied,
            holeOffset: Int(offset),
            holeLength: Int(length),
            compression: compression
        )
    }

    private mutating func fork() -> WALDump.Fork? {
        if skip("main") { return .main }
        if skip("fsm") { return .freeSpaceMap }
        if skip("vm") { return .visibilityMap }
        if skip("init") { return .initial }
        return nil
    }

    // MARK: - Pieces

    /// Moves past `literal` if it comes next.
    private mutating func skip(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard end - position >= count else { return false }
        for offset in 0..<count where bytes[position + offset] != literal.utf8Start[offset] { return false }
        position += count
        return true
    }

    private mutating func skipSpaces() {
        while position < end && bytes[position] == UInt8(ascii: " ") { position += 1 }
    }

    private mutating func word() -> Slice<UnsafeBufferPointer<UInt8>> {
        let first = position
        while position < end && bytes[position] != UInt8(ascii: " ") { position += 1 }
        return bytes[first..<position]
    }

    private mutating func rest() -> String {
        defer { position = end }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    private mutating func decimal() -> UInt64? { number(radix: 10) }

    private mutating func lsn() -> LSN? {
        guard let upper = number(radix: 16), skip("/"), let lower = number(radix: 16) else { return nil }
        return LSN(upper << 32 | lower)
    }

    /// Spaces, then at least one digit.
    private mutating func number(radix: UInt64) -> UInt64? {
        skipSpaces()
        let first = position
        var value: UInt64 = 0
        while position < end, let digit = hexDigit(bytes[position]), digit < radix {
            value = value &* radix &+ digit
            position += 1
        }
        return position > first ? value : nil
    }

    private func hexDigit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}
