import PostgresWAL
public import ShardIdentity

extension InterpretedBatch {
    /// Appends the message in bincode form, in the current version.
    ///
    /// Source: `wal-interpretation.md` §12.
    public func encodeBincode(into buffer: inout OutputBuffer) {
        buffer.append(sequence: records)
        buffer.append(bigEndian: nextRecordLSN.rawValue)
        buffer.append(optional: rawWALStartLSN?.rawValue)
    }

    /// Decodes a message in bincode form that takes up all of `bytes`.
    ///
    /// Throws ``WireError/bincode(_:)`` for bytes that are no such message, ``WireError/missingField(_:)`` if the next
    /// record LSN is absent, and the errors of the checks on values, which are those of the protobuf form.
    public init(bincode bytes: RawSpan, version: BincodeBatchVersion = .current) throws(WireError) {
        let next: LSN?
        do {
            var reader = BincodeReader(bytes)
            records = try reader.readSequence(minimumElementSize: InterpretedRecord.minimumEncodedSize)
            rawWALStartLSN = nil
            switch version {
            case .current:
                next = LSN(try reader.read())
                rawWALStartLSN = try reader.readOptionalUInt64().map { LSN($0) }
            case .optionalNextRecordLSN:
                next = try reader.readOptionalUInt64().map { LSN($0) }
            case .recordsOnly(let headerLSN):
                next = headerLSN
            }
            try reader.finish()
        } catch {
            throw .bincode(error)
        }
        guard let next else { throw .missingField(.nextRecordLSN) }
        nextRecordLSN = next
        for record in records { try record.batch.validate() }
    }
}

// MARK: - Records

extension InterpretedRecord: BincodeCodable {
    /// The bytes of an empty record.
    package static let minimumEncodedSize = 49

    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(bool: metadata != nil)
        metadata?.encode(into: &buffer)
        batch.encode(into: &buffer)
        buffer.append(bigEndian: nextRecordLSN.rawValue)
        // An enum with yes first, not a bool.
        buffer.append(variant: flushUncommitted ? 0 : 1)
        buffer.append(bigEndian: xid)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        self.init(
            metadata: try reader.readBool() ? try MetadataRecord(from: &reader) : nil,
            batch: try SerializedValueBatch(from: &reader),
            nextRecordLSN: LSN(try reader.read()),
            flushUncommitted: try InterpretedRecord.readFlush(from: &reader),
            xid: try reader.read()
        )
    }

    private static func readFlush(from reader: inout BincodeReader) throws(BincodeError) -> Bool {
        switch try reader.readVariant() {
        case 0: return true
        case 1: return false
        case let other: throw .unknownVariant(path: "FlushUncommittedRecords", value: other)
        }
    }
}

extension SerializedValueBatch: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(byteString: rawBytes)
        buffer.append(sequence: metadata)
        buffer.append(bigEndian: maxLSN.rawValue)
        buffer.append(bigEndian: UInt64(count))
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        let rawBytes = try reader.readByteString()
        let metadata: [ValueMetadata] = try reader.readSequence(minimumElementSize: ValueMetadata.minimumEncodedSize)
        let maxLSN = LSN(try reader.read())
        let count = try reader.readSize()
        self.init(rawBytes: rawBytes, metadata: metadata, maxLSN: maxLSN, count: count)
    }

    /// Checks that every value lies in the raw bytes and that ``count`` is the number of serialized ones.
    func validate() throws(WireError) {
        var found = 0
        for case .serialized(_, let lsn, let offset, let length, _) in metadata {
            found += 1
            guard offset <= rawBytes.count, length <= rawBytes.count - offset else {
                throw .valueOutOfBounds(
                    lsn: lsn,
                    offset: UInt64(offset),
                    length: UInt64(length),
                    rawSize: rawBytes.count
                )
            }
        }
        guard found == count else { throw .valueCountMismatch(declared: UInt64(count), found: found) }
    }
}

extension ValueMetadata: BincodeCodable {
    /// The bytes of an observed value's entry, the smaller kind.
    package static let minimumEncodedSize = 28

    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .serialized(let key, let lsn, let offset, let length, let willInit):
            buffer.append(variant: 0)
            key.encode(into: &buffer)
            buffer.append(bigEndian: lsn.rawValue)
            buffer.append(bigEndian: UInt64(offset))
            buffer.append(bigEndian: UInt64(length))
            buffer.append(bool: willInit)
        case .observed(let key, let lsn):
            buffer.append(variant: 1)
            key.encode(into: &buffer)
            buffer.append(bigEndian: lsn.rawValue)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .serialized(
                key: try CompactKey(from: &reader),
                lsn: LSN(try reader.read()),
                offset: try reader.readSize(),
                length: try reader.readSize(),
                willInit: try reader.readBool()
            )
        case 1:
            self = .observed(key: try CompactKey(from: &reader), lsn: LSN(try reader.read()))
        case let other:
            throw .unknownVariant(path: "ValueMeta", value: other)
        }
    }
}

extension CompactKey: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(bigEndian: high)
        buffer.append(bigEndian: low)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        self.init(high: try reader.read(), low: try reader.read())
    }
}
