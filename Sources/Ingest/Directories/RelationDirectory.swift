internal import InterpretedWAL

/// The relation forks of one database in one tablespace.
///
/// Kept sorted: it is written whole with every change, and large ones must not be sorted each time.
///
/// Source: `ingest.md` §3.4 (RelDirectory v1).
struct RelationDirectory: Hashable {
    /// Relation number << 8 | fork, ascending.
    private var forks: [UInt64] = []

    var count: Int { forks.count }

    /// Relation numbers and forks, ascending.
    var all: some Sequence<(relation: UInt32, fork: UInt8)> {
        forks.lazy.map { (UInt32(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)) }
    }

    func contains(relation: UInt32, fork: UInt8) -> Bool {
        let fork = RelationDirectory.pack(relation, fork)
        let index = place(of: fork)
        return index < forks.count && forks[index] == fork
    }

    /// Adds a fork; false if it is there.
    mutating func insert(relation: UInt32, fork: UInt8) -> Bool {
        let fork = RelationDirectory.pack(relation, fork)
        let index = place(of: fork)
        if index < forks.count, forks[index] == fork { return false }
        forks.insert(fork, at: index)
        return true
    }

    /// Removes a fork; false if it isn't there.
    mutating func remove(relation: UInt32, fork: UInt8) -> Bool {
        let fork = RelationDirectory.pack(relation, fork)
        let index = place(of: fork)
        guard index < forks.count, forks[index] == fork else { return false }
        forks.remove(at: index)
        return true
    }

    private static func pack(_ relation: UInt32, _ fork: UInt8) -> UInt64 {
        UInt64(relation) << 8 | UInt64(fork)
    }

    /// Where a fork is or would be.
    private func place(of fork: UInt64) -> Int {
        var low = 0
        var high = forks.count
        while low < high {
            let middle = (low + high) / 2
            if forks[middle] < fork { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension RelationDirectory {
    func encoded() -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 8 + 5 * forks.count)
        buffer.append(bigEndian: UInt64(forks.count))
        for fork in forks {
            buffer.append(bigEndian: UInt32(truncatingIfNeeded: fork >> 8))
            buffer.append(UInt8(truncatingIfNeeded: fork))
        }
        return buffer.array
    }

    init(decoding bytes: [UInt8]) throws(BincodeError) {
        var reader = BincodeReader(bytes.span.bytes)
        let count = try reader.readElementCount(size: 5)
        forks.reserveCapacity(count)
        for _ in 0..<count {
            forks.append(RelationDirectory.pack(try reader.read(), try reader.read()))
        }
        try reader.finish()
        // Other writers use any order.
        forks.sort()
    }
}
