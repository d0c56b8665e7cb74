package import PostgresWAL

/// The WAL that was written last, in a ring of fixed size.
///
/// It holds what is between ``start`` and ``end``, and forgets the oldest bytes for new ones. Memory is taken once.
package struct WALRing: ~Copyable {
    /// The most bytes that it holds, a power of two.
    package let capacity: Int
    /// The first position that is held.
    package private(set) var start: LSN = .invalid
    /// The position behind the last byte.
    package private(set) var end: LSN = .invalid

    private let memory: UnsafeMutableRawBufferPointer

    /// Makes a ring for `capacity` bytes, rounded up to a power of two, at least 8 KiB.
    package init(capacity: Int) {
        precondition(capacity <= 1 << 40, "a ring of \(capacity) bytes")
        var size = WALPage.size
        while size < capacity { size *= 2 }
        self.capacity = size
        memory = .allocate(byteCount: size, alignment: WALPage.size)
    }

    deinit {
        memory.deallocate()
    }

    /// Adds WAL; if that isn't what follows, all before is forgotten.
    ///
    /// Cutting off a tail and writing another one is: ``truncate(to:)``, then this.
    package mutating func append(_ bytes: RawSpan, at lsn: LSN) {
        if lsn != end {
            start = lsn
            end = lsn
        }
        // Of more than fits only the last part would stay.
        let skipped = max(bytes.byteCount - capacity, 0)
        end += UInt64(skipped)
        var rest = bytes.extracting(droppingFirst: skipped)
        while !rest.isEmpty {
            let offset = offset(of: end)
            let count = min(rest.byteCount, capacity - offset)
            let piece = rest.extracting(first: count)
            piece.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: memory[offset...]).copyMemory(from: $0) }
            end += UInt64(count)
            rest = rest.extracting(droppingFirst: count)
        }
        if end.rawValue - start.rawValue > UInt64(capacity) { start = LSN(end.rawValue - UInt64(capacity)) }
    }

    /// Forgets the WAL from `lsn` on: it is about to be written again, otherwise.
    package mutating func truncate(to lsn: LSN) {
        end = min(end, lsn)
        start = min(start, end)
    }

    /// Copies WAL out.
    ///
    /// - Parameters:
    ///   - buffer: where to put it.
    ///   - lsn: the position of the first byte.
    /// - Returns: the bytes copied: as many as fit and are there; nil if the first byte isn't there.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at lsn: LSN) -> Int? {
        guard lsn >= start, lsn < end else { return nil }
        let count = min(buffer.count, Int(end.rawValue - lsn.rawValue))
        let offset = offset(of: lsn)
        let first = min(count, capacity - offset)
        UnsafeMutableRawBufferPointer(rebasing: buffer[..<first])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[offset..<offset + first]))
        UnsafeMutableRawBufferPointer(rebasing: buffer[first..<count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<(count - first)]))
        return count
    }

    private func offset(of lsn: LSN) -> Int { Int(lsn.rawValue & UInt64(capacity - 1)) }
}

/// The ring is the only owner of its memory, so it may move to another thread.
extension WALRing: @unchecked Sendable {}
