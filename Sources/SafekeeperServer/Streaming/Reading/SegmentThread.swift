internal import NIOCore
internal import PostgresWAL

/// Reads segment files for one stream on a thread that may block.
actor SegmentThread {
    private let queue = BlockingQueue(label: "WAL files")
    private var reader: SegmentReader

    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    init(_ files: SegmentFiles) {
        reader = SegmentReader(files)
    }

    /// Appends the WAL between two positions of one segment to a buffer.
    ///
    /// - Throws: ``WALReadError/notFound(_:)`` if the segment isn't there, ``WALReadError/store(_:)``.
    func append(from start: LSN, to end: LSN, to buffer: ByteBuffer) throws(WALReadError) -> ByteBuffer {
        var buffer = buffer
        try buffer.appendWAL(from: start, to: end) { (target, lsn) throws(WALReadError) in
            do throws(WALStoreError) {
                return try reader.read(into: target, at: lsn)
            } catch .missingSegment {
                throw .notFound(lsn)
            } catch {
                throw .store(error)
            }
        }
        return buffer
    }
}

extension ByteBuffer {
    /// Appends WAL that `read` gives: how many bytes it has put into the memory, which it need not fill.
    mutating func appendWAL(
        from start: LSN,
        to end: LSN,
        _ read: (UnsafeMutableRawBufferPointer, LSN) throws(WALReadError) -> Int
    ) throws(WALReadError) {
        var position = start
        while position < end {
            let wanted = Int(end.rawValue - position.rawValue)
            var result = Result<Int, WALReadError>.success(0)
            writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { memory in
                do throws(WALReadError) {
                    let count = try read(UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted]), position)
                    result = .success(count)
                    return count
                } catch {
                    result = .failure(error)
                    return 0
                }
            }
            let count = try result.get()
            // A segment file that is too short.
            guard count > 0 else { throw .notFound(position) }
            position += UInt64(count)
        }
    }
}
