/// Who is told how long what the storage does takes; only of what has succeeded.
///
/// Called on the thread that does it, so it must be quick.
package protocol StorageObserver: Sendable {
    /// WAL was written, without being made durable.
    func wrote(bytes: Int, in duration: Duration)
    /// WAL was made durable.
    func flushed(in duration: Duration)
    /// A control file was written and made durable.
    func storedControlFile(in duration: Duration)
    /// Something was done to segments as a whole.
    func finished(_ operation: SegmentOperation, in duration: Duration)
}

/// Something that is done to segments as a whole; the raw values are those of upstream's metrics.
///
/// Source: `safekeeper-operations.md` §3.1.
package enum SegmentOperation: String, Hashable, Sendable, CaseIterable {
    /// A new segment was made.
    case initializeSegment = "initialize_segment"
    /// A timeline's first segment was made.
    case initializeFirstSegment = "initialize_first_segment"
    /// The WAL was cut.
    case truncate = "truncate_wal"
    /// Segments that nobody needs any more were removed.
    case removeSegments = "remove_segments_from_disk"
}
