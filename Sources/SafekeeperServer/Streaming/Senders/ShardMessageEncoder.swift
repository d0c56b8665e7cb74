internal import InterpretedWAL
internal import NIOCore
internal import ReplicationProtocol

/// Makes a connection's messages of batches: in its form, compressed if it wants; state and buffers are used again.
///
/// Source: `replication-protocol.md` §4.3.
struct ShardMessageEncoder: ~Copyable {
    /// Memory that is kept for the next message; more than that is given back.
    private static let keptCapacity = 1 << 20

    private let format: InterpretedFormat
    private var compressor: ZstdCompressor?
    private var plain = OutputBuffer(minimumCapacity: 64 << 10)
    private var output = OutputBuffer(minimumCapacity: 64 << 10)

    /// Throws ``ShardMessageError`` if there is no compressor.
    init(_ form: WireFormat) throws(ShardMessageError) {
        format = form.format
        guard case .zstd(let level) = form.compression else { return }
        do throws(CompressionError) {
            compressor = try ZstdCompressor(level: level, checksums: true)
        } catch {
            throw .compression(error)
        }
    }

    /// The payload of a CopyData: messages that follow one another, at least one, as one.
    mutating func encode(_ messages: [ShardMessage]) throws(ShardMessageError) -> ByteBuffer {
        guard let last = messages.last else { preconditionFailure("nothing to encode") }
        output.removeAll(keepingCapacity: output.capacity <= Self.keptCapacity)
        plain.removeAll(keepingCapacity: plain.capacity <= Self.keptCapacity)
        InterpretedRecordsHeader(streaming: last.positions.streaming, commit: last.positions.available)
            .encode(into: &output)
        messages.appendPlain(to: &plain)
        if format == .bincode { try translate() }
        try Self.compress(plain, with: &compressor, into: &output)
        return output.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }

    private static func compress(
        _ plain: borrowing OutputBuffer,
        with compressor: inout ZstdCompressor?,
        into output: inout OutputBuffer
    ) throws(ShardMessageError) {
        guard compressor != nil else { return output.append(plain.bytes) }
        do throws(CompressionError) {
            try compressor?.compress(plain.bytes, into: &output)
        } catch {
            throw .compression(error)
        }
    }

    /// The older form is made of objects: nobody in production asks for it.
    private mutating func translate() throws(ShardMessageError) {
        do throws(WireError) {
            let batch = try InterpretedBatch(protobuf: plain.bytes)
            plain.removeAll()
            batch.encodeBincode(into: &plain)
        } catch {
            throw .translation(error)
        }
    }
}

/// Why a message can't be made.
enum ShardMessageError: Error, Hashable, CustomStringConvertible {
    case compression(CompressionError)
    case translation(WireError)

    /// The text for the client.
    var description: String {
        switch self {
        case .compression(let error): "Failed to serialize interpreted WAL: \(error)"
        case .translation(let error): "Failed to serialize interpreted WAL: \(error)"
        }
    }
}
