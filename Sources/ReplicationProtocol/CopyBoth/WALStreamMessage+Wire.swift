public import InterpretedWAL
import PostgresWAL

extension WALStreamMessage {
    /// Decodes the payload of one CopyData.
    public init(decoding bytes: RawSpan) throws(WALStreamMessageError) {
        guard bytes.byteCount > 0 else { throw .empty }
        let tag = bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        var reader = WireReader(bytes, offset: 1)
        guard let message = try Self.fields(of: tag, from: &reader) else { throw .unknownTag(tag) }
        self = message
    }

    private static func fields(
        of tag: UInt8,
        from reader: inout WireReader
    ) throws(WALStreamMessageError) -> WALStreamMessage? {
        do {
            switch tag {
            case UInt8(ascii: "w"): return .xLogData(try XLogDataHeader(from: &reader))
            case UInt8(ascii: "k"): return .keepAlive(try KeepAlive(from: &reader))
            case UInt8(ascii: "0"): return .interpretedRecords(try InterpretedRecordsHeader(from: &reader))
            default: return nil
            }
        } catch {
            throw .invalidField(tag: tag, error)
        }
    }
}

extension XLogDataHeader {
    fileprivate init(from reader: inout WireReader) throws(FieldFault) {
        start = try reader.readLSN("wal_start")
        walEnd = try reader.readLSN("wal_end")
        time = PostgresTimestamp(microseconds: try reader.read("time"))
    }

    /// Appends what precedes the WAL.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(UInt8(ascii: "w"))
        buffer.append(bigEndian: start.rawValue)
        buffer.append(bigEndian: walEnd.rawValue)
        buffer.append(bigEndian: time.microseconds)
    }
}

extension KeepAlive {
    fileprivate init(from reader: inout WireReader) throws(FieldFault) {
        walEnd = try reader.readLSN("wal_end")
        time = PostgresTimestamp(microseconds: try reader.read("time"))
        let reply: UInt8 = try reader.read("reply requested")
        replyRequested = reply != 0
        try reader.finish(after: "reply requested")
    }

    /// Appends the message.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(UInt8(ascii: "k"))
        buffer.append(bigEndian: walEnd.rawValue)
        buffer.append(bigEndian: time.microseconds)
        buffer.append(replyRequested ? 1 : 0)
    }
}

extension InterpretedRecordsHeader {
    fileprivate init(from reader: inout WireReader) throws(FieldFault) {
        streaming = try reader.readLSN("streaming_lsn")
        commit = try reader.readLSN("commit_lsn")
    }

    /// Appends what precedes the records.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(UInt8(ascii: "0"))
        buffer.append(bigEndian: streaming.rawValue)
        buffer.append(bigEndian: commit.rawValue)
    }
}
