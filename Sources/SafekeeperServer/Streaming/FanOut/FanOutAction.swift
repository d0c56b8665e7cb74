package import PostgresWAL
package import ShardIdentity

/// What a fan-out wants done, in this order.
package enum FanOutAction: Hashable, Sendable {
    /// Make a reader with a decoder that begins at a record's start.
    case open(ReaderID, at: LSN)
    /// Get the WAL that begins at a position, as soon as there is any, and report it as a chunk: not beyond `limit`, which
    /// lies behind `from`.
    case read(ReaderID, from: LSN, limit: LSN?)
    /// Forget a reader, and what it may be waiting for.
    case close(ReaderID)
    /// Put a message into a sender's queue.
    case enqueue(SenderID, FanOutMessage)
    /// A sender is served by another reader from here on: nothing to do but to tell.
    case move(SenderID, to: ReaderID, at: LSN)
    /// End a sender's stream: its WAL can't be read. It has left the fan-out.
    case fail(SenderID)
}

/// A message for one shard, but for the records.
package struct FanOutMessage: Hashable, Sendable {
    /// Whether the shard's records of the chunk are in it; without them it tells positions only.
    package var hasRecords: Bool
    /// Where the next record starts: the shard has all there is before.
    package var next: LSN
    /// Where the WAL that the message covers begins: where the message before it ended, or the sender's start.
    package var rawStart: LSN
    /// The end of the WAL that has been looked at; may be inside a record, never goes back.
    package var streaming: LSN
    /// The end of the WAL that may be sent, as far as the reader knew.
    package var available: LSN

    package init(hasRecords: Bool, next: LSN, rawStart: LSN, streaming: LSN, available: LSN) {
        self.hasRecords = hasRecords
        self.next = next
        self.rawStart = rawStart
        self.streaming = streaming
        self.available = available
    }
}

/// A sender's part in a chunk.
package struct FanOutSeat: Hashable, Sendable {
    /// Whose it is.
    package var sender: SenderID
    /// The sender's shard.
    package var shard: ShardIdentity
    /// The sender wants the records whose next record starts behind this.
    package var position: LSN
}

/// What came of a chunk.
package struct FanOutProgress: Hashable, Sendable {
    /// The end of the last record that the chunk completed, and where the next one starts; nil if it completed none.
    package var lastRecord: RecordEnd?
    /// The bytes of records for each seat, in their order.
    package var recordBytes: [Int]
    /// Whether the chunk could not be decoded or interpreted to its end.
    package var isBroken: Bool

    /// Where a record ends.
    package struct RecordEnd: Hashable, Sendable {
        /// The byte after its last one.
        package var end: LSN
        /// Where the next record starts.
        package var next: LSN

        package init(end: LSN, next: LSN) {
            self.end = end
            self.next = next
        }
    }

    package init(lastRecord: RecordEnd?, recordBytes: [Int], isBroken: Bool = false) {
        self.lastRecord = lastRecord
        self.recordBytes = recordBytes
        self.isBroken = isBroken
    }
}

/// Why a sender is not let in.
package enum FanOutError: Error, Hashable, Sendable {
    /// The timeline has another stripe size for that number of shards.
    case stripeSize(requested: ShardIdentity, attached: ShardIdentity)
    /// No record can start there.
    case startPosition(LSN)
    /// There are too many.
    case tooManySenders(limit: Int)
}

extension FanOutError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .stripeSize(let requested, let attached):
            "stripe size of \(requested) differs from that of another receiver of this timeline: \(attached)"
        case .startPosition(let lsn):
            "no WAL record can start at \(lsn)"
        case .tooManySenders(let limit):
            "this timeline has \(limit) receivers already, no more are allowed"
        }
    }
}
