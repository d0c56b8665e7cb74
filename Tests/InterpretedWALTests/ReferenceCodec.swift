import CInterpretedWALProto
import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// The protobuf form as libprotobuf-c reads and writes it: the codec that ours is compared with.
enum ReferenceCodec {
    /// Encodes a message.
    ///
    /// The presence flags are set as proto3 demands: fields without presence only when not zero.
    static func encode(_ batch: InterpretedBatch) -> [UInt8] {
        let arena = Arena()
        defer { arena.free() }
        var message = InterpretedWal__InterpretedWalRecords()
        interpreted_wal__interpreted_wal_records__init(&message)
        let records = batch.records.map { Optional(arena.record($0)) }
        message.n_records = records.count
        message.records = arena.array(records)
        message.has_next_record_lsn = 1
        message.next_record_lsn = batch.nextRecordLSN.rawValue
        if let start = batch.rawWALStartLSN {
            message.has_raw_wal_start_lsn = 1
            message.raw_wal_start_lsn = start.rawValue
        }
        let size = interpreted_wal__interpreted_wal_records__get_packed_size(&message)
        return [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
            count = interpreted_wal__interpreted_wal_records__pack(&message, bytes.baseAddress)
        }
    }

    /// Decodes a message; nil if libprotobuf-c refuses it or something that has to be there is not.
    static func decode(_ bytes: [UInt8]) throws -> InterpretedBatch? {
        guard let message = interpreted_wal__interpreted_wal_records__unpack(nil, bytes.count, bytes) else {
            return nil
        }
        defer { interpreted_wal__interpreted_wal_records__free_unpacked(message, nil) }
        guard message.pointee.has_next_record_lsn != 0 else { return nil }
        var batch = InterpretedBatch(nextRecordLSN: LSN(message.pointee.next_record_lsn))
        if message.pointee.has_raw_wal_start_lsn != 0 {
            batch.rawWALStartLSN = LSN(message.pointee.raw_wal_start_lsn)
        }
        for index in 0..<message.pointee.n_records {
            guard let record = message.pointee.records[index], let values = record.pointee.batch else { return nil }
            batch.records.append(try decode(record.pointee, values: values.pointee))
        }
        return batch
    }

    private static func decode(
        _ record: InterpretedWal__InterpretedWalRecord,
        values: InterpretedWal__SerializedValueBatch
    ) throws -> InterpretedRecord {
        var metadata: MetadataRecord?
        if record.has_metadata_record != 0 { metadata = try MetadataRecord(decoding: array(record.metadata_record)) }
        let entries = (0..<values.n_metadata).compactMap { values.metadata[$0].map { decode($0.pointee) } }
        return InterpretedRecord(
            metadata: metadata,
            batch: SerializedValueBatch(
                rawBytes: array(values.raw),
                metadata: entries,
                maxLSN: LSN(values.max_lsn),
                count: Int(values.len)
            ),
            nextRecordLSN: LSN(record.next_record_lsn),
            flushUncommitted: record.flush_uncommitted != 0,
            xid: record.xid
        )
    }

    private static func decode(_ value: InterpretedWal__ValueMeta) -> ValueMetadata {
        let key = CompactKey(high: value.key.pointee.high, low: value.key.pointee.low)
        let lsn = LSN(value.lsn)
        guard value.type == INTERPRETED_WAL__VALUE_META_TYPE__SERIALIZED else { return .observed(key: key, lsn: lsn) }
        return .serialized(
            key: key,
            lsn: lsn,
            offset: Int(value.batch_offset),
            length: Int(value.len),
            willInit: value.will_init != 0
        )
    }

    private static func array(_ data: ProtobufCBinaryData) -> [UInt8] {
        [UInt8](UnsafeBufferPointer(start: data.data, count: data.len))
    }
}

/// Owns the C structures of one message while it is packed.
private final class Arena {
    private var allocations: [UnsafeMutableRawPointer] = []

    func free() {
        for allocation in allocations { allocation.deallocate() }
    }

    func array<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let pointer = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        pointer.initialize(from: elements, count: elements.count)
        allocations.append(pointer)
        return pointer
    }

    func single<Element>(_ element: Element) -> UnsafeMutablePointer<Element> {
        array([element])
    }

    func data(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        ProtobufCBinaryData(len: bytes.count, data: array(bytes))
    }

    func record(_ record: InterpretedRecord) -> UnsafeMutablePointer<InterpretedWal__InterpretedWalRecord> {
        var message = InterpretedWal__InterpretedWalRecord()
        interpreted_wal__interpreted_wal_record__init(&message)
        if let metadata = record.metadata {
            message.has_metadata_record = 1
            message.metadata_record = data(metadata.encoded())
        }
        message.batch = single(values(record.batch))
        message.next_record_lsn = record.nextRecordLSN.rawValue
        message.has_next_record_lsn = record.nextRecordLSN.rawValue == 0 ? 0 : 1
        message.flush_uncommitted = record.flushUncommitted ? 1 : 0
        message.has_flush_uncommitted = record.flushUncommitted ? 1 : 0
        message.xid = record.xid
        message.has_xid = record.xid == 0 ? 0 : 1
        return single(message)
    }

    private func values(_ batch: SerializedValueBatch) -> InterpretedWal__SerializedValueBatch {
        var message = InterpretedWal__SerializedValueBatch()
        interpreted_wal__serialized_value_batch__init(&message)
        message.raw = data(batch.rawBytes)
        message.has_raw = batch.rawBytes.isEmpty ? 0 : 1
        let entries = batch.metadata.map { Optional(single(value($0))) }
        message.n_metadata = entries.count
        message.metadata = array(entries)
        message.max_lsn = batch.maxLSN.rawValue
        message.has_max_lsn = batch.maxLSN.rawValue == 0 ? 0 : 1
        message.len = UInt64(batch.count)
        message.has_len = batch.count == 0 ? 0 : 1
        return message
    }

    private func value(_ value: ValueMetadata) -> InterpretedWal__ValueMeta {
        var message = InterpretedWal__ValueMeta()
        interpreted_wal__value_meta__init(&message)
        message.key = single(key(value.key))
        message.lsn = value.lsn.rawValue
        message.has_lsn = value.lsn.rawValue == 0 ? 0 : 1
        switch value {
        case .serialized(_, _, let offset, let length, let willInit):
            message.has_batch_offset = 1
            message.batch_offset = UInt64(offset)
            message.has_len = 1
            message.len = UInt64(length)
            message.has_will_init = 1
            message.will_init = willInit ? 1 : 0
        case .observed:
            message.has_type = 1
            message.type = INTERPRETED_WAL__VALUE_META_TYPE__OBSERVED
        }
        return message
    }

    private func key(_ key: CompactKey) -> InterpretedWal__CompactKey {
        var message = InterpretedWal__CompactKey()
        interpreted_wal__compact_key__init(&message)
        message.high = key.high
        message.has_high = key.high == 0 ? 0 : 1
        message.low = key.low
        message.has_low = key.low == 0 ? 0 : 1
        return message
    }
}
