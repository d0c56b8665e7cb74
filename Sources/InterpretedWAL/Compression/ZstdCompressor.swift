internal import CZstd

/// Compresses messages with zstd, each into one frame; its tables are used again from message to message.
///
/// Frames are those of the reference, without content size and dictionary. A sender may have them end with a checksum
/// besides: every decoder verifies it without being asked, so a bit that is flipped on the way is found, where the
/// reference would store it. Records have no checksum of their own any more once they are interpreted.
///
/// Source: `wal-interpretation.md` §14.
public struct ZstdCompressor: ~Copyable {
    private let context: OpaquePointer
    /// The level in use: the one asked for, within libzstd's limits.
    public let level: Int32

    /// Makes a compressor.
    ///
    /// - Parameters:
    ///   - level: the level, which is clamped to what libzstd allows.
    ///   - checksums: whether frames end with a checksum, of 4 bytes.
    /// - Throws: ``CompressionError/outOfMemory``, or ``CompressionError/compressor(code:reason:)``.
    public init(level: Int8, checksums: Bool = false) throws(CompressionError) {
        let clamped = min(max(Int32(level), ZSTD_minCLevel()), ZSTD_maxCLevel())
        guard let context = ZSTD_createCCtx() else { throw .outOfMemory }
        do {
            try ZstdCompressor.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, clamped))
            try ZstdCompressor.check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksums ? 1 : 0))
        } catch {
            ZSTD_freeCCtx(context)
            throw error
        }
        self.context = context
        self.level = clamped
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    /// Appends one frame with `bytes` to `output`, which is not cleared before.
    ///
    /// After an error `output` is as it was. Throws ``CompressionError/compressor(code:reason:)``.
    public mutating func compress(_ bytes: RawSpan, into output: inout OutputBuffer) throws(CompressionError) {
        try ZstdCompressor.check(ZSTD_CCtx_reset(context, ZSTD_reset_session_only))
        output.reserve(ZSTD_compressBound(bytes.byteCount))
        let result = bytes.withUnsafeBytes { source in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            var room = ZSTD_outBuffer(dst: output.writePointer, size: output.capacity - output.count, pos: 0)
            // Told the end at once, libzstd would write the content size into the header.
            let continued = ZSTD_compressStream2(context, &room, &input, ZSTD_e_continue)
            guard ZSTD_isError(continued) == 0 else { return continued }
            let left = ZSTD_compressStream2(context, &room, &input, ZSTD_e_end)
            guard ZSTD_isError(left) == 0 else { return left }
            precondition(left == 0 && input.pos == input.size, "zstd frame beyond its bound")
            return room.pos
        }
        try ZstdCompressor.check(result)
        output.commit(upTo: output.writePointer + result)
    }

    private static func check(_ result: Int) throws(CompressionError) {
        guard ZSTD_isError(result) == 0 else {
            throw .compressor(
                code: UInt32(ZSTD_getErrorCode(result).rawValue),
                reason: String(cString: ZSTD_getErrorName(result))
            )
        }
    }
}

/// The compressor is the only owner of its context, so it may move to another thread.
extension ZstdCompressor: @unchecked Sendable {}
