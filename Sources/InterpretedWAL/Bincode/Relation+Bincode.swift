public import ShardIdentity

extension RelationLocator: BincodeCodable {
    /// The bytes of the bincode form.
    package static let encodedSize = 12

    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(bigEndian: tablespace)
        buffer.append(bigEndian: database)
        buffer.append(bigEndian: relation)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        self.init(tablespace: try reader.read(), database: try reader.read(), relation: try reader.read())
    }
}

/// The fork comes first.
extension RelationTag: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.append(fork)
        locator.encode(into: &buffer)
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        let fork: UInt8 = try reader.read()
        self.init(locator: try RelationLocator(from: &reader), fork: fork)
    }
}
