package import PostgresWAL

/// A line of `pg_waldump`'s text, taken apart.
///
/// ```
/// rmgr: Heap        len (rec/tot):     54/   310, tx:        724, lsn: 0/01511B98, prev 0/01511B58, desc: INSERT off 2
/// flags 0x01, blkref #0: rel 1663/5/3079 blk 0 FPW
/// ```
package struct WaldumpLine: Hashable, Sendable {
    package struct Block: Hashable, Sendable {
        package enum Image: Hashable, Sendable {
            case none, applied, forVerification
        }

        package var id: UInt8
        /// Tablespace, database and relation, as `1663/5/3079`.
        package var relation: String
        package var fork: String
        package var block: UInt32
        package var image: Image

        package init(id: UInt8, relation: String, fork: String, block: UInt32, image: Image) {
            self.id = id
            self.relation = relation
            self.fork = fork
            self.block = block
            self.image = image
        }
    }

    package var resourceManager: String
    package var lengthWithoutImages: Int
    package var length: Int
    package var transactionID: UInt32
    package var start: LSN
    package var previous: LSN
    /// The first word of the description; nil for `UNKNOWN (…)`.
    package var operation: String?
    package var blocks: [Block]

    package init(
        resourceManager: String,
        lengthWithoutImages: Int,
        length: Int,
        transactionID: UInt32,
        start: LSN,
        previous: LSN,
        operation: String?,
        blocks: [Block]
    ) {
        self.resourceManager = resourceManager
        self.lengthWithoutImages = lengthWithoutImages
        self.length = length
        self.transactionID = transactionID
        self.start = start
        self.previous = previous
        self.operation = operation
        self.blocks = blocks
    }

    /// Takes a line apart; nil if it isn't one of a record.
    package init?(parsing line: ArraySlice<UInt8>) {
        var scanner = Scanner(rest: line)
        guard let resourceManager = scanner.field(after: "rmgr: ", before: " len (rec/tot): "),
            let without = scanner.field(before: "/").flatMap({ Int($0) }),
            let length = scanner.field(before: ", tx: ").flatMap({ Int($0) }),
            let transaction = scanner.field(before: ", lsn: ").flatMap({ UInt32($0) }),
            let start = scanner.field(before: ", prev ").flatMap(LSN.init),
            let previous = scanner.field(before: ", desc: ").flatMap(LSN.init)
        else { return nil }
        let references = scanner.pieces(separatedBy: ", blkref #")
        let operation = String(decoding: references[0].prefix { !Self.ends($0) }, as: UTF8.self)
        var blocks: [Block] = []
        for reference in references.dropFirst() {
            guard let block = Block(parsing: reference) else { return nil }
            blocks.append(block)
        }
        self.init(
            resourceManager: resourceManager,
            lengthWithoutImages: without,
            length: length,
            transactionID: transaction,
            start: start,
            previous: previous,
            operation: operation == "UNKNOWN" ? nil : operation,
            blocks: blocks
        )
    }

    private static func ends(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";")
    }

    /// The lines of a whole output; what isn't a record's line is left out.
    package static func parse(_ output: [UInt8]) -> [WaldumpLine] {
        output.split(separator: UInt8(ascii: "\n")).compactMap(WaldumpLine.init(parsing:))
    }
}

extension WaldumpLine.Block {
    /// Takes apart what stands behind `blkref #`: `0: rel 1663/5/3079 fork fsm blk 0 FPW`.
    init?(parsing reference: ArraySlice<UInt8>) {
        let words = String(decoding: reference, as: UTF8.self).split(separator: " ")
        guard words.count >= 5, let id = UInt8(words[0].dropLast()), words[1] == "rel" else { return nil }
        let hasFork = words[3] == "fork"
        let rest = words.dropFirst(hasFork ? 5 : 3)
        guard rest.count >= 2, rest.first == "blk", let block = UInt32(rest[rest.startIndex + 1]) else { return nil }
        let flags = rest.dropFirst(2).joined(separator: " ")
        let image: Image
        switch flags {
        case "": image = .none
        case "FPW": image = .applied
        case "FPW for WAL verification": image = .forVerification
        default: return nil
        }
        self.init(
            id: id,
            relation: String(words[2]),
            fork: hasFork ? String(words[4]) : "main",
            block: block,
            image: image
        )
    }
}

/// Reads fields between fixed texts.
private struct Scanner {
    var rest: ArraySlice<UInt8>

    /// The text up to `end`, without the spaces that fill it; goes on behind `end`.
    mutating func field(after start: StaticString? = nil, before end: StaticString) -> String? {
        if let start {
            guard rest.starts(with: start.bytes) else { return nil }
            rest = rest.dropFirst(start.utf8CodeUnitCount)
        }
        guard let found = offset(of: end.bytes) else { return nil }
        var field = rest[..<found]
        rest = rest[(found + end.utf8CodeUnitCount)...]
        while field.first == UInt8(ascii: " ") { field = field.dropFirst() }
        while field.last == UInt8(ascii: " ") { field = field.dropLast() }
        return String(decoding: field, as: UTF8.self)
    }

    /// All that is left, cut at each `separator`; at least one piece.
    mutating func pieces(separatedBy separator: StaticString) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        while let found = offset(of: separator.bytes) {
            pieces.append(rest[..<found])
            rest = rest[(found + separator.utf8CodeUnitCount)...]
        }
        return pieces + [rest]
    }

    private func offset(of text: UnsafeBufferPointer<UInt8>) -> Int? {
        rest.indices.first { rest[$0] == text[0] && rest[$0...].starts(with: text) }
    }
}

extension StaticString {
    fileprivate var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
