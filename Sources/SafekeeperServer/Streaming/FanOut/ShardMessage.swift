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

    /// Appends the whole message in its protobuf form.
    package func appendPlain(to buffer: inout OutputBuffer) {
        buffer.append(records)
        buffer.appendBatchEnd(nextRecordLSN: positions.next, rawWALStartLSN: positions.rawStart)
    }
}
