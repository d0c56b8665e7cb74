package import NIOCore
package import PostgresWAL
internal import ReplicationProtocol

/// The WAL of a timeline as one stream reads it: waits for it, and has it from memory or from files.
///
/// Before the timeline's start, and within its first segment, there are page headers and zeros, as in the first
/// segment's file.
///
/// Source: `safekeeper-core.md` §4.4, §4.7.
package struct WALSource: Sendable {
    /// How far it goes.
    package let extent: WALExtent
    /// The segment size.
    package let segmentSize: WALSegmentSize
    /// The version whose WAL this is.
    package let version: PostgresMajorVersion
    private let timeline: Timeline
    private let systemIdentifier: UInt64
    private let timelineStart: LSN
    private let localStart: LSN
    private let segments: SegmentThread
    /// The WAL in memory; nil for WAL that may not be committed, which is not read from there.
    private let tail: WALTail.Reader?

    /// Looks whether WAL can be read from a position on.
    ///
    /// - Parameters:
    ///   - timeline: the timeline, which is in use.
    ///   - extent: how far to go.
    ///   - start: the first byte that is wanted; may be behind the end.
    /// - Throws: ``WALReadError``.
    package init(_ timeline: Timeline, extent: WALExtent, from start: LSN) async throws(WALReadError) {
        let facts: (ControlFile, SegmentFiles, PostgresMajorVersion)
        do {
            facts = try await timeline.withState { ($0.persisted, $0.store.files, $0.store.version) }
        } catch {
            throw .cancelled
        }
        let (control, files, version) = facts
        guard control.localStartLSN.isValid, control.timelineStartLSN.isValid else { throw .uninitialized }
        guard start >= files.segmentSize.segmentStart(of: control.timelineStartLSN) else {
            throw .beforeTimeline(requested: start, timelineStart: control.timelineStartLSN)
        }
        self.timeline = timeline
        self.extent = extent
        self.version = version
        segmentSize = files.segmentSize
        systemIdentifier = control.server.systemIdentifier
        timelineStart = control.timelineStartLSN
        localStart = control.localStartLSN
        segments = SegmentThread(files)
        tail = extent == .committed ? WALTail.Reader(timeline.streaming.tail) : nil
    }

    /// Waits until there is WAL beyond a position.
    ///
    /// - Parameters:
    ///   - position: the position.
    ///   - deadline: how long to wait; for ever if nil.
    /// - Returns: the end of the WAL; nil if there is none in time.
    /// - Throws: ``WALReadError``.
    package func end(beyond position: LSN, until deadline: Duration? = nil) async throws(WALReadError) -> LSN? {
        let now = try extent.end(in: timeline.watch.current)
        if now > position { return now }
        let condition = extent.condition(beyond: position)
        let snapshot: TimelineSnapshot?
        do throws(TimelineWatch.Interruption) {
            snapshot =
                if let deadline {
                    try await timeline.watch.wait(for: condition, until: deadline, by: timeline.time)
                } else {
                    try await timeline.watch.wait(for: condition)
                }
        } catch {
            throw .cancelled
        }
        guard let snapshot else { return nil }
        let end = try extent.end(in: snapshot)
        if end > position { return end }
        // Another term has begun whose WAL is not here yet.
        guard case .flushed(let term) = extent else { return nil }
        throw .termLost(requested: term, current: snapshot.term)
    }

    /// Where a chunk that begins at `start` ends: see ``WALChunk``; not beyond the timeline's start, either.
    package func chunkEnd(
        from start: LSN,
        available: LSN,
        limit: LSN? = nil,
        maximumSize: Int = WALChunk.maximumSize
    ) -> LSN {
        let end = WALChunk.end(
            from: start,
            available: available,
            segmentSize: segmentSize,
            maximumSize: maximumSize
        )
        let isBefore = start < timelineStart
        return min(end, isBefore ? timelineStart : end, limit ?? end)
    }

    /// Appends a chunk's WAL to a buffer.
    ///
    /// - Parameters:
    ///   - start: where it begins.
    ///   - end: where it ends, as ``chunkEnd(from:available:limit:)`` says.
    ///   - buffer: what it is put behind.
    /// - Returns: the buffer.
    /// - Throws: ``WALReadError``.
    package func append(from start: LSN, to end: LSN, to buffer: ByteBuffer) async throws(WALReadError) -> ByteBuffer {
        if start < timelineStart { return appendFirstSegment(from: start, to: end, to: buffer) }
        guard start >= localStart else { throw .notFound(start) }
        if case .flushed(let term) = extent { return try await append(from: start, to: end, to: buffer, in: term) }
        var buffer = buffer
        if let tail, buffer.appendTail(tail, from: start, to: end) { return buffer }
        return try await segments.append(from: start, to: end, to: buffer)
    }

    /// What is not committed may be cut off and written anew: it is read by the timeline's owner, who knows the term.
    private func append(
        from start: LSN,
        to end: LSN,
        to buffer: ByteBuffer,
        in term: Term
    ) async throws(WALReadError) -> ByteBuffer {
        do {
            return try await timeline.withState { state in
                guard state.control.term == term else {
                    throw WALReadError.termLost(requested: term, current: state.control.term)
                }
                var buffer = buffer
                var reader = SegmentReader(state.store.files)
                try buffer.appendWAL(from: start, to: end, with: &reader)
                return buffer
            }
        } catch let error as WALReadError {
            throw error
        } catch {
            throw .cancelled
        }
    }

    private func appendFirstSegment(from start: LSN, to end: LSN, to buffer: ByteBuffer) -> ByteBuffer {
        let segmentStart = segmentSize.segmentStart(of: timelineStart)
        var bytes = [UInt8](repeating: 0, count: Int(timelineStart.rawValue - segmentStart.rawValue))
        let contents = FirstSegment.contents(
            start: timelineStart,
            systemIdentifier: systemIdentifier,
            version: version,
            segmentSize: segmentSize
        )
        for piece in contents {
            // A header on the page of the timeline's start may reach beyond it.
            let room = max(bytes.count - Int(piece.offset), 0)
            let part = piece.bytes.prefix(room)
            bytes.replaceSubrange(Int(piece.offset)..<Int(piece.offset) + part.count, with: part)
        }
        var buffer = buffer
        let offset = Int(start.rawValue - segmentStart.rawValue)
        buffer.writeBytes(bytes[offset..<Int(end.rawValue - segmentStart.rawValue)])
        return buffer
    }
}

extension ByteBuffer {
    /// Appends WAL that is in memory; gives false if not all of it is.
    fileprivate mutating func appendTail(_ tail: WALTail.Reader, from start: LSN, to end: LSN) -> Bool {
        let wanted = Int(end.rawValue - start.rawValue)
        let count = writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { memory in
            let count = tail.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted]), at: start)
            return count == wanted ? wanted : 0
        }
        return count == wanted
    }
}
