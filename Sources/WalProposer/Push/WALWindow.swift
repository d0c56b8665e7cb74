package import PostgresClient
package import PostgresWAL

/// The newest WAL of the server, as it came: what safekeepers that keep up are served from.
///
/// It is bounded in bytes, with an allowance for each message, so that many small ones count as what they take. The oldest
/// WAL is dropped once a quorum has been sent it; a safekeeper that needs it later has it read from the server again.
package struct WALWindow {
    /// WAL of one message.
    private struct Chunk {
        let start: LSN
        let message: CopyData
        /// Where in the message the WAL begins.
        let offset: Int

        var end: LSN { start + UInt64(message.count - offset) }
        var weight: Int { message.count + WALWindow.allowance }
    }

    /// What a message takes besides its bytes, as far as the bound is concerned.
    private static let allowance = 128

    /// Where the WAL that is here begins.
    package private(set) var start: LSN
    /// Where it ends.
    package private(set) var end: LSN
    private let limit: Int
    private var weight = 0
    /// In order and without gaps; those before `first` are gone.
    private var chunks: [Chunk?] = []
    private var first = 0

    /// Makes a window without WAL.
    /// - Parameters:
    ///   - position: where WAL will begin.
    ///   - limit: bytes to hold.
    package init(startingAt position: LSN, limit: Int) {
        start = position
        end = position
        self.limit = limit
    }

    /// Whether more may be taken in.
    package var hasRoom: Bool { weight < limit }

    /// Takes in the WAL of a message.
    ///
    /// It may begin before the end of what is here, as after a reconnection; then it has to be the same there.
    /// - Parameters:
    ///   - message: the message.
    ///   - offset: where in it the WAL begins.
    ///   - position: where in the server's WAL that is.
    /// - Throws: ``WALPushError/gapInWAL(expected:found:)`` or ``WALPushError/differentWAL(at:)``.
    package mutating func append(_ message: CopyData, from offset: Int, at position: LSN) throws(WALPushError) {
        guard position <= end, let known = end.distance(from: position) else {
            throw .gapInWAL(expected: end, found: position)
        }
        let count = message.count - offset
        let overlap = Int(min(known, UInt64(count)))
        if overlap > 0 { try compare(message, from: offset, count: overlap, at: position) }
        guard overlap < count else { return }
        let chunk = Chunk(start: end, message: message, offset: offset + overlap)
        chunks.append(chunk)
        weight += chunk.weight
        end = chunk.end
    }

    /// Compares what is here as well; what is not here any more is taken on trust.
    private func compare(_ message: CopyData, from offset: Int, count: Int, at position: LSN) throws(WALPushError) {
        let from = max(position, start)
        let to = position + UInt64(count)
        guard from < to else { return }
        let ours = bytes(in: from..<to)
        let skipped = offset + Int(from.distance(from: position) ?? 0)
        let difference: Int? = message.withUnsafeBytes { theirs in
            ours.indices.first { ours[$0] != theirs[skipped + $0] }
        }
        if let difference { throw .differentWAL(at: from + UInt64(difference)) }
    }

    /// Drops the oldest WAL while there is more than the bound allows, up to a position.
    package mutating func trim(upTo position: LSN) {
        while weight > limit / 4 * 3, first < chunks.count, let chunk = chunks[first], chunk.end <= position {
            chunks[first] = nil
            first += 1
            weight -= chunk.weight
            start = chunk.end
        }
        // Each chunk is moved once on average.
        if first > 64, first * 2 > chunks.count {
            chunks.removeFirst(first)
            first = 0
        }
    }

    /// Whether WAL is here.
    package func contains(_ range: Range<LSN>) -> Bool {
        range.lowerBound >= start && range.upperBound <= end
    }

    /// A copy of WAL that is here.
    package func bytes(in range: Range<LSN>) -> [UInt8] {
        let count = Int(range.upperBound.distance(from: range.lowerBound) ?? 0)
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            copy(range, into: UnsafeMutableRawBufferPointer(buffer))
            filled = count
        }
    }

    /// Copies WAL that is here; traps if it is not, or the buffer is too small.
    package func copy(_ range: Range<LSN>, into buffer: UnsafeMutableRawBufferPointer) {
        precondition(contains(range), "WAL \(range) is not in the window \(start)..<\(end)")
        var position = range.lowerBound
        var index = indexOfChunk(at: position)
        var written = 0
        while position < range.upperBound, let chunk = chunks[index] {
            let skipped = Int(position.distance(from: chunk.start) ?? 0) + chunk.offset
            let wanted = Int(range.upperBound.distance(from: position) ?? 0)
            let count = min(chunk.message.count - skipped, wanted)
            chunk.message.withUnsafeBytes { source in
                let part = UnsafeRawBufferPointer(rebasing: source[skipped..<skipped + count])
                UnsafeMutableRawBufferPointer(rebasing: buffer[written...]).copyMemory(from: part)
            }
            written += count
            position += UInt64(count)
            index += 1
        }
    }

    private func indexOfChunk(at position: LSN) -> Int {
        var (low, high) = (first, chunks.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if let chunk = chunks[middle], chunk.start <= position { low = middle } else { high = middle }
        }
        return low
    }
}
