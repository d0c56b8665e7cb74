internal import InterpretedWAL
internal import PostgresWAL

// The WAL's own records: checkpoints and single counters.
// Source: `ingest.md` §2.13.

extension WALIngest {
    mutating func ingest(_ record: XLogMetadata) throws(IngestFault) {
        switch record {
        case .raw(let info, _, let mainData):
            let data = MainData(info: info, bytes: mainData)
            switch info & 0xF0 {
            case 0x00: try ingestCheckpoint(data, isShutdown: true)
            case 0x10: try ingestCheckpoint(data, isShutdown: false)
            case 0x30: try ingestNextOID(data)
            case 0x50: try ingestBackupEnd(data)
            case 0x60 where shard.version >= .v17: try ingestWALLevel(data, at: 20)
            case 0x90 where shard.version >= .v17: try ingestWALLevel(data, at: 16)
            default: break
            }
        }
    }

    /// Takes from a checkpoint the little that the records before have not said.
    private mutating func ingestCheckpoint(_ data: MainData, isShutdown: Bool) throws(IngestFault) {
        try data.require(CheckPoint.size)
        guard let logged = CheckPoint(data.bytes.span.bytes.extracting(first: CheckPoint.size)) else { return }
        if Int32(bitPattern: checkpoint.oldestXID &- logged.oldestXID) < 0 {
            checkpoint.oldestXID = logged.oldestXID
        }
        checkpoint.oldestActiveXID =
            if isShutdown && logged.oldestActiveXID == 0 {
                try oldestPreparedXID()
            } else {
                logged.oldestActiveXID
            }
        checkpoint.redo = isShutdown ? lsn.rawValue : 0
        isCheckpointChanged = true
    }

    /// The oldest prepared transaction, the next one if there is none: what is still running after a shutdown.
    private mutating func oldestPreparedXID() throws(IngestFault) -> UInt32 {
        let prepared = try preparedTransactions()
        if prepared.isWide {
            return UInt32(truncatingIfNeeded: prepared.numbers.reduce(checkpoint.nextXID, min))
        }
        return prepared.numbers.reduce(UInt32(truncatingIfNeeded: checkpoint.nextXID)) { oldest, number in
            let xid = UInt32(truncatingIfNeeded: number)
            return Int32(bitPattern: xid &- oldest) < 0 ? xid : oldest
        }
    }

    private mutating func ingestNextOID(_ data: MainData) throws(IngestFault) {
        try data.require(4)
        let nextOID: UInt32 = data.bytes.span.bytes.littleEndian(at: 0)
        guard nextOID != checkpoint.nextOID else { return }
        checkpoint.nextOID = nextOID
        isCheckpointChanged = true
    }

    private mutating func ingestWALLevel(_ data: MainData, at offset: Int) throws(IngestFault) {
        try data.require(offset + 4)
        checkpoint.walLevel = data.bytes.span.bytes.littleEndian(at: offset)
        isCheckpointChanged = true
    }

    /// Ends the time in which the state that a base backup was taken from may be ahead of the WAL.
    private mutating func ingestBackupEnd(_ data: MainData) throws(IngestFault) {
        guard state.isInBackup else { return }
        try data.require(8)
        if data.bytes.span.bytes.littleEndian(at: 0) == state.backupStart.rawValue { state.backupStart = .invalid }
    }
}

/// The main data of an XLOG record.
private struct MainData {
    let info: UInt8
    let bytes: [UInt8]

    func require(_ size: Int) throws(IngestFault) {
        guard bytes.count >= size else { throw .shortRecord(info: info, length: bytes.count, expected: size) }
    }
}
