/// Compresses in PostgreSQL's own format, plainly: for each place the longest match that a search finds.
enum PGLZEncoder {
    /// One step of the compressed form.
    enum Item: Hashable, Sendable {
        case literal(UInt8)
        /// Copies `length` bytes, 3 to 273, from `distance` bytes back, 1 to 4095.
        case match(distance: Int, length: Int)
    }

    /// Compresses `bytes`.
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var items: [Item] = []
        var latest: [UInt32: Int] = [:]
        var offset = 0
        while offset < bytes.count {
            var length = 0
            let candidate = offset + 3 <= bytes.count ? latest[key(bytes, offset)] : nil
            if let candidate, offset - candidate <= 4095 {
                while length < 273, offset + length < bytes.count, bytes[candidate + length] == bytes[offset + length] {
                    length += 1
                }
            }
            let isMatch = length >= 3
            items.append(
                isMatch ? .match(distance: offset - (candidate ?? 0), length: length) : .literal(bytes[offset])
            )
            let end = offset + (isMatch ? length : 1)
            while offset < end {
                if offset + 3 <= bytes.count { latest[key(bytes, offset)] = offset }
                offset += 1
            }
        }
        return encode(items)
    }

    private static func key(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        UInt32(bytes[offset]) << 16 | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2])
    }

    /// Writes items: in front of every eight a control byte, lowest bit first.
    static func encode(_ items: [Item]) -> [UInt8] {
        var output: [UInt8] = []
        var control = 0
        for (index, item) in items.enumerated() {
            if index % 8 == 0 {
                control = output.count
                output.append(0)
            }
            switch item {
            case .literal(let byte):
                output.append(byte)
            case .match(let distance, let length):
                output[control] |= 1 << UInt8(index % 8)
                output.append(UInt8(distance >> 8) << 4 | UInt8(min(length - 3, 15)))
                output.append(UInt8(distance & 0xFF))
                if length >= 18 { output.append(UInt8(length - 18)) }
            }
        }
        return output
    }
}
