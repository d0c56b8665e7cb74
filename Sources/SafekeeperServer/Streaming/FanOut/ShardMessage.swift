package import InterpretedWAL
internal import PostgresWAL

/// A message for one shard as it waits to be sent, not yet compressed.
package struct ShardMessage: Sendable {
    /// The positions.
    package var positions: FanOutMessage
    /// The records: protobuf fields of a message, which ``appendPlain(to:)`` completes.
    package var records: [UInt8]
    /// How many records there are.
    package var recordCount: Int

    package init(positions: FanOutMessage, records: [UInt8], recordCount: Int) {
        self.positions = positions
        self.records = records
        self.recordCount = recordCount
    }

    /// What it is in a queue.
    var load: QueueLoad { QueueLoad(messages: 1, bytes: records.count) }

    /// Appends the whole message in its protobuf form.
    package func appendPlain(to buffer: inout OutputBuffer) {
        [self].appendPlain(to: &buffer)
    }
}

extension [ShardMessage] {
    /// Appends messages that follow one another as one, in its protobuf form.
    package func appendPlain(to buffer: inout OutputBuffer) {
        guard let first, let last else { return }
        for message in self { buffer.append(message.records) }
        buffer.appendBatchEnd(nextRecordLSN: last.positions.next, rawWALStartLSN: first.positions.rawStart)
    }
}
