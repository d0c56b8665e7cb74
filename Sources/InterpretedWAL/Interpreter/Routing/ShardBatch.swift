internal import PostgresWAL
internal import ShardIdentity

/// The batch that is being put together for one shard: the protobuf form, written as records come.
///
/// Source: `wal-interpretation.md` §13.
struct ShardBatch: ~Copyable {
    let shard: ShardIdentity
    var buffer = OutputBuffer(minimumCapacity: 64 << 10)
    private(set) var recordCount = 0
    /// Where the content of the record added last begins in the buffer.
    private(set) var lastRecordStart = 0
    /// The serial number of the record added last, to tell whether that was this one.
    private(set) var lastSerial: UInt64 = 0

    /// Memory that is kept for the next batch; more than that is given back.
    static let keptCapacity = 4 << 20

    init(shard: ShardIdentity) {
        self.shard = shard
    }

    /// What a batch needs to know of a record, the same for all shards.
    struct Record: ~Escapable {
        let bytes: RawSpan
        /// The next record's start: the LSN of all values.
        let encodedNext: EncodedVarint
        let transactionID: UInt32
        let flushUncommitted: Bool
        let serial: UInt64
        /// One value for each block reference, in the record's order.
        let values: UnsafeBufferPointer<BlockValue>

        @_lifetime(copy record)
        init(
            _ record: borrowing WALRecord,
            flushUncommitted: Bool,
            serial: UInt64,
            values: UnsafeBufferPointer<BlockValue>
        ) {
            bytes = record.bytes
            encodedNext = EncodedVarint(record.next.rawValue)
            transactionID = record.transactionID
            self.flushUncommitted = flushUncommitted
            self.serial = serial
            self.values = values
        }
    }

    /// Sizes of a record's parts as this shard gets it.
    private struct Sizes {
        var raw = 0
        var metadata = 0
        var serializedCount = 0
    }

    /// Adds a record.
    ///
    /// - Parameters:
    ///   - record: the record, with the owner of each value set for this shard's group.
    ///   - metadata: the metadata record in bincode; nil for none.
    ///   - images: a page in its stored form for each value that is an image, one after the other.
    @inline(__always)
    mutating func append(_ record: borrowing Record, metadata: UnsafeRawBufferPointer?, images: RawSpan) {
        let sizes = sizes(of: record)
        let valuesSize =
            (sizes.raw > 0 ? ProtobufWriter.bytesFieldSize(sizes.raw) : 0) &+ sizes.metadata
            &+ ProtobufWriter.valuesTailSize(maxLSN: maxLSN(record, sizes), count: sizes.serializedCount)
        let recordSize =
            (metadata.map { ProtobufWriter.bytesFieldSize($0.count) } ?? 0)
            &+ ProtobufWriter.bytesFieldSize(valuesSize)
            &+ ProtobufWriter.recordTailSize(
                nextRecordLSN: record.encodedNext,
                flushUncommitted: record.flushUncommitted,
                xid: record.transactionID
            )
        buffer.reserve(ProtobufWriter.bytesFieldSize(recordSize) &+ ProtobufWriter.slack)

        var next = buffer.writePointer
        next = ProtobufWriter.writeHeader(ProtobufTag.Batch.records, length: recordSize, at: next)
        lastRecordStart = buffer.count &+ (next - buffer.writePointer)
        if let metadata {
            next = ProtobufWriter.writeHeader(ProtobufTag.Record.metadata, length: metadata.count, at: next)
            next.copyMemory(from: metadata.baseAddress!, byteCount: metadata.count)
            next += metadata.count
        }
        next = ProtobufWriter.writeHeader(ProtobufTag.Record.batch, length: valuesSize, at: next)
        if sizes.raw > 0 {
            next = ProtobufWriter.writeHeader(ProtobufTag.Values.raw, length: sizes.raw, at: next)
            next = writeRaw(record, images: images, at: next)
        }
        if sizes.metadata > 0 { next = writeMetadata(record, at: next) }
        next = ProtobufWriter.writeValuesTail(
            maxLSN: maxLSN(record, sizes),
            count: sizes.serializedCount,
            at: next
        )
        next = ProtobufWriter.writeRecordTail(
            nextRecordLSN: record.encodedNext,
            flushUncommitted: record.flushUncommitted,
            xid: record.transactionID,
            at: next
        )
        buffer.commit(upTo: next)
        recordCount &+= 1
        lastSerial = record.serial
    }

    /// Ends the batch: its bytes are the whole message then.
    mutating func finish(nextRecordLSN: LSN, rawWALStartLSN: LSN?) {
        buffer.appendBatchEnd(nextRecordLSN: nextRecordLSN, rawWALStartLSN: rawWALStartLSN)
    }

    /// Begins the next batch.
    mutating func removeAll() {
        buffer.removeAll(keepingCapacity: buffer.capacity <= Self.keptCapacity)
        recordCount = 0
        lastSerial = 0
    }
}

// MARK: - Values

extension ShardBatch {
    @inline(__always)
    private func maxLSN(_ record: borrowing Record, _ sizes: Sizes) -> EncodedVarint {
        sizes.serializedCount > 0 ? record.encodedNext : EncodedVarint(0)
    }

    /// Whether this shard counts blocks that it doesn't own.
    @inline(__always)
    private var observes: Bool { shard.number == .zero }

    @inline(__always)
    private func sizes(of record: borrowing Record) -> Sizes {
        var sizes = Sizes()
        for value in record.values {
            if value.owner == shard.number.rawValue {
                sizes.metadata &+= ProtobufWriter.serializedValueSize(
                    key: value.key,
                    lsn: record.encodedNext,
                    offset: sizes.raw,
                    length: value.length
                )
                sizes.raw &+= value.length
                sizes.serializedCount &+= 1
            } else if observes {
                sizes.metadata &+= ProtobufWriter.observedValueSize(key: value.key, lsn: record.encodedNext)
            }
        }
        return sizes
    }

    @inline(__always)
    private func writeRaw(
        _ record: borrowing Record,
        images: RawSpan,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var next = pointer
        var imageOffset = 0
        for value in record.values {
            let isOwn = value.owner == shard.number.rawValue
            if value.isImage {
                if isOwn {
                    images.extracting(imageOffset..<imageOffset + value.length).withUnsafeBytes {
                        next.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
                    }
                    next += value.length
                }
                imageOffset += value.length
            } else if isOwn {
                next = value.write(record: record.bytes, at: next)
            }
        }
        return next
    }

    @inline(__always)
    private func writeMetadata(
        _ record: borrowing Record,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var next = pointer
        var offset = 0
        for value in record.values {
            if value.owner == shard.number.rawValue {
                next = ProtobufWriter.writeSerializedValue(
                    key: value.key,
                    lsn: record.encodedNext,
                    offset: offset,
                    length: value.length,
                    willInit: value.willInit,
                    at: next
                )
                offset &+= value.length
            } else if observes {
                next = ProtobufWriter.writeObservedValue(key: value.key, lsn: record.encodedNext, at: next)
            }
        }
        return next
    }
}
