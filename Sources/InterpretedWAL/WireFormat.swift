/// How the records of a message are laid out.
///
/// Source: `wal-interpretation.md` §12 and §13.
public enum InterpretedFormat: String, Hashable, Sendable, CaseIterable {
    /// The older form, one fixed layout per version.
    case bincode
    /// The form used in production.
    case protobuf
}

/// How a whole encoded message is compressed.
///
/// Source: `wal-interpretation.md` §14.
public enum InterpretedCompression: Hashable, Sendable {
    /// One zstd frame; production uses level 1.
    case zstd(level: Int8)
}

/// The form of the messages of one connection, as its start options name it.
///
/// ``encode(_:)`` and ``decode(_:limit:)-([UInt8],_)`` are for tools, tests and cold paths; each makes its own
/// compression state.
public struct WireFormat: Hashable, Sendable {
    /// The layout.
    public var format: InterpretedFormat
    /// The compression, if any.
    ///
    /// A receiver goes by what it has asked for, not by what the bytes look like.
    public var compression: InterpretedCompression?

    /// Makes a form of its two parts.
    public init(format: InterpretedFormat, compression: InterpretedCompression? = nil) {
        self.format = format
        self.compression = compression
    }

    /// Encodes a message.
    ///
    /// Throws ``WireError/compression(_:)``.
    public func encode(_ batch: InterpretedBatch) throws(WireError) -> [UInt8] {
        var plain = OutputBuffer()
        switch format {
        case .bincode: batch.encodeBincode(into: &plain)
        case .protobuf: batch.encodeProtobuf(into: &plain)
        }
        switch compression {
        case nil:
            return plain.array
        case .zstd(let level):
            var compressed = OutputBuffer()
            do {
                var compressor = try ZstdCompressor(level: level)
                try compressor.compress(plain.bytes, into: &compressed)
            } catch {
                throw .compression(error)
            }
            return compressed.array
        }
    }

    /// Decodes a message that takes up all of `bytes` and is not larger than `limit` bytes when decompressed.
    public func decode(
        _ bytes: RawSpan,
        limit: Int = ZstdDecompressor.defaultLimit
    ) throws(WireError) -> InterpretedBatch {
        switch compression {
        case nil:
            do {
                try ZstdDecompressor.refuseFrame(bytes)
            } catch {
                throw .compression(error)
            }
            return try decodePlain(bytes)
        case .zstd:
            var plain = OutputBuffer()
            do {
                var decompressor = try ZstdDecompressor(limit: limit)
                try decompressor.decompress(bytes, into: &plain)
            } catch {
                throw .compression(error)
            }
            return try decodePlain(plain.bytes)
        }
    }

    /// Decodes a message that takes up all of `bytes` and is not larger than `limit` bytes when decompressed.
    public func decode(
        _ bytes: [UInt8],
        limit: Int = ZstdDecompressor.defaultLimit
    ) throws(WireError) -> InterpretedBatch {
        try decode(bytes.span.bytes, limit: limit)
    }

    private func decodePlain(_ bytes: RawSpan) throws(WireError) -> InterpretedBatch {
        switch format {
        case .bincode: try InterpretedBatch(bincode: bytes)
        case .protobuf: try InterpretedBatch(protobuf: bytes)
        }
    }
}
