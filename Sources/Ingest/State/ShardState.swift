internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

/// What a store says of itself, replaced with every commit: what it holds, and up to where.
struct ShardState: Hashable {
    /// What the store holds.
    var shard: TimelineShard
    /// Whether an import is going on.
    var isImporting = false
    /// The LSN of the first version of everything.
    var initialLSN: LSN
    /// The LSN of the last record; all values up to here are stored.
    var lastRecordLSN: LSN
    /// The LSN of the record before; 0/0 if not known.
    var previousRecordLSN: LSN
    /// Where the base backup began that the store was made of, until its end has been ingested; else 0/0.
    ///
    /// Up to there relations may exist before the WAL creates them.
    var backupStart: LSN = .invalid
    /// The blocks of all relations; exact on shard zero only.
    var logicalBlocks: Int64 = 0

    /// Whether the WAL up to the end of a base backup has still to be ingested.
    var isInBackup: Bool { backupStart.isValid }
}

extension ShardState {
    private static let magic: UInt32 = 0x4957_5331

    func encoded() -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 128)
        buffer.append(bigEndian: ShardState.magic)
        buffer.append(shard.tenant.bytes)
        buffer.append(shard.timeline.bytes)
        buffer.append(shard.identity.bytes)
        buffer.append(UInt8(shard.version.rawValue))
        buffer.append(isImporting ? 1 : 0)
        buffer.append(bigEndian: initialLSN.rawValue)
        buffer.append(bigEndian: lastRecordLSN.rawValue)
        buffer.append(bigEndian: previousRecordLSN.rawValue)
        buffer.append(bigEndian: backupStart.rawValue)
        buffer.append(bigEndian: logicalBlocks)
        return buffer.array
    }

    /// Throws ``IngestFault/unreadableState`` for anything that ``encoded()`` does not write.
    init(decoding bytes: [UInt8]) throws(IngestFault) {
        do {
            var reader = BincodeReader(bytes.span.bytes)
            let magic: UInt32 = try reader.read()
            let tenant = TenantID(bits: try reader.read())
            let timeline = TimelineID(bits: try reader.read())
            var identity: [UInt8] = []
            for _ in 0..<ShardIdentity.byteCount { identity.append(try reader.read()) }
            let versionNumber: UInt8 = try reader.read()
            guard magic == ShardState.magic, let version = PostgresMajorVersion(rawValue: Int(versionNumber)) else {
                throw IngestFault.unreadableState
            }
            shard = TimelineShard(
                tenant: tenant,
                timeline: timeline,
                identity: try ShardIdentity(bytes: identity),
                version: version
            )
            isImporting = try reader.readBool()
            initialLSN = LSN(try reader.read())
            lastRecordLSN = LSN(try reader.read())
            previousRecordLSN = LSN(try reader.read())
            backupStart = LSN(try reader.read())
            logicalBlocks = try reader.read()
            try reader.finish()
        } catch {
            throw .unreadableState
        }
    }
}

extension VersionedStore {
    /// The state record; nil in a store that was never written to.
    func shardState() throws(IngestFault) -> ShardState? {
        let bytes: [UInt8]?
        do throws(StoreError) {
            bytes = try readState()
        } catch {
            throw .store(error)
        }
        guard let bytes else { return nil }
        return try ShardState(decoding: bytes)
    }
}
