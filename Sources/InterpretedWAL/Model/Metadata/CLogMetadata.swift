/// What a CLOG record says: pages of the commit log.
///
/// Source: `wal-interpretation.md` §3.5 and §11 (Clog).
public enum CLogMetadata: Hashable, Sendable {
    /// A page was started: its segment, and its number in the segment (0 to 31).
    case zeroPage(segment: UInt32, page: UInt32)
    /// Everything before a page was removed; the page number counts from the log's start.
    case truncate(page: UInt32, oldestXID: UInt32, oldestXIDDatabase: UInt32)
}

// MARK: - Bincode

extension CLogMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .zeroPage(let segment, let page):
            buffer.append(variant: 0)
            buffer.append(bigEndian: segment)
            buffer.append(bigEndian: page)
        case .truncate(let page, let oldestXID, let oldestXIDDatabase):
            buffer.append(variant: 1)
            buffer.append(bigEndian: page)
            buffer.append(bigEndian: oldestXID)
            buffer.append(bigEndian: oldestXIDDatabase)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0:
            self = .zeroPage(segment: try reader.read(), page: try reader.read())
        case 1:
            self = .truncate(
                page: try reader.read(),
                oldestXID: try reader.read(),
                oldestXIDDatabase: try reader.read()
            )
        case let other:
            throw .unknownVariant(path: "MetadataRecord.Clog", value: other)
        }
    }
}
