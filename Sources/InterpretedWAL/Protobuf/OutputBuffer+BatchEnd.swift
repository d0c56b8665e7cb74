public import PostgresWAL

extension OutputBuffer {
    /// Appends what ends a message in protobuf form, behind its records: a message without records is nothing else.
    ///
    /// - Parameters:
    ///   - nextRecordLSN: where the first record behind the batch starts.
    ///   - rawWALStartLSN: where the WAL that the batch was made of begins.
    ///
    /// Source: `wal-interpretation.md` §13.
    public mutating func appendBatchEnd(nextRecordLSN: LSN, rawWALStartLSN: LSN?) {
        reserve(
            ProtobufWriter.batchTailSize(nextRecordLSN: nextRecordLSN, rawWALStartLSN: rawWALStartLSN)
                + ProtobufWriter.slack
        )
        let end = ProtobufWriter.writeBatchTail(
            nextRecordLSN: nextRecordLSN,
            rawWALStartLSN: rawWALStartLSN,
            at: writePointer
        )
        commit(upTo: end)
    }
}
