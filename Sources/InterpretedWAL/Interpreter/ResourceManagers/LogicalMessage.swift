extension MetadataInterpreter {
    /// LOGICALMSG: messages by which Neon's computes store auxiliary files; others say nothing to a pageserver.
    ///
    /// Source: `wal-interpretation.md` §3.8.
    static func logicalMessage(_ main: borrowing MainData) throws(InterpretationError) -> LogicalMessageMetadata? {
        guard main.operation == 0x00 else { return nil }
        let headerSize = 24
        try main.require(headerSize)
        let prefixSize = try main.checkSize(try main.read(UInt64.self, at: 8), at: headerSize)
        // The prefix counts its zero byte.
        guard prefixSize > 0 else { throw main.error(.count(0, found: main.count - headerSize)) }
        let messageStart = headerSize + prefixSize
        let messageSize = try main.checkSize(try main.read(UInt64.self, at: 16), at: messageStart)
        let prefixBytes = try main.array(from: headerSize, length: prefixSize - 1)
        guard let prefix = String(validating: prefixBytes, as: UTF8.self) else {
            throw main.error(.prefixNotUTF8(index: validUTF8Count(prefixBytes)))
        }
        guard prefix.utf8.starts(with: filePrefix.utf8) else { return nil }
        return .put(
            path: String(decoding: prefixBytes.dropFirst(filePrefix.utf8.count), as: UTF8.self),
            content: try main.array(from: messageStart, length: messageSize)
        )
    }

    private static var filePrefix: String { "neon-file:" }

    /// How many of the bytes are UTF-8 up to the first that isn't.
    private static func validUTF8Count(_ bytes: [UInt8]) -> Int {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var count = 0
        while case .valid(let scalar) = parser.parseScalar(from: &iterator) { count += scalar.count }
        return count
    }
}

extension MainData {
    /// Checks a number of bytes read from the data: that many are there from `offset` on.
    fileprivate func checkSize(_ size: UInt64, at offset: Int) throws(InterpretationError) -> Int {
        try checkCount(Int64(clamping: size), of: 1, at: offset)
    }
}
