import CZstd
import Foundation
import PostgresWAL
import WALFiles

/// What zstd makes of raw WAL as one stream, with all that it has seen to refer to.
struct RawCompression {
    private(set) var bytes = 0
    private(set) var compressedBytes = 0

    /// How many times less it is.
    var factor: Double { Double(bytes) / Double(max(compressedBytes, 1)) }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Compresses a range of a folder's WAL.
    ///
    /// - Throws: what keeps the files from being read; if libzstd fails, what it says.
    init(_ directory: String, _ range: Range<LSN>, level: Int32) throws {
        guard let context = ZSTD_createCCtx() else { throw Failure(description: "no memory for zstd") }
        defer { ZSTD_freeCCtx(context) }
        _ = try Self.checked(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
        defer { room.deallocate() }
        var reader = WALFileReader(directory: try WALDirectory(path: directory), startingAt: range.lowerBound)
        while let chunk = try reader.next(before: range.upperBound) {
            bytes += chunk.byteCount
            compressedBytes += try chunk.withUnsafeBytes { try Self.compress($0, ZSTD_e_continue, context, room) }
        }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        compressedBytes += try Self.compress(nothing, ZSTD_e_end, context, room)
    }

    /// Gives how many bytes came out.
    private static func compress(
        _ bytes: UnsafeRawBufferPointer,
        _ operation: ZSTD_EndDirective,
        _ context: OpaquePointer,
        _ room: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var count = 0
        while true {
            var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
            let left = try checked(ZSTD_compressStream2(context, &output, &input, operation))
            count += output.pos
            if operation == ZSTD_e_end ? left == 0 : input.pos == input.size { return count }
        }
    }

    private static func checked(_ result: Int) throws -> Int {
        guard ZSTD_isError(result) == 0 else {
            throw Failure(description: "zstd: \(String(cString: ZSTD_getErrorName(result)))")
        }
        return result
    }
}
