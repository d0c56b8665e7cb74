import InterpretedWAL
import TestFixtures
import Testing

@Suite struct VarintTests {
    /// The definition, a byte at a time.
    static func reference(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static let values: [UInt64] =
        (0...63).flatMap { shift -> [UInt64] in
            let power = UInt64(1) << UInt64(shift)
            return [power &- 1, power, power &+ 1]
        } + [.max - 1, .max]

    @Test func writesTheDefinition() {
        var generator = SeededGenerator(seed: 1)
        for value in Self.values + (0..<20_000).map({ _ in generator.magnitude() }) {
            var buffer = OutputBuffer()
            buffer.append(varint: value)
            let expected = Self.reference(value)
            #expect(buffer.array == expected, "\(value)")
            #expect(Varint.size(value) == expected.count, "\(value)")
        }
    }

    /// At the end of a message the reader goes byte by byte, elsewhere it takes eight at once.
    @Test(arguments: [0, 1, 2, 9, 10, 20]) func readsTheDefinition(bytesBehind: Int) throws {
        for value in Self.values {
            let bytes = Self.reference(value) + [UInt8](repeating: 0xFF, count: bytesBehind)
            var cursor = ProtobufCursor(bytes.span.bytes)
            let read = try cursor.readVarint()
            let offset = cursor.offset
            #expect(read == value)
            #expect(offset == bytes.count - bytesBehind)
        }
    }

    @Test(arguments: [0, 12]) func acceptsOverlongFormsUpToTenBytes(bytesBehind: Int) throws {
        for count in 1...9 {
            let bytes = [UInt8](repeating: 0x80, count: count) + [1] + [UInt8](repeating: 0, count: bytesBehind)
            var cursor = ProtobufCursor(bytes.span.bytes)
            let read = try cursor.readVarint()
            #expect(read == 1 << UInt64(7 * count))
        }
    }

    @Test(arguments: [0, 12]) func refusesMoreThan64Bits(bytesBehind: Int) {
        for last: [UInt8] in [[0x02], [0x7F], [0x80, 0x01], [0xFF, 0x01]] {
            let bytes = [UInt8](repeating: 0xFF, count: 9) + last + [UInt8](repeating: 0, count: bytesBehind)
            #expect(throws: WireError.invalidVarint(offset: 0)) {
                var cursor = ProtobufCursor(bytes.span.bytes)
                _ = try cursor.readVarint()
            }
        }
    }

    @Test func refusesCutForms() {
        for count in 0...9 {
            let bytes = [UInt8](repeating: 0x80, count: count)
            #expect(throws: WireError.truncated(offset: 0, needed: UInt64(count + 1), available: count)) {
                var cursor = ProtobufCursor(bytes.span.bytes)
                _ = try cursor.readVarint()
            }
        }
    }
}
