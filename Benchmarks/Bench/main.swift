import CFloor
import Foundation
import PostgresWAL
import WALFiles

let dir = try WALDirectory(path: CommandLine.arguments[1])
let start = LSN(CommandLine.arguments[2])!
let end = LSN(CommandLine.arguments[3])!
var bytes: [UInt8] = []
var reader = WALFileReader(directory: dir, startingAt: start, chunkSize: 1 << 20)
while let c = try reader.next(before: end) { c.withUnsafeBytes { bytes.append(contentsOf: $0) } }
let clock = ContinuousClock()
for _ in 0..<3 {
    var n: Int64 = 0
    let t = clock.measure { n = bytes.withUnsafeBytes { cfloor_walk($0.baseAddress!, $0.count, start.rawValue, dir.segmentSize.bytes) } }
    print("floor", n, t / .nanoseconds(1) / Double(n))
    var m = 0
    let t1 = try clock.measure {
        var d = try WALStreamDecoder(version: dir.version, startingAt: start)
        for lo in stride(from: 0, to: bytes.count, by: 128 << 10) {
            var input = bytes.span.bytes.extracting(lo..<min(bytes.count, lo + (128 << 10)))
            while let _ = try d.next(&input) { m += 1 }
        }
    }
    print("decode", m, t1 / .nanoseconds(1) / Double(m))
    m = 0
    var sum = 0
    let t2 = try clock.measure {
        var d = try WALStreamDecoder(version: dir.version, startingAt: start)
        var p = ParsedRecord(version: dir.version)
        for lo in stride(from: 0, to: bytes.count, by: 128 << 10) {
            var input = bytes.span.bytes.extracting(lo..<min(bytes.count, lo + (128 << 10)))
            while let r = try d.next(&input) { m += 1; try p.parse(r); sum &+= p.blockCount }
        }
    }
    print("decode+parse", m, t2 / .nanoseconds(1) / Double(m), sum)
    m = 0
    let t3 = try clock.measure {
        _ = try WALWalk(directory: dir, start: start, end: end).run { r, p in m += 1; sum &+= p.blockCount }
    }
    print("walk files", m, t3 / .nanoseconds(1) / Double(m), sum)
}
import InterpretedWAL
import ShardIdentity
for n in [1, 8, 32, 128] {
    let shards = try (0..<n).map { try ShardIdentity(number: UInt8($0), count: UInt8(n), stripeSize: 2048) }
    for _ in 0..<3 {
        var m = 0
        var out = 0
        let t = try clock.measure {
            var d = try WALStreamDecoder(version: dir.version, startingAt: start)
            var p = ParsedRecord(version: dir.version)
            var x = BatchInterpreter(version: dir.version, shards: shards)
            for lo in stride(from: 0, to: bytes.count, by: 128 << 10) {
                var input = bytes.span.bytes.extracting(lo..<min(bytes.count, lo + (128 << 10)))
                while let r = try d.next(&input) { m += 1; try p.parse(r); try x.interpret(r, p) }
                for i in 0..<n { x.finishBatch(of: i, nextRecordLSN: start, rawWALStartLSN: start); out += x.batch(of: i).byteCount; x.removeBatch(of: i) }
            }
        }
        print("interpret", n, m, t / .nanoseconds(1) / Double(m), out)
    }
}
