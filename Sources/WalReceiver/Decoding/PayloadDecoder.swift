internal import InterpretedWAL
package import PostgresWAL
package import ReplicationProtocol
internal import ShardIdentity

/// Makes of a stream's payloads the messages that a sink takes; its buffers are used again.
///
/// Raw WAL is interpreted here by what a safekeeper uses, so a sink sees the same records either way.
package struct PayloadDecoder: ~Copyable {
    private var records: RecordsDecoder?
    private var wal: RawDecoder?
    private var output = OutputBuffer()

    /// What an empty buffer keeps for the next message: 4 MiB.
    private static let keptCapacity = 4 << 20

    /// - Parameters:
    ///   - selection: how WAL comes.
    ///   - target: what is received.
    ///   - start: where raw WAL begins.
    /// - Throws: ``DecodingFault`` if there is no memory, or no record can start there.
    package init(_ selection: WALReceiverProtocol, _ target: ReceiverTarget, startingAt start: LSN)
        throws(DecodingFault)
    {
        switch selection {
        case .interpreted(let format): records = try RecordsDecoder(format)
        case .vanilla: wal = try RawDecoder(target, startingAt: start)
        }
    }

    /// The message that was decoded last, in protobuf form.
    package var message: RawSpan {
        @_lifetime(borrow self)
        get { output.bytes }
    }

    /// Decodes a payload.
    ///
    /// - Returns: what is known of ``message``; nil if raw WAL has completed no record.
    package mutating func decode(_ payload: RawSpan) throws(DecodingFault) -> BatchFacts? {
        output.removeAll(keepingCapacity: output.capacity <= Self.keptCapacity)
        if records != nil {
            try records?.decode(payload, into: &output)
        } else {
            guard try wal?.decode(payload, into: &output) ?? false else { return nil }
        }
        do throws(WireError) {
            let parser = try InterpretedBatchParser(output.bytes)
            return BatchFacts(
                rawStart: parser.rawWALStartLSN,
                nextRecord: parser.nextRecordLSN,
                recordCount: parser.recordCount
            )
        } catch {
            throw .records(error)
        }
    }
}

/// Decompresses interpreted records, and brings them into protobuf form.
private struct RecordsDecoder: ~Copyable {
    private let format: InterpretedFormat
    private var decompressor: ZstdDecompressor?

    init(_ wire: WireFormat) throws(DecodingFault) {
        format = wire.format
        guard wire.compression != nil else { return }
        do throws(CompressionError) {
            decompressor = try ZstdDecompressor()
        } catch {
            throw .records(.compression(error))
        }
    }

    mutating func decode(_ payload: RawSpan, into output: inout OutputBuffer) throws(DecodingFault) {
        do throws(WireError) {
            switch format {
            case .protobuf: try decompress(payload, into: &output)
            case .bincode:
                var plain = OutputBuffer()
                try decompress(payload, into: &plain)
                try InterpretedBatch(bincode: plain.bytes).encodeProtobuf(into: &output)
            }
        } catch {
            throw .records(error)
        }
    }

    private mutating func decompress(_ payload: RawSpan, into output: inout OutputBuffer) throws(WireError) {
        do throws(CompressionError) {
            if decompressor == nil {
                try ZstdDecompressor.refuseFrame(payload)
                output.append(payload)
            } else {
                try decompressor?.decompress(payload, into: &output)
            }
        } catch {
            throw .compression(error)
        }
    }
}

/// Decodes and interprets raw WAL for one shard.
private struct RawDecoder: ~Copyable {
    private var decoder: WALStreamDecoder
    private var parsed: ParsedRecord
    private var batcher: ChunkBatcher

    init(_ target: ReceiverTarget, startingAt start: LSN) throws(DecodingFault) {
        do throws(WALDecodeError) {
            decoder = try WALStreamDecoder(version: target.version, startingAt: start)
        } catch {
            throw .wal(error)
        }
        parsed = ParsedRecord(version: target.version)
        batcher = ChunkBatcher(version: target.version, shards: [target.identity], startingAt: start)
    }

    /// Gives whether a record was completed.
    mutating func decode(_ payload: RawSpan, into output: inout OutputBuffer) throws(DecodingFault) -> Bool {
        var input = payload
        while try Self.takeRecord(&input, &decoder, &parsed, &batcher) {}
        var isComplete = false
        batcher.endChunk { _, message, _ in
            output.append(message)
            isComplete = true
        }
        return isComplete
    }

    private static func takeRecord(
        _ input: inout RawSpan,
        _ decoder: inout WALStreamDecoder,
        _ parsed: inout ParsedRecord,
        _ batcher: inout ChunkBatcher
    ) throws(DecodingFault) -> Bool {
        var failure: InterpretationError?
        do throws(WALDecodeError) {
            guard let record = try decoder.next(&input) else { return false }
            try parsed.parse(record)
            do throws(InterpretationError) {
                try batcher.add(record, parsed)
            } catch {
                failure = error
            }
        } catch {
            throw .wal(error)
        }
        if let failure { throw .meaning(failure) }
        return true
    }
}
