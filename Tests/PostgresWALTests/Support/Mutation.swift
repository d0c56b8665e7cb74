import TestFixtures

/// Ways to spoil bytes.
enum Mutation: CaseIterable {
    case flipBit, setByte, setLength, copyRange, swapRanges, truncate, duplicatePage, removeRange

    /// Values that lengths and counts break at.
    private static let edges: [UInt32] = [
        0, 1, 7, 8, 23, 24, 25, 255, 256, 8167, 8168, 8191, 8192, 8193, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000,
        1_069_547_520, 1_069_547_521, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF8, 0xFFFF_FFFF,
    ]

    func apply(to bytes: inout [UInt8], using generator: inout SeededGenerator) {
        guard bytes.count > 8 else { return }
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch self {
        case .flipBit:
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case .setByte:
            bytes[place] = [0, 1, 0x7F, 0x80, 0xFC, 0xFD, 0xFE, 0xFF].randomElement(using: &generator) ?? 0
        case .setLength:
            let value = Self.edges.randomElement(using: &generator) ?? 0
            let offset = min(place, bytes.count - 4)
            if Bool.random(using: &generator) {
                bytes.setLittleEndian(UInt16(truncatingIfNeeded: value), at: offset)
            } else {
                bytes.setLittleEndian(value, at: offset)
            }
        case .copyRange:
            let count = Int.random(in: 1...min(64, bytes.count), using: &generator)
            let target = Int.random(in: 0...bytes.count - count, using: &generator)
            let source = Int.random(in: 0...bytes.count - count, using: &generator)
            bytes.replaceSubrange(target..<target + count, with: Array(bytes[source..<source + count]))
        case .swapRanges:
            let count = Int.random(in: 1...max(1, min(512, bytes.count / 3)), using: &generator)
            let first = Int.random(in: 0...bytes.count - 2 * count, using: &generator)
            let second = Int.random(in: first + count...bytes.count - count, using: &generator)
            for offset in 0..<count { bytes.swapAt(first + offset, second + offset) }
        case .truncate:
            bytes.removeLast(bytes.count - place)
        case .duplicatePage:
            let size = min(8192, bytes.count)
            let start = place / size * size
            bytes.insert(contentsOf: Array(bytes[start..<min(start + size, bytes.count)]), at: start)
        case .removeRange:
            let count = Int.random(in: 1...min(40, bytes.count - place), using: &generator)
            bytes.removeSubrange(place..<place + count)
        }
    }
}
