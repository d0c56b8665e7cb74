import PostgresWAL
import SafekeeperServer
import ShardIdentity

/// A receiver that holds every message against the stream decoded at home: no gap, no duplicate, nothing that wasn't asked
/// for, and each message begins where the one before ended.
struct StreamChecker {
    let stream: InterpretedStream
    /// The shard's index in the stream.
    let shard: Int
    let start: LSN
    /// The records whose next one starts here or before are done with.
    private(set) var position: LSN
    private var covered: LSN
    private(set) var streaming: LSN
    private var nextRecord: Int
    /// Messages without progress are allowed once for each reader.
    var mayRepeat = true
    /// Whether messages without progress are not counted, where changes of the reader are not seen.
    var isLenient = false
    private(set) var messages = 0

    init(stream: InterpretedStream, shard: Int, start: LSN) {
        self.stream = stream
        self.shard = shard
        self.start = start
        position = start
        covered = start
        streaming = start
        nextRecord = stream.firstRecord(behind: start)
    }

    /// Something that a receiver must not be sent.
    struct Violation: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) { self.description = description }
    }

    mutating func receive(_ message: ShardMessage, available: LSN) throws(Violation) {
        let positions = message.positions
        messages += 1
        func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws(Violation) {
            if !condition { throw Violation("\(what()): \(positions), position \(position), covered \(covered)") }
        }
        try expect(positions.rawStart == covered, "a message begins elsewhere than the one before ended")
        try expect(positions.rawStart <= streaming, "a gap in the streamed WAL")
        try expect(positions.streaming >= streaming, "the streamed WAL goes back")
        try expect(positions.streaming <= available, "WAL that is not available")
        try expect(positions.available >= positions.streaming, "the end of the WAL is before the streamed WAL")
        if positions.next == position {
            try expect(message.records.isEmpty && positions.streaming > streaming, "a message that tells nothing")
            try expect(mayRepeat, "another message without progress")
            mayRepeat = isLenient
            let last = stream.firstRecord(behind: positions.streaming) - 1
            if last >= 0 { covered = max(covered, min(stream.records[last].end, position)) }
        } else {
            try expect(positions.next > position, "the next record goes back")
            let end = stream.firstRecord(behind: positions.next)
            try expect(end > nextRecord && stream.records[end - 1].next == positions.next, "no record ends there")
            let expected = stream.share(of: shard, records: nextRecord..<end)
            try expect(message.records.elementsEqual(expected), "other records than the shard's")
            try expect(positions.hasRecords == !expected.isEmpty, "records that are not announced")
            let count = stream.shareCount(of: shard, records: nextRecord..<end)
            try expect(message.recordCount == count, "\(message.recordCount) records, not \(count)")
            nextRecord = end
            position = positions.next
            covered = stream.records[end - 1].end
        }
        streaming = positions.streaming
    }

    /// Whether everything up to `available` has been received.
    func isComplete(upTo available: LSN) -> Bool {
        nextRecord >= stream.records.count || stream.records[nextRecord].end > available
    }
}
