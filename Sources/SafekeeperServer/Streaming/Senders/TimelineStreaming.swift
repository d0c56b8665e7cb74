/// What a timeline has for those who are sent its WAL.
package final class TimelineStreaming: Sendable {
    /// The WAL that was written last.
    package let tail: WALTail
    /// Those who are sent WAL, raw or interpreted.
    package let senders: WALSenders
    /// Committed WAL, interpreted for all shards at once.
    package let fanOut: WALFanOut
    /// Removes WAL that all have.
    let remover = SegmentRemover()

    init(receivers: WALReceivers, fanOut: WALFanOut, tailCapacity: Int, metrics: StreamingMetrics) {
        tail = WALTail(capacity: tailCapacity)
        senders = WALSenders(receivers: receivers, metrics: metrics)
        self.fanOut = fanOut
    }
}
