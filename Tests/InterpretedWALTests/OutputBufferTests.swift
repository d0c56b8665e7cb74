import InterpretedWAL
import Testing

@Suite struct OutputBufferTests {
    @Test func appends() {
        var buffer = OutputBuffer()
        buffer.append(1)
        buffer.append(bigEndian: 0x0203 as UInt16)
        buffer.append(bigEndian: 0x0405_0607 as UInt32)
        buffer.append(bigEndian: 0x0809_0A0B_0C0D_0E0F as UInt64)
        buffer.append(bigEndian: -2 as Int32)
        buffer.append(varint: 300)
        buffer.append([0x10, 0x11])
        buffer.append([])
        #expect(buffer.array == Array(1...15) + [0xFF, 0xFF, 0xFF, 0xFE, 0xAC, 0x02, 0x10, 0x11])
        let count = buffer.count
        #expect(count == 23)
    }

    @Test func keepsItsContentAsItGrows() {
        var buffer = OutputBuffer()
        var expected: [UInt8] = []
        for index in 0..<10_000 {
            buffer.append(UInt8(truncatingIfNeeded: index))
            expected.append(UInt8(truncatingIfNeeded: index))
        }
        #expect(buffer.array == expected)
        let span = buffer.bytes
        let last = span.unsafeLoad(fromByteOffset: 9_999, as: UInt8.self)
        #expect(last == expected[9_999])
    }

    @Test func keepsItsMemory() {
        var buffer = OutputBuffer(minimumCapacity: 100)
        buffer.append([UInt8](repeating: 7, count: 100))
        let capacity = buffer.capacity
        buffer.removeAll()
        let (emptied, kept) = (buffer.count, buffer.capacity)
        #expect(capacity == 100)
        #expect(emptied == 0)
        #expect(kept == 100)
        buffer.removeAll(keepingCapacity: false)
        let released = buffer.capacity
        #expect(released == 0)
        buffer.append(5)
        #expect(buffer.array == [5])
    }

    @Test func takesOverWhatIsWrittenThroughThePointer() {
        var buffer = OutputBuffer()
        buffer.append(9)
        buffer.reserve(4 + Varint.maximumSize)
        var pointer = buffer.writePointer
        pointer = BigEndian.write(0x0102_0304 as UInt32, at: pointer)
        pointer = Varint.write(128, at: pointer)
        #expect(buffer.array == [9])
        buffer.commit(upTo: pointer)
        #expect(buffer.array == [9, 1, 2, 3, 4, 0x80, 0x01])
        buffer.truncate(to: 2)
        #expect(buffer.array == [9, 1])
    }
}
