internal import PostgresWAL

/// A page of a visibility map: after the header two bits for each heap block, all-visible 1 and all-frozen 2.
///
/// Source: `ingest.md` §4.4.
enum VisibilityMapPage {
    static let headerSize = 24
    static let heapBlocksPerPage: UInt32 = 32672

    /// The map's block that holds a heap block's bits.
    static func block(of heapBlock: UInt32) -> UInt32 { heapBlock / heapBlocksPerPage }

    /// Where a heap block's bits are on that page: the byte behind the header, and the lowest bit in it.
    static func position(of heapBlock: UInt32) -> (byte: Int, bit: Int) {
        let index = Int(heapBlock % heapBlocksPerPage)
        return (index / 4, index % 4 * 2)
    }

    static func clear(_ flags: UInt8, of heapBlock: UInt32, on page: inout [UInt8]) {
        let position = position(of: heapBlock)
        page[headerSize + position.byte] &= ~(flags << UInt8(position.bit))
    }

    static func set(_ flags: UInt8, of heapBlock: UInt32, on page: inout [UInt8]) {
        let position = position(of: heapBlock)
        page[headerSize + position.byte] |= flags << UInt8(position.bit)
    }

    /// Clears everything from a bit of a byte on.
    static func truncate(byte: Int, bit: Int, on page: inout [UInt8]) {
        let place = headerSize + byte
        for index in (place + 1)..<page.count { page[index] = 0 }
        page[place] &= (1 << UInt8(bit)) - 1
    }
}
