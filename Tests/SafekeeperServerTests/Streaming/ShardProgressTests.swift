import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import Testing

/// What shards say, and what WAL may go.
///
/// Source: `pitfalls.md` A5, C21; `replication-protocol.md` §4.4 to §4.6.
@Suite("Progress of shards and standbys") struct ShardProgressTests {
    private typealias Key = ShardProgress.SenderKey

    private func shard(_ number: UInt8, of count: UInt8, stripe: UInt32 = 8) throws -> ShardIdentity {
        count == 0 ? .unsharded : try ShardIdentity(number: number, count: count, stripeSize: stripe)
    }

    private func feedback(_ position: UInt64, shard: UInt32 = 0, corrupt: Bool = false) -> PageserverFeedback {
        PageserverFeedback(remoteConsistent: LSN(position), shardNumber: shard, corruptionDetected: corrupt)
    }

    @Test("The slowest shard decides, and one that has not spoken keeps everything")
    func minimum() throws {
        var progress = ShardProgress()
        #expect(progress.remoteConsistent == nil)
        progress.attached(Key(1), shard: try shard(0, of: 2))
        #expect(progress.remoteConsistent == .invalid)
        progress.received(feedback(5000), from: Key(1))
        #expect(progress.remoteConsistent == .invalid)
        progress.attached(Key(2), shard: try shard(1, of: 2))
        #expect(progress.remoteConsistent == .invalid)
        progress.received(feedback(3000, shard: 1), from: Key(2))
        #expect(progress.remoteConsistent == LSN(3000))
        // A shard that is gone is still needed.
        progress.detached(Key(2))
        progress.received(feedback(9000), from: Key(1))
        #expect(progress.remoteConsistent == LSN(3000))
        progress.detached(Key(1))
        #expect(progress.remoteConsistent == LSN(3000))
        #expect(progress.status.map(\.number) == [0, 1])
        #expect(progress.status.map(\.connections) == [0, 0])
    }

    @Test("The number in the feedback of an interpreted stream can't name another shard")
    func foreignNumber() throws {
        var progress = ShardProgress()
        progress.attached(Key(1), shard: try shard(0, of: 2))
        progress.received(feedback(5000, shard: 1), from: Key(1))
        progress.received(feedback(5000, shard: 77), from: Key(1))
        #expect(progress.remoteConsistent == .invalid)
        #expect(progress.status.map(\.feedback?.remoteConsistent) == [LSN(5000), nil])
    }

    @Test("Around a split both layouts count, afterwards only the one that is connected")
    func split() throws {
        var progress = ShardProgress()
        progress.attached(Key(1), shard: try shard(0, of: 1))
        progress.received(feedback(5000), from: Key(1))
        #expect(progress.remoteConsistent == LSN(5000))
        for number in 0..<UInt8(2) {
            progress.attached(Key(10 + UInt64(number)), shard: try shard(number, of: 2))
        }
        #expect(progress.remoteConsistent == .invalid)
        progress.received(feedback(4000), from: Key(10))
        progress.received(feedback(6000, shard: 1), from: Key(11))
        #expect(progress.remoteConsistent == LSN(4000))
        // The split is done: the parent goes, and with it what it said.
        progress.detached(Key(1))
        progress.received(feedback(7000), from: Key(10))
        #expect(progress.remoteConsistent == LSN(6000))
        #expect(progress.status.count == 2)
    }

    @Test("A split that was called off leaves nothing behind")
    func abortedSplit() throws {
        var progress = ShardProgress()
        progress.attached(Key(1), shard: .unsharded)
        progress.received(feedback(5000), from: Key(1))
        progress.attached(Key(2), shard: try shard(1, of: 4))
        progress.received(feedback(10, shard: 1), from: Key(2))
        #expect(progress.remoteConsistent == .invalid)
        progress.detached(Key(2))
        #expect(progress.remoteConsistent == LSN(5000))
        #expect(progress.status.count == 1)
    }

    @Test("Of two receivers of one shard the slower counts, while it is there")
    func twoReceivers() throws {
        var progress = ShardProgress()
        progress.attached(Key(1), shard: .unsharded)
        progress.attached(Key(2), shard: .unsharded)
        progress.received(feedback(5000), from: Key(1))
        progress.received(feedback(3000), from: Key(2))
        #expect(progress.remoteConsistent == LSN(3000))
        progress.detached(Key(2))
        #expect(progress.remoteConsistent == LSN(5000))
        #expect(progress.remoteConsistent(of: Key(1)) == LSN(5000))
        #expect(progress.remoteConsistent(of: Key(2)) == .invalid)
    }

    @Test("Receivers of raw WAL count by the numbers they name, standbys not at all")
    func unnamed() throws {
        var progress = ShardProgress()
        progress.attached(Key(1), shard: nil)
        #expect(progress.remoteConsistent == nil)
        progress.received(feedback(5000, shard: 2), from: Key(1))
        progress.attached(Key(2), shard: nil)
        progress.received(feedback(4000, shard: 0), from: Key(2))
        #expect(progress.remoteConsistent == LSN(4000))
        // Numbers can't grow without end.
        progress.attached(Key(3), shard: nil)
        progress.received(feedback(1, shard: .max), from: Key(3))
        #expect(progress.status.map(\.number) == [0, 2, 255])
    }

    @Test("Feedback of nobody is nothing; corruption is remembered")
    func others() throws {
        var progress = ShardProgress()
        progress.received(feedback(5000), from: Key(1))
        #expect(progress.count == 0 && progress.last == nil)
        progress.attached(Key(1), shard: .unsharded)
        progress.received(feedback(5000, corrupt: true), from: Key(1))
        progress.received(feedback(6000), from: Key(1))
        #expect(progress.corruptionDetected && progress.count == 2)
        #expect(progress.last == feedback(6000))
    }

    @Test("Of standbys the minimum of what isn't zero counts, and the latest time")
    func standbys() {
        var progress = StandbyProgress()
        #expect(progress.horizons == StandbyHorizons())
        #expect(progress.slowestApply == .invalid)
        let time = { PostgresTimestamp(microseconds: $0) }
        progress.received(StandbyHorizons(time: time(5), xmin: 700, catalogXmin: 0), from: Key(1))
        progress.received(StandbyHorizons(time: time(3), xmin: 800, catalogXmin: 600), from: Key(2))
        #expect(progress.horizons == StandbyHorizons(time: time(5), xmin: 700, catalogXmin: 600))
        let status = { (flush: UInt64, apply: UInt64) in
            StandbyStatus(write: LSN(flush), flush: LSN(flush), apply: LSN(apply), time: time(1))
        }
        progress.received(status(300, 200), from: Key(1))
        progress.received(status(400, 0), from: Key(3))
        #expect(progress.slowestApply == LSN(200))
        #expect(progress.slowestFlush == LSN(300))
        #expect(progress.isStandby(Key(3)) && !progress.isStandby(Key(4)))
        progress.detached(Key(1))
        #expect(progress.slowestApply == .invalid && progress.slowestFlush == LSN(400))
        #expect(progress.horizons.xmin == 800)
    }
}
