import SafekeeperServer

/// A file in memory: what a reader sees, and what a power loss would leave.
///
/// Both are kept in sectors; a sector that isn't there is zeros.
struct SimulatedFile {
    static let sectorSize = 512

    private(set) var length = 0
    private var sectors: [Int: [UInt8]] = [:]
    private var durableLength = 0
    private var durableSectors: [Int: [UInt8]] = [:]
    /// Sectors that the next synchronization makes durable; a power loss before keeps any of them.
    private var dirty: Set<Int> = []
    /// Lengths since the last synchronization; a power loss before it leaves any of them.
    private var lengths: [Int] = []
    private var lastWritten: Int?

    /// Sectors that take space.
    var allocatedCount: Int { sectors.count }

    mutating func setLength(_ newLength: Int) {
        if newLength < length {
            let firstGone = (newLength + Self.sectorSize - 1) / Self.sectorSize
            for sector in sectors.keys where sector >= firstGone {
                sectors[sector] = nil
                dirty.insert(sector)
            }
            let rest = newLength % Self.sectorSize
            if rest != 0, var bytes = sectors[newLength / Self.sectorSize] {
                for index in rest..<Self.sectorSize { bytes[index] = 0 }
                sectors[newLength / Self.sectorSize] = bytes
                dirty.insert(newLength / Self.sectorSize)
            }
        }
        if newLength != length {
            length = newLength
            lengths.append(newLength)
        }
    }

    /// Writes up to where `space` more sectors are taken; gives how many bytes that were.
    mutating func write(_ bytes: [UInt8], at offset: Int, space: inout Int) -> Int {
        var written = 0
        while written < bytes.count {
            let position = offset + written
            let sector = position / Self.sectorSize
            let start = position % Self.sectorSize
            let count = min(bytes.count - written, Self.sectorSize - start)
            if sectors[sector] == nil {
                if space == 0 { break }
                space -= 1
            }
            var contents = sectors[sector] ?? [UInt8](repeating: 0, count: Self.sectorSize)
            sectors[sector] = nil
            contents.replaceSubrange(start..<start + count, with: bytes[written..<written + count])
            sectors[sector] = contents
            dirty.insert(sector)
            lastWritten = sector
            written += count
        }
        if offset + written > length {
            length = offset + written
            lengths.append(length)
        }
        return written
    }

    mutating func allocate(_ count: Int, space: inout Int) -> Bool {
        for sector in 0..<(count + Self.sectorSize - 1) / Self.sectorSize where sectors[sector] == nil {
            if space == 0 { return false }
            space -= 1
            sectors[sector] = [UInt8](repeating: 0, count: Self.sectorSize)
            dirty.insert(sector)
        }
        if count > length {
            length = count
            lengths.append(count)
        }
        return true
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = max(0, min(buffer.count, length - offset))
        var done = 0
        while done < count {
            let position = offset + done
            let start = position % Self.sectorSize
            let piece = min(count - done, Self.sectorSize - start)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + piece])
            if let contents = sectors[position / Self.sectorSize] {
                contents.withUnsafeBytes { source in
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + piece]))
                }
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += piece
        }
        return count
    }

    func isZero(from offset: Int) -> Bool {
        sectors.allSatisfy { sector, bytes in
            bytes.dropFirst(max(0, offset - sector * Self.sectorSize)).allSatisfy { $0 == 0 }
        }
    }

    mutating func synchronize() {
        for sector in dirty { durableSectors[sector] = sectors[sector] }
        durableLength = length
        dirty = []
        lengths = []
    }

    /// A synchronization that fails: the system takes the bytes for written all the same, and never tries again.
    ///
    /// Lengths and blocks given back are in the file system's journal: what failed to be written is not forgotten there.
    mutating func failToSynchronize() {
        dirty = dirty.filter { sectors[$0] == nil }
    }

    /// What is left after a power loss: of the sectors and lengths that were not synchronized any, the last one torn.
    mutating func losePower(using random: inout some RandomNumberGenerator) {
        let keepProbability = [0, 1, 2, 4].randomElement(using: &random) ?? 0
        for sector in dirty.sorted() where Int.random(in: 0..<4, using: &random) < keepProbability {
            let new = sectors[sector] ?? [UInt8](repeating: 0, count: Self.sectorSize)
            if sector == lastWritten, Bool.random(using: &random) {
                let old = durableSectors[sector] ?? [UInt8](repeating: 0, count: Self.sectorSize)
                let cut = Int.random(in: 0...Self.sectorSize, using: &random)
                durableSectors[sector] = Array(new[..<cut] + old[cut...])
            } else {
                durableSectors[sector] = new
            }
        }
        length = ([durableLength] + lengths).randomElement(using: &random) ?? durableLength
        let firstGone = (length + Self.sectorSize - 1) / Self.sectorSize
        sectors = durableSectors.filter { $0.key < firstGone }
        if length % Self.sectorSize != 0, var bytes = sectors[length / Self.sectorSize] {
            for index in length % Self.sectorSize..<Self.sectorSize { bytes[index] = 0 }
            sectors[length / Self.sectorSize] = bytes
        }
        durableSectors = sectors
        durableLength = length
        dirty = []
        lengths = []
    }
}
