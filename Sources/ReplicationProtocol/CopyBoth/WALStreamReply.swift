public import InterpretedWAL
public import PostgresWAL

/// How far a standby has got, `r`.
///
/// Source: `replication-protocol.md` §4.5.
public struct StandbyStatus: Hashable, Sendable {
    /// How far WAL has been written.
    public var write: LSN
    /// How far WAL is durable.
    public var flush: LSN
    /// How far WAL has been replayed.
    public var apply: LSN
    /// When it was sent.
    public var time: PostgresTimestamp
    /// Whether an answer is wanted; a safekeeper never gives one.
    public var replyRequested: Bool

    /// Makes a status.
    public init(write: LSN, flush: LSN, apply: LSN, time: PostgresTimestamp, replyRequested: Bool = false) {
        self.write = write
        self.flush = flush
        self.apply = apply
        self.time = time
        self.replyRequested = replyRequested
    }
}

/// A reply of a WAL stream's receiver.
///
/// Source: `replication-protocol.md` §4.4 to §4.6.
public enum WALStreamReply: Hashable, Sendable {
    /// Progress of a pageserver shard, `z`.
    case pageserverFeedback(PageserverFeedback)
    /// Progress of a standby, `r`.
    case standbyStatus(StandbyStatus)
    /// What a hot standby still needs, `h`.
    case hotStandbyFeedback(StandbyHorizons)
    /// Something else, which a safekeeper passes over: its tag, nil for an empty message.
    case ignored(tag: UInt8?)
}

// MARK: - Decoding

extension WALStreamReply {
    /// Decodes the payload of one CopyData.
    ///
    /// Throws only ``WALStreamMessageError/invalidField(tag:_:)``: what is unknown is ``ignored(tag:)``.
    public init(decoding bytes: RawSpan) throws(WALStreamMessageError) {
        guard bytes.byteCount > 0 else {
            self = .ignored(tag: nil)
            return
        }
        let tag = bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        var reader = WireReader(bytes, offset: 1)
        do {
            switch tag {
            case UInt8(ascii: "z"):
                // The size of the rest, which nobody checks.
                try reader.skip(8, "length")
                self = .pageserverFeedback(try PageserverFeedback(from: &reader))
            case UInt8(ascii: "r"): self = .standbyStatus(try StandbyStatus(from: &reader))
            case UInt8(ascii: "h"): self = .hotStandbyFeedback(try StandbyHorizons(from: &reader))
            default: self = .ignored(tag: tag)
            }
        } catch {
            throw .invalidField(tag: tag, error)
        }
    }
}

extension StandbyStatus {
    fileprivate init(from reader: inout WireReader) throws(FieldFault) {
        write = try reader.readLSN("write")
        flush = try reader.readLSN("flush")
        apply = try reader.readLSN("apply")
        time = PostgresTimestamp(microseconds: try reader.read("time"))
        replyRequested = try reader.readFlag("reply requested")
        try reader.finish(after: "reply requested")
    }
}

extension StandbyHorizons {
    /// Reads the form of `h`: each id is followed by its epoch.
    fileprivate init(from reader: inout WireReader) throws(FieldFault) {
        time = PostgresTimestamp(microseconds: try reader.read("time"))
        xmin = try reader.readFullTransactionID("xmin")
        catalogXmin = try reader.readFullTransactionID("catalog xmin")
        try reader.finish(after: "catalog xmin")
    }
}

extension WireReader {
    fileprivate mutating func readFullTransactionID(_ field: StaticString) throws(FieldFault) -> UInt64 {
        let id: UInt32 = try read(field)
        let epoch: UInt32 = try read(field)
        return UInt64(epoch) << 32 | UInt64(id)
    }
}

// MARK: - Encoding

extension WALStreamReply {
    /// Appends the message; nothing for ``ignored(tag:)``, which has no form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .pageserverFeedback(let feedback):
            buffer.append(UInt8(ascii: "z"))
            var pairs = OutputBuffer(minimumCapacity: 192)
            feedback.encode(into: &pairs)
            buffer.append(bigEndian: UInt64(pairs.count))
            buffer.append(pairs.bytes)
        case .standbyStatus(let status):
            buffer.append(UInt8(ascii: "r"))
            for lsn in [status.write, status.flush, status.apply] { buffer.append(bigEndian: lsn.rawValue) }
            buffer.append(bigEndian: status.time.microseconds)
            buffer.append(status.replyRequested ? 1 : 0)
        case .hotStandbyFeedback(let horizons):
            buffer.append(UInt8(ascii: "h"))
            buffer.append(bigEndian: horizons.time.microseconds)
            for id in [horizons.xmin, horizons.catalogXmin] {
                buffer.append(bigEndian: UInt32(truncatingIfNeeded: id))
                buffer.append(bigEndian: UInt32(id >> 32))
            }
        case .ignored:
            break
        }
    }
}
