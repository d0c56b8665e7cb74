import NIOCore
import SafekeeperServer
import TestFixtures
import Testing

/// Messages made whole of the pieces in which they arrive.
@Suite struct ReceiveBufferTests {
    @Test func messageInOnePieceIsNotCopied() throws {
        var buffer = ReceiveBuffer()
        let piece = ByteBuffer(bytes: 0..<100)
        buffer.append(piece)
        let slice = try #require(buffer.slice(5..<50))
        #expect(address(of: slice) == address(of: piece) + 5)
        buffer.drop(50)
        // What lies behind a message that went across two pieces is in place again.
        let next = ByteBuffer(bytes: 100..<200)
        buffer.append(next)
        let hasGathered = buffer.gather(60)
        #expect(hasGathered)
        #expect(buffer.slice(0..<60).map { Array($0.readableBytesView) } == Array(50..<110))
        buffer.drop(60)
        let behind = try #require(buffer.slice(0..<90))
        #expect(address(of: behind) == address(of: next) + 10)
    }

    private func address(of buffer: ByteBuffer) -> Int {
        buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
    }

    @Test func gatheringMoreThanThereIs() {
        var buffer = ReceiveBuffer()
        let fromNothing = buffer.gather(10)
        buffer.append(ByteBuffer(bytes: [1, 2]))
        let fromOnePiece = [buffer.gather(2), buffer.gather(1_000_000_000)]
        #expect(!fromNothing && fromOnePiece == [false, false])
        buffer.append(ByteBuffer())
        buffer.append(ByteBuffer(bytes: [3]))
        #expect(buffer.count == 3 && buffer.front.readableBytes == 2)
        let fromTwo = buffer.gather(1_000_000_000)
        #expect(fromTwo && buffer.front == ByteBuffer(bytes: [1, 2, 3]) && buffer.count == 3)
        #expect(buffer.front.capacity < 100, "nothing is set aside for what a client only announces")
        let all = buffer.takeAll()
        #expect(all == ByteBuffer(bytes: [1, 2, 3]) && buffer.count == 0)
    }

    /// A message that comes byte by byte is copied a few times, and not once for each of its bytes.
    @Test func messageByteByByte() {
        var buffer = ReceiveBuffer()
        var moves = 0
        var last = 0
        for number in 0..<100_000 {
            buffer.append(ByteBuffer(bytes: [UInt8(truncatingIfNeeded: number)]))
            _ = buffer.gather(1_000_000)
            if address(of: buffer.front) != last { moves += 1 }
            last = address(of: buffer.front)
        }
        #expect(buffer.front.readableBytes == 100_000 && buffer.front.capacity <= 1 << 18)
        #expect(moves < 30)
    }

    @Test func randomPiecesAndMessages() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let bytes = generator.bytes(upTo: 2_000)
            var (sent, taken) = (0, 0)
            var buffer = ReceiveBuffer()
            while taken < bytes.count {
                if sent < bytes.count, Bool.random(using: &generator) {
                    let end = min(bytes.count, sent + Int.random(in: 0...300, using: &generator))
                    buffer.append(ByteBuffer(bytes: bytes[sent..<end]))
                    sent = end
                }
                let wanted = Int.random(in: 0...400, using: &generator)
                _ = buffer.gather(wanted)
                let size = min(wanted, buffer.front.readableBytes)
                let slice = buffer.slice(0..<size).map { Array($0.readableBytesView) }
                #expect(slice == Array(bytes[taken..<taken + size]), "seed \(seed)")
                #expect(size == min(wanted, sent - taken) || size == buffer.front.readableBytes, "seed \(seed)")
                buffer.drop(size)
                taken += size
                #expect(buffer.count == sent - taken, "seed \(seed)")
            }
        }
    }
}
