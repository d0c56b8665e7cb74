/// Collects the bytes of a page header that arrives in pieces.
struct PageHeaderStage {
    private var bytes: InlineArray<40, UInt8> = .init(repeating: 0)
    private var count = 0

    mutating func removeAll() {
        count = 0
    }

    /// Takes bytes off the front of `input` until `size` are there; gives how many there are now.
    @_lifetime(input: copy input)
    mutating func take(_ input: inout RawSpan, upTo size: Int) -> Int {
        let added = min(size - count, input.byteCount)
        for offset in 0..<added {
            bytes[count + offset] = input.byte(at: offset)
        }
        input = input.extracting(droppingFirst: added)
        count += added
        return count
    }

    /// The header, whose bytes are all there; the stage is empty afterwards.
    mutating func finish(isLong: Bool) -> WALPageHeader {
        count = 0
        return WALPageHeader(unchecked: bytes.span.bytes, isLong: isLong)
    }
}

extension WALPageHeader {
    /// Whether all fields are zero, as on a page that was never written.
    var isZero: Bool {
        magic == 0 && flags == 0 && timelineID == 0 && pageAddress.rawValue == 0 && remainingLength == 0
            && (long.map { $0.systemIdentifier == 0 && $0.segmentSize == 0 && $0.pageSize == 0 } ?? true)
    }
}
