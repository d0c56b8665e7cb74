import PostgresWAL

extension TextBuffer {
    private static let forkNames = ["main", "fsm", "vm", "init"]

    /// Appends a record as one line of pg_waldump's form.
    mutating func appendLine(
        _ record: borrowing WALRecord,
        _ parsed: borrowing ParsedRecord,
        version: PostgresMajorVersion
    ) throws {
        let length = record.bytes.byteCount
        append("rmgr: ")
        append(record.resourceManager.name, filledTo: 11)
        append(" len (rec/tot): ")
        append(length - parsed.imageBytes, width: 6)
        append("/")
        append(length, width: 6)
        append(", tx: ")
        append(record.transactionID, width: 10)
        append(", lsn: ")
        append(longForm: record.start)
        append(", prev ")
        append(longForm: record.previous)
        append(", desc: ")
        let operation = record.resourceManager.operation(info: record.info, version: version)
        append(operation ?? "UNKNOWN (\(hexadecimal(record.info & 0xF0)))")
        for index in 0..<parsed.blockCount {
            appendBlock(parsed[index])
        }
        try endLine()
    }

    private mutating func appendBlock(_ block: BlockReference) {
        append(", blkref #")
        append(block.id)
        append(": rel \(block.tablespace)/\(block.database)/\(block.relation)")
        if block.fork != 0 { append(" fork \(Self.forkNames[Int(block.fork)])") }
        append(" blk ")
        append(block.block)
        if block.hasImage { append(block.appliesImage ? " FPW" : " FPW for WAL verification") }
    }

    /// Appends a record as one JSON object; nothing in it needs escaping.
    mutating func appendJSON(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) throws {
        append(#"{"lsn":""#)
        append(record.start.description)
        append(#"","end":""#)
        append(record.next.description)
        append(#"","prev":""#)
        append(record.previous.description)
        append(#"","rmgr":""#)
        append(record.resourceManager.name)
        append(#"","info":"#)
        append(record.info)
        append(#","length":"#)
        append(record.bytes.byteCount)
        append(#","xid":"#)
        append(record.transactionID)
        append(#","blocks":["#)
        for index in 0..<parsed.blockCount {
            if index > 0 { append(",") }
            appendJSON(parsed[index])
        }
        append("]}")
        try endLine()
    }

    private mutating func appendJSON(_ block: BlockReference) {
        append(#"{"id":\#(block.id),"spc":\#(block.tablespace),"db":\#(block.database),"rel":\#(block.relation)"#)
        append(#","fork":\#(block.fork),"block":\#(block.block),"image":\#(block.hasImage)"#)
        append(#","apply":\#(block.appliesImage)}"#)
    }
}

extension ParsedRecord {
    /// Bytes of page images in the record.
    var imageBytes: Int {
        var sum = 0
        for index in 0..<blockCount { sum += Int(self[index].image.length) }
        return sum
    }
}

private func hexadecimal(_ byte: UInt8) -> String {
    String(byte, radix: 16)
}
