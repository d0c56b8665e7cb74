internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Messages and their records, in order.
// Source: `ingest.md` §1.7 (batch handling), §2.1.

extension WALIngest {
    /// Ingests a message and commits all of it.
    ///
    /// Records that were ingested before are passed over: a sender may begin below what is there.
    mutating func ingest(_ batch: InterpretedBatchParser) throws(IngestFault) {
        var parser = batch
        let known = state.lastRecordLSN
        var last = LSN.invalid
        while let record = try nextRecord(&parser) {
            let recordLSN = record.nextRecordLSN
            lsn = recordLSN
            guard recordLSN > last else { throw .notIncreasing(previous: last) }
            guard recordLSN <= parser.nextRecordLSN else {
                throw .beyondMessage(nextRecordLSN: parser.nextRecordLSN)
            }
            last = recordLSN
            guard recordLSN > known else {
                statistics.skippedRecords &+= 1
                continue
            }
            if record.flushUncommitted { try commit() }
            try ingest(record)
            pendingRecords &+= 1
            if pendingRecords >= options.batchSize || pending.valueBytes > options.maximumPendingBytes {
                try commit()
            }
        }
        if parser.nextRecordLSN > state.lastRecordLSN { try begin(parser.nextRecordLSN) }
        try commit()
    }

    @inline(__always)
    @_lifetime(copy parser)
    private func nextRecord(_ parser: inout InterpretedBatchParser) throws(IngestFault) -> RecordView? {
        do throws(WireError) {
            return try parser.nextRecord()
        } catch {
            throw .wire(error)
        }
    }

    /// Ingests a record, without committing it.
    @inline(__always)
    mutating func ingest(_ record: borrowing RecordView) throws(IngestFault) {
        try begin(record.nextRecordLSN)
        if record.xid != 0, checkpoint.advance(beyond: record.xid) { isCheckpointChanged = true }
        if record.metadataRecord != nil { try ingestMetadata(of: record) }
        if record.hasValues { try ingestValues(of: record) }
        if isCheckpointChanged {
            try put(checkpoint.bytes, .checkpoint)
            isCheckpointChanged = false
        }
        statistics.records &+= 1
    }

    @inline(never)
    private mutating func ingestMetadata(of record: borrowing RecordView) throws(IngestFault) {
        let metadata: MetadataRecord?
        do throws(WireError) {
            metadata = try record.decodeMetadata()
        } catch {
            throw .wire(error)
        }
        if let metadata { try ingest(metadata) }
    }

    /// Ingests what a record says beyond page contents.
    mutating func ingest(_ metadata: MetadataRecord) throws(IngestFault) {
        switch metadata {
        case .heap(.clearVisibilityBits(let bits)), .neon(.clearVisibilityBits(let bits)): try clear(bits)
        case .storageManager(let change): try ingest(change)
        case .database(let change): try ingest(change)
        case .clog(let change): try ingest(change)
        case .transaction(let end): try ingest(end)
        case .multiXact(let change): try ingest(change)
        case .relationMap(let change): try ingest(change)
        case .xlog(let record): try ingest(record)
        case .logicalMessage(let message): try ingest(message)
        case .standby(let snapshot): ingest(snapshot)
        case .replicationOrigin(let change): try ingest(change)
        }
    }
}
