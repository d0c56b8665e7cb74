/// Why a message cannot be compressed or decompressed.
///
/// Source: `wal-interpretation.md` §14.
public enum CompressionError: Error, Hashable, Sendable {
    /// The bytes do not start with a zstd frame.
    case notAFrame
    /// The bytes start with a zstd frame where no compression was agreed.
    case unexpectedFrame
    /// The frame is not complete.
    case truncatedFrame
    /// Bytes follow the frame.
    case trailingBytes(count: Int)
    /// The frame's content is larger than the limit, in bytes.
    case tooLarge(limit: Int)
    /// libzstd refuses the frame; its error code and text.
    case corrupt(code: UInt32, reason: String)
    /// libzstd could not compress; its error code and text.
    case compressor(code: UInt32, reason: String)
    /// libzstd got no memory for its state.
    case outOfMemory
}

extension CompressionError: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .notAFrame: "not a zstd frame"
        case .unexpectedFrame: "a zstd frame, though no compression was agreed"
        case .truncatedFrame: "zstd frame is truncated"
        case .trailingBytes(let count): "\(count) bytes after the zstd frame"
        case .tooLarge(let limit): "zstd frame holds more than \(limit) bytes"
        case .corrupt(let code, let reason): "zstd frame is corrupt: \(reason) (\(code))"
        case .compressor(let code, let reason): "zstd compression failed: \(reason) (\(code))"
        case .outOfMemory: "no memory for zstd's state"
        }
    }
}
