/// Builds protobuf messages field by field, legal or not.
struct ProtobufMessage {
    var bytes: [UInt8] = []

    /// Appends a varint field.
    func with(_ field: UInt64, _ value: UInt64) -> ProtobufMessage {
        with(tag: field << 3, VarintTests.reference(value))
    }

    /// Appends a field of bytes.
    func with(_ field: UInt64, _ content: [UInt8]) -> ProtobufMessage {
        with(tag: field << 3 | 2, VarintTests.reference(UInt64(content.count)) + content)
    }

    /// Appends a field with a message.
    func with(_ field: UInt64, _ message: ProtobufMessage) -> ProtobufMessage {
        with(field, message.bytes)
    }

    /// Appends a tag and what follows it.
    func with(tag: UInt64, _ content: [UInt8]) -> ProtobufMessage {
        var next = self
        next.bytes += VarintTests.reference(tag) + content
        return next
    }

    static let empty = ProtobufMessage()
    static let key = ProtobufMessage().with(1, 7).with(2, 9)
    /// A serialized value of three bytes at offset 0.
    static let value = ProtobufMessage().with(2, key).with(3, 8).with(4, 0).with(5, 3).with(6, 0)

    /// A message with one record that has three raw bytes, the value given, and a declared count.
    static func message(value: ProtobufMessage, count: UInt64 = 1) -> [UInt8] {
        message(batch: ProtobufMessage().with(1, [1, 2, 3]).with(2, value).with(3, 8).with(4, count))
    }

    static func message(batch: ProtobufMessage) -> [UInt8] {
        message(record: ProtobufMessage().with(2, batch).with(3, 8))
    }

    static func message(record: ProtobufMessage) -> [UInt8] {
        ProtobufMessage().with(1, record).with(2, 8).bytes
    }
}
