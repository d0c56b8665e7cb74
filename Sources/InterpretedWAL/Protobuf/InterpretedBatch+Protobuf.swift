import PostgresWAL

extension InterpretedBatch {
    /// Appends the message in protobuf form.
    ///
    /// Source: `wal-interpretation.md` §13.
    public func encodeProtobuf(into buffer: inout OutputBuffer) {
        var metadata = OutputBuffer()
        for record in records {
            metadata.removeAll()
            record.metadata?.encode(into: &metadata)
            record.encodeProtobuf(metadata: metadata.bytes, into: &buffer)
        }
        buffer.reserve(
            ProtobufWriter.batchTailSize(nextRecordLSN: nextRecordLSN, rawWALStartLSN: rawWALStartLSN)
                + ProtobufWriter.slack
        )
        buffer.commit(
            upTo: ProtobufWriter.writeBatchTail(
                nextRecordLSN: nextRecordLSN,
                rawWALStartLSN: rawWALStartLSN,
                at: buffer.writePointer
            )
        )
    }
}

extension InterpretedRecord {
    /// Appends the record as a field of the message.
    ///
    /// `metadata` is the encoded metadata, empty if there is none.
    fileprivate func encodeProtobuf(metadata: RawSpan, into buffer: inout OutputBuffer) {
        let batchSize = batch.protobufSize
        let metadataSize = metadata.isEmpty ? 0 : ProtobufWriter.bytesFieldSize(metadata.byteCount)
        let tailSize = ProtobufWriter.recordTailSize(
            nextRecordLSN: EncodedVarint(nextRecordLSN.rawValue),
            flushUncommitted: flushUncommitted,
            xid: xid
        )
        let size = metadataSize + ProtobufWriter.bytesFieldSize(batchSize) + tailSize

        buffer.reserve(ProtobufWriter.bytesFieldSize(size) + ProtobufWriter.slack)
        buffer.append(header: ProtobufTag.Batch.records, length: size)
        if !metadata.isEmpty {
            buffer.append(header: ProtobufTag.Record.metadata, length: metadata.byteCount)
            buffer.append(metadata)
        }
        buffer.append(header: ProtobufTag.Record.batch, length: batchSize)
        batch.encodeProtobuf(into: &buffer)
        buffer.reserve(tailSize + ProtobufWriter.slack)
        buffer.commit(
            upTo: ProtobufWriter.writeRecordTail(
                nextRecordLSN: EncodedVarint(nextRecordLSN.rawValue),
                flushUncommitted: flushUncommitted,
                xid: xid,
                at: buffer.writePointer
            )
        )
    }
}

extension SerializedValueBatch {
    fileprivate var protobufSize: Int {
        let rawSize = rawBytes.isEmpty ? 0 : ProtobufWriter.bytesFieldSize(rawBytes.count)
        let metadataSize = metadata.reduce(0) { $0 + $1.protobufSize }
        return rawSize + metadataSize
            + ProtobufWriter.valuesTailSize(maxLSN: EncodedVarint(maxLSN.rawValue), count: count)
    }

    fileprivate func encodeProtobuf(into buffer: inout OutputBuffer) {
        if !rawBytes.isEmpty {
            buffer.append(header: ProtobufTag.Values.raw, length: rawBytes.count)
            buffer.append(rawBytes)
        }
        for value in metadata { value.encodeProtobuf(into: &buffer) }
        buffer.reserve(
            ProtobufWriter.valuesTailSize(maxLSN: EncodedVarint(maxLSN.rawValue), count: count) + ProtobufWriter.slack
        )
        buffer.commit(
            upTo: ProtobufWriter.writeValuesTail(
                maxLSN: EncodedVarint(maxLSN.rawValue),
                count: count,
                at: buffer.writePointer
            )
        )
    }
}

extension ValueMetadata {
    fileprivate var protobufSize: Int {
        switch self {
        case .serialized(let key, let lsn, let offset, let length, _):
            ProtobufWriter.serializedValueSize(
                key: EncodedKey(key),
                lsn: EncodedVarint(lsn.rawValue),
                offset: offset,
                length: length
            )
        case .observed(let key, let lsn):
            ProtobufWriter.observedValueSize(key: EncodedKey(key), lsn: EncodedVarint(lsn.rawValue))
        }
    }

    fileprivate func encodeProtobuf(into buffer: inout OutputBuffer) {
        buffer.reserve(protobufSize + ProtobufWriter.slack)
        let pointer = buffer.writePointer
        switch self {
        case .serialized(let key, let lsn, let offset, let length, let willInit):
            buffer.commit(
                upTo: ProtobufWriter.writeSerializedValue(
                    key: EncodedKey(key),
                    lsn: EncodedVarint(lsn.rawValue),
                    offset: offset,
                    length: length,
                    willInit: willInit,
                    at: pointer
                )
            )
        case .observed(let key, let lsn):
            buffer.commit(
                upTo: ProtobufWriter.writeObservedValue(
                    key: EncodedKey(key),
                    lsn: EncodedVarint(lsn.rawValue),
                    at: pointer
                )
            )
        }
    }
}

extension OutputBuffer {
    /// Appends the tag and the length of a field with content.
    fileprivate mutating func append(header tag: UInt64, length: Int) {
        reserve(1 + Varint.maximumSize)
        commit(upTo: ProtobufWriter.writeHeader(tag, length: length, at: writePointer))
    }
}
