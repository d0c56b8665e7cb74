import Ingest
import IngestHarness
import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// Pages whose newest stored value is an image, against the server's files.
///
/// PostgreSQL logs no hints: bits that say that the transaction of a row, or the row of an index entry, is done with, set
/// by whoever looks, what a page knows of free space in itself, and which pages an SP-GiST index has used last. With those
/// left out, everything has to be equal.
struct ImageComparison {
    private let readers: [ShardReader]
    private let lsn: LSN
    private let files: DataDirectory
    private(set) var differences: [String] = []
    /// Pages that are equal byte for byte.
    private(set) var equal = 0
    /// Pages that are equal without hints.
    private(set) var hinted = 0

    init(_ readers: [ShardReader], at lsn: LSN, _ files: DataDirectory) {
        self.readers = readers
        self.lsn = lsn
        self.files = files
    }

    mutating func compare() throws {
        let unlogged = files.unlogged
        for relation in files.sizes.keys.sorted(by: { "\($0)" < "\($1)" })
        where relation.fork == ForkNumber.main && !unlogged.contains(relation.locator) {
            guard try readers[0].relationExists(relation, at: lsn) else { continue }
            let file = try files.content(of: relation)
            for start in stride(from: 0, to: file.count, by: RelationPage.size) {
                try compare(relation, UInt32(start / RelationPage.size), file[start..<start + RelationPage.size])
            }
        }
    }

    private mutating func compare(_ relation: RelationTag, _ block: UInt32, _ page: ArraySlice<UInt8>) throws {
        let key = Key.relationBlock(relation, block: block)
        guard let owner = readers.first(where: { $0.shard.identity.isLocal(key) }) else { return }
        guard let size = try readers[0].relationSize(relation, at: lsn), block < size else { return }
        let history = try owner.history(of: key, at: lsn)
        guard history.changes.isEmpty, case .image(let stored)? = history.base?.value else { return }
        if page.elementsEqual(stored) {
            equal += 1
        } else if PageWithoutHints(page) == PageWithoutHints(stored[...]) {
            hinted += 1
        } else if differences.count < 5 {
            let offsets = zip(page, stored).enumerated().filter { $1.0 != $1.1 }.map(\.offset).prefix(12)
            differences.append("block \(block) of \(relation) differs at \(Array(offsets))")
        }
    }
}

/// A page with everything that is not logged set to zero.
struct PageWithoutHints: Equatable {
    let bytes: [UInt8]

    init(_ page: ArraySlice<UInt8>) {
        var bytes = Array(page)
        func number(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
        let (lower, upper, special) = (number(12), number(14), number(16))
        guard (24...8192).contains(lower), (lower...8192).contains(upper), (upper...8192).contains(special) else {
            self.bytes = bytes
            return
        }
        // Checksum; flags for free lines and a full page; the transaction after which pruning may help.
        for offset in [8, 9, 20, 21, 22, 23] { bytes[offset] = 0 }
        bytes[10] &= ~0x03
        for offset in lower..<upper { bytes[offset] = 0 }
        // An SP-GiST index's first page: eight pages with their free space.
        if bytes[24..<28].elementsEqual([0xEE, 0xAB, 0x0B, 0xBA]) {
            for offset in 28..<92 { bytes[offset] = 0 }
        }
        for pointer in stride(from: 24, to: lower - 3, by: 4) {
            let word = UInt32(number(pointer)) | UInt32(number(pointer + 2)) << 16
            let (offset, flags, length) = (Int(word & 0x7FFF), word >> 15 & 3, Int(word >> 17))
            if special == 8192, flags == 1, length >= 23, offset + length <= 8192 {
                // Whether the inserting and the deleting transaction are known to be done with.
                bytes[offset + 21] &= ~0x0F
            } else if special < 8192, flags == 3 {
                // An entry whose row is gone.
                bytes[pointer + 1] |= 0x80
                bytes[pointer + 2] &= ~0x01
            }
        }
        // B-trees: some entry's row is gone.
        if special == 8192 - 16 { bytes[special + 12] &= ~0x40 }
        self.bytes = bytes
    }
}
