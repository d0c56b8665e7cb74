import PostgresHarness
import PostgresWAL

/// What both our decoder and `pg_waldump --bkp-details` tell of a record.
struct RecordSummary: Equatable {
    struct Block: Equatable {
        var id: UInt8
        var tablespace: UInt32
        var database: UInt32
        var relation: UInt32
        var fork: UInt8
        var number: UInt32
        var image: Image?
    }

    struct Image: Equatable {
        var isApplied: Bool
        var holeOffset: Int
        var holeLength: Int
        var method: String?
        /// Bytes that compression saved; 0 without it.
        var savedBytes: Int
    }

    var start: LSN
    var previous: LSN
    var resourceManager: String
    var lengthWithoutImages: Int
    var totalLength: Int
    var transactionID: UInt32
    var blocks: [Block]
}

// MARK: - Ours

extension RecordSummary {
    init(_ record: borrowing WALRecord, _ parsed: borrowing ParsedRecord) {
        start = record.start
        previous = record.previous
        resourceManager = record.resourceManager.name
        totalLength = record.bytes.byteCount
        lengthWithoutImages = record.bytes.byteCount
        transactionID = record.transactionID
        blocks = []
        blocks.reserveCapacity(parsed.blockCount)
        for index in 0..<parsed.blockCount {
            let block = parsed[index]
            lengthWithoutImages -= Int(block.image.length)
            blocks.append(Block(block))
        }
    }
}

extension RecordSummary.Block {
    init(_ block: BlockReference) {
        id = block.id
        tablespace = block.tablespace
        database = block.database
        relation = block.relation
        fork = block.fork
        number = block.block
        image = block.hasImage ? RecordSummary.Image(block.image) : nil
    }
}

extension RecordSummary.Image {
    init(_ image: BlockImage) {
        isApplied = image.isApplied
        holeOffset = Int(image.holeOffset)
        holeLength = Int(image.holeLength)
        method = image.compression.map { "\($0)" }
        savedBytes = image.isCompressed ? RelationPage.size - Int(image.holeLength) - Int(image.length) : 0
    }
}

// MARK: - The tool's

extension RecordSummary {
    init(_ record: WALDump.Record) {
        start = record.lsn
        previous = record.previous
        resourceManager = record.resourceManager
        lengthWithoutImages = record.recordLength
        totalLength = record.totalLength
        transactionID = record.transactionID
        blocks = record.blocks.map(Block.init)
    }
}

extension RecordSummary.Block {
    init(_ block: WALDump.Block) {
        id = block.id
        tablespace = block.tablespace
        database = block.database
        relation = block.relation
        fork = block.fork.rawValue
        number = block.number
        image = block.image.map(RecordSummary.Image.init)
    }
}

extension RecordSummary.Image {
    init(_ image: WALDump.Image) {
        isApplied = image.isApplied
        holeOffset = image.holeOffset
        holeLength = image.holeLength
        method = image.compression?.method
        savedBytes = image.compression?.savedBytes ?? 0
    }
}

// MARK: - Text

extension RecordSummary: CustomStringConvertible {
    /// The record on one line, each block reference on another.
    var description: String {
        let line =
            "\(start) prev \(previous) \(resourceManager) len \(lengthWithoutImages)/\(totalLength) tx \(transactionID)"
        return ([line] + blocks.map { "    \($0)" }).joined(separator: "\n")
    }
}

extension RecordSummary.Block: CustomStringConvertible {
    var description: String {
        let place = "#\(id) \(tablespace)/\(database)/\(relation) fork \(fork) block \(number)"
        guard let image else { return place }
        let use = image.isApplied ? "applied" : "for verification"
        let compression = image.method.map { ", \($0) saved \(image.savedBytes)" } ?? ""
        return "\(place), image \(use), hole \(image.holeOffset)+\(image.holeLength)\(compression)"
    }
}
