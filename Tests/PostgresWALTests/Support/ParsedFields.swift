import PostgresWAL

/// What a record's parser gives, copied out so that it can be compared and kept.
struct ParsedFields: Hashable {
    var transactionID: UInt32 = 0
    var info: UInt8 = 0
    var resourceManager = ResourceManager.xlog
    var blocks: [BlockReference] = []
    var mainData: [UInt8] = []
    var mainDataOffset = 0
    var blockData: [[UInt8]] = []
    var images: [[UInt8]] = []
    var origin: UInt16 = 0
    var topLevelTransactionID: UInt32?

    init(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) {
        transactionID = record.transactionID
        info = record.info
        resourceManager = record.resourceManager
        for index in 0..<parsed.blockCount {
            let block = parsed[index]
            blocks.append(block)
            blockData.append(parsed.data(of: block, in: record).array)
            images.append(parsed.image(of: block, in: record).array)
        }
        mainData = parsed.mainData(of: record).array
        mainDataOffset = parsed.mainDataOffset
        origin = parsed.origin
        topLevelTransactionID = parsed.topLevelTransactionID
    }

    /// Decodes and parses one record, put behind a long header.
    init(parsing record: [UInt8], version: PostgresMajorVersion) throws(WALDecodeError) {
        let start = LSN(0x200_0028)
        var decoder = try WALStreamDecoder(version: version, startingAt: start)
        var parsed = ParsedRecord(version: version)
        let wal = laidOut(record, at: start, version: version)
        var input = wal.span.bytes
        guard let decoded = try decoder.next(&input) else {
            preconditionFailure("a record of \(record.count) bytes is not complete")
        }
        try parsed.parse(decoded)
        self.init(decoded, parsed)
    }
}

extension BlockReference {
    /// Tablespace, database, relation, fork and block.
    var place: [UInt32] { [tablespace, database, relation, UInt32(fork), block] }
}
