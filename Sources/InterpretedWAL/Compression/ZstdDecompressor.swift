internal import CZstd

/// Decompresses messages of one zstd frame each, up to a limit; its state is used again from message to message.
///
/// Memory follows the data, not what a header claims: the output grows, by doubling, as content appears, and content
/// beyond the limit is refused. Besides, libzstd holds the frame's window, which is as large as its header says and
/// never larger than allowed.
///
/// Source: `wal-interpretation.md` §14.
public struct ZstdDecompressor: ~Copyable {
    /// The default limit of a message, 256 MiB.
    public static let defaultLimit = 256 << 20
    /// The default limit of a frame's window as a power of two: 128 MiB, which every level stays within.
    public static let defaultWindowLogMax: Int32 = 27

    private let context: OpaquePointer
    /// The greatest content that is accepted, in bytes.
    public let limit: Int

    /// Makes a decompressor that accepts content of up to `limit` bytes and windows of up to 2^`windowLogMax` bytes.
    ///
    /// Throws ``CompressionError/outOfMemory``, or ``CompressionError/corrupt(code:reason:)`` if libzstd allows no such
    /// window (10 to 31 are allowed).
    public init(
        limit: Int = ZstdDecompressor.defaultLimit,
        windowLogMax: Int32 = ZstdDecompressor.defaultWindowLogMax
    ) throws(CompressionError) {
        precondition(limit >= 0 && limit < Int.max, "limit out of range")
        guard let context = ZSTD_createDCtx() else { throw .outOfMemory }
        do {
            try ZstdDecompressor.check(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLogMax))
        } catch {
            ZSTD_freeDCtx(context)
            throw error
        }
        self.context = context
        self.limit = limit
    }

    deinit {
        ZSTD_freeDCtx(context)
    }

    /// Appends the content of the one frame that takes up all of `bytes` to `output`, which is not cleared before.
    ///
    /// After an error `output` is as it was.
    public mutating func decompress(_ bytes: RawSpan, into output: inout OutputBuffer) throws(CompressionError) {
        let start = output.count
        do {
            try decompressFrame(bytes, into: &output)
        } catch {
            output.truncate(to: start)
            throw error
        }
    }

    private mutating func decompressFrame(
        _ bytes: RawSpan,
        into output: inout OutputBuffer
    ) throws(CompressionError) {
        try ZstdDecompressor.checkMagic(bytes)
        try ZstdDecompressor.check(ZSTD_DCtx_reset(context, ZSTD_reset_session_only))
        let start = output.count
        // A first guess from the data that is there; a warm output has room already.
        var step = min(bytes.byteCount, 1 << 19) * 2
        var consumed = 0
        while true {
            let written = output.count - start
            // One byte beyond the limit tells content that is too large from content that just fits.
            output.reserve(min(max(step, 1024), limit + 1 - written))
            let room = min(output.capacity - output.count, limit + 1 - written)
            let (pending, position) = decompressStep(bytes, from: consumed, into: &output, room: room)
            let hasRoomLeft = output.count - start - written < room
            consumed = position
            try ZstdDecompressor.check(pending)
            guard output.count - start <= limit else { throw .tooLarge(limit: limit) }
            if pending == 0 { break }
            // With room left, libzstd stopped because it has nothing more to read.
            guard !hasRoomLeft else { throw .truncatedFrame }
            step = output.count - start
        }
        guard consumed == bytes.byteCount else { throw .trailingBytes(count: bytes.byteCount - consumed) }
    }

    /// Runs libzstd once; gives its result and the position in the input, and moves the output on.
    private func decompressStep(
        _ bytes: RawSpan,
        from position: Int,
        into output: inout OutputBuffer,
        room: Int
    ) -> (result: Int, position: Int) {
        bytes.withUnsafeBytes { source in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: position)
            var destination = ZSTD_outBuffer(dst: output.writePointer, size: room, pos: 0)
            let result = ZSTD_decompressStream(context, &destination, &input)
            output.commit(upTo: output.writePointer + destination.pos)
            return (result, input.pos)
        }
    }

    /// Refuses what libzstd would take besides plain frames: skippable ones and, depending on its build, old formats.
    private static func checkMagic(_ bytes: RawSpan) throws(CompressionError) {
        guard bytes.byteCount >= 4 else { throw .truncatedFrame }
        guard startsFrame(bytes) else { throw .notAFrame }
    }

    /// Whether the bytes begin as a zstd frame does: `28 B5 2F FD`.
    private static func startsFrame(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount >= 4 else { return false }
        return UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)) == ZSTD_MAGICNUMBER
    }

    /// Refuses a frame where no compression was agreed.
    ///
    /// A frame without a checksum may look like fields that a protobuf parser does not know and passes over: a batch would
    /// be taken for an empty one. No message that was encoded is refused:
    ///
    /// - protobuf: encoders write fields by rising numbers, and the field `next_record_lsn` (2) is in every message. So the
    ///   first byte is the tag of a record (`0A`) or of that field (`10`). The frame's first byte is the tag of a field 5,
    ///   of which the schema's top level knows nothing, and a later schema's would stand behind.
    /// - bincode: the first eight bytes count the records. With the frame's they would be more than 2^61.
    ///
    /// Throws ``CompressionError/unexpectedFrame``.
    public static func refuseFrame(_ bytes: RawSpan) throws(CompressionError) {
        guard !startsFrame(bytes) else { throw .unexpectedFrame }
    }

    private static func check(_ result: Int) throws(CompressionError) {
        guard ZSTD_isError(result) == 0 else {
            throw .corrupt(
                code: UInt32(ZSTD_getErrorCode(result).rawValue),
                reason: String(cString: ZSTD_getErrorName(result))
            )
        }
    }
}

/// The decompressor is the only owner of its context, so it may move to another thread.
extension ZstdDecompressor: @unchecked Sendable {}
