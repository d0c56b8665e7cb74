internal import BlockingExecution
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
        try buffer.appendWAL(from: start, to: end, with: &reader)
        return buffer
    }
}

extension ByteBuffer {
    /// Appends WAL from segment files.
    ///
    /// - Throws: ``WALReadError/notFound(_:)`` if a segment isn't there, ``WALReadError/store(_:)``.
    mutating func appendWAL(
        from start: LSN,
        to end: LSN,
        with reader: inout SegmentReader
    ) throws(WALReadError) {
        var position = start
        while position < end {
            let wanted = Int(end.rawValue - position.rawValue)
            var result = Result<Int, WALReadError>.success(0)
            writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { memory in
                do throws(WALStoreError) {
                    let target = UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted])
                    let count = try reader.read(into: target, at: position)
                    result = .success(count)
                    return count
                } catch .missingSegment {
                    result = .failure(.notFound(position))
                } catch {
                    result = .failure(.store(error))
                }
                return 0
            }
            let count = try result.get()
            // A segment file that is too short.
            guard count > 0 else { throw .notFound(position) }
            position += UInt64(count)
        }
    }
}
