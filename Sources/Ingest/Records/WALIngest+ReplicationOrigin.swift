internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// How far replication origins have been replayed; every shard keeps it.
// Source: `ingest.md` §2.4, §3.4.

extension WALIngest {
    mutating func ingest(_ change: ReplicationOriginMetadata) throws(IngestFault) {
        switch change {
        case .set(let remoteLSN, let originID): try putOrigin(originID, remoteLSN)
        case .drop(let originID): try putOrigin(originID, .invalid)
        }
    }

    /// Notes an origin's position, 0/0 if it was dropped.
    mutating func putOrigin(_ originID: UInt16, _ position: LSN) throws(IngestFault) {
        var buffer = OutputBuffer(minimumCapacity: 8)
        buffer.append(bigEndian: position.rawValue)
        try put(buffer.array, .replicationOrigin(originID))
    }
}
