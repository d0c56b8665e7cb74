private import CLZ4
private import CZstd

/// A page image that does not give a page.
public struct BlockImageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The compression of the image; nil if it isn't compressed.
    public let compression: BlockImage.Compression?
    /// Bytes of the image in the record.
    public let length: Int
    /// Bytes that it should have given: the page without its hole.
    public let expected: Int

    /// What went wrong, with the lengths.
    public var description: String {
        let method = compression.map { " compressed with \($0)" } ?? ""
        return "a page image of \(length) bytes\(method) does not give the \(expected) bytes of the page"
    }
}

extension BlockImage {
    /// Restores the page: decompresses the image and puts the hole back.
    ///
    /// - Parameters:
    ///   - bytes: the image as it stands in the record.
    ///   - page: room for the 8192 bytes of the page; its content is undefined if this throws.
    /// - Throws: ``BlockImageError`` if the image is not of the declared lengths or its compressed form is broken.
    /// Source: `wal-decoding.md` §4, "Hole rule"; PostgreSQL's `RestoreBlockImage`.
    public func restore(from bytes: RawSpan, into page: inout MutableRawSpan) throws(BlockImageError) {
        let expected = RelationPage.size - Int(holeLength)
        let holeStart = Int(holeOffset)
        let error = BlockImageError(compression: compression, length: bytes.byteCount, expected: expected)
        guard page.byteCount == RelationPage.size, holeStart <= expected else { throw error }
        let isRestored = page.withUnsafeMutableBytes { page in
            let packed = UnsafeMutableRawBufferPointer(rebasing: page[..<expected])
            guard unpack(bytes, into: packed) else { return false }
            guard holeLength > 0, let start = page.baseAddress else { return true }
            let hole = start + holeStart
            let behind = expected - holeStart
            (hole + Int(holeLength)).copyMemory(from: hole, byteCount: behind)
            hole.initializeMemory(as: UInt8.self, repeating: 0, count: Int(holeLength))
            return true
        }
        if !isRestored { throw error }
    }

    private func unpack(_ bytes: RawSpan, into output: UnsafeMutableRawBufferPointer) -> Bool {
        switch compression {
        case nil:
            guard bytes.byteCount == output.count else { return false }
            bytes.withUnsafeBytes { output.copyMemory(from: $0) }
            return true
        case .pglz:
            return PGLZ.decompress(bytes, into: output)
        case .lz4:
            return bytes.withUnsafeBytes { input in
                LZ4_decompress_safe(
                    input.baseAddress,
                    output.baseAddress,
                    Int32(input.count),
                    Int32(output.count)
                ) == output.count
            }
        case .zstd:
            return bytes.withUnsafeBytes { input in
                ZSTD_decompress(output.baseAddress, output.count, input.baseAddress, input.count) == output.count
            }
        }
    }
}
