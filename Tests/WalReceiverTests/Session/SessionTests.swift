import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing
import WalReceiver

/// What a session reports, refuses and survives.
struct SessionTests {
    // MARK: Reports

    @Test("a keep-alive is answered with the last record's LSN, on every shard", arguments: 0..<3)
    func keepAlives(shard: Int) {
        // Upstream's mistake: in the interpreted protocol the answer stayed where the connection had begun.
        var run = SessionRun(target(UInt8(shard), of: 3))
        run.begin()
        #expect(run.keepAlive().reply?.lastReceived == LSN(0x100_0100))
        // Shard 0 gets records; the others nothing but positions: to the session that is the same.
        _ = run.batch(from: LSN(0x100_0100), next: LSN(0x100_0300), streaming: LSN(0x100_0380))
        let reply = run.keepAlive().reply
        #expect(reply?.lastReceived == LSN(0x100_0300))
        #expect(reply?.shardNumber == UInt32(shard))
        #expect(reply?.diskConsistent == LSN(0x100_0080))
        #expect(reply?.currentTimelineSize == 8192)
        #expect(run.keepAlive(reply: false) == [])
    }

    @Test("what is reported never goes back, and is never more than the sink has", arguments: 0..<200)
    func monotonic(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var run = SessionRun()
        run.begin()
        var reported = LSN.invalid
        var end = run.positions.lastRecord
        for _ in 0..<100 {
            run.seconds += 0.1
            let actions: [SessionAction]
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<6:
                // The end of the WAL that was streamed lies anywhere behind the last record, or before it.
                let next = end + 8 * UInt64.random(in: 0...100, using: &generator)
                let streaming = LSN(next.rawValue &+ UInt64.random(in: 0...500, using: &generator) &- 100)
                let start = LSN(end.rawValue - UInt64.random(in: 0...7, using: &generator))
                actions = run.batch(from: start, next: next, streaming: streaming)
                end = max(end, next)
            case 6:
                // Twice the same.
                actions = run.batch(from: LSN(end.rawValue - 64), next: end, streaming: end)
            case 7:
                run.positions.diskConsistent = max(run.positions.diskConsistent, LSN(end.rawValue - 50))
                actions = run.keepAlive()
            default:
                actions = run.keepAlive()
            }
            guard let reply = actions.reply else {
                Issue.record("seed \(seed): no reply but \(actions.words)")
                return
            }
            #expect(reply.lastReceived >= reported, "seed \(seed)")
            #expect(reply.lastReceived == run.positions.lastRecord, "seed \(seed)")
            #expect(reply.diskConsistent <= run.positions.diskConsistent, "seed \(seed)")
            reported = reply.lastReceived
        }
    }

    @Test("raw WAL is reported by records, too")
    func rawReports() {
        var run = SessionRun(target(), .vanilla)
        run.begin()
        let first = WALStreamMessage.xLogData(
            XLogDataHeader(start: LSN(0x100_0100), walEnd: LSN(0x100_0400), time: .epoch)
        )
        #expect(run.handle(.message(first, payload: 0x100)).words == "decode 0")
        // A part of a record only.
        #expect(run.handle(.decoded(nil)).reply?.lastReceived == LSN(0x100_0100))
        let second = WALStreamMessage.xLogData(
            XLogDataHeader(start: LSN(0x100_0200), walEnd: LSN(0x100_0400), time: .epoch)
        )
        #expect(run.handle(.message(second, payload: 0x100)).words == "decode 0")
        let facts = BatchFacts(rawStart: LSN(0x100_0100), nextRecord: LSN(0x100_02F8), recordCount: 1)
        #expect(run.handle(.decoded(facts)).words == "ingest")
        run.positions.lastRecord = LSN(0x100_02F8)
        #expect(run.handle(.ingested).reply?.lastReceived == LSN(0x100_02F8))
        #expect(run.session.status.streamingLSN == LSN(0x100_0300))
        #expect(run.session.status.hasProcessedWAL)
    }

    // MARK: Contiguity

    @Test("a batch that begins behind what was taken in is a gap, and says which")
    func gaps() {
        var run = SessionRun()
        run.begin()
        _ = run.batch(from: LSN(0x100_0100), next: LSN(0x100_0300), streaming: LSN(0x100_0380))
        // Inside of what was streamed, but a record's beginning would be missing.
        let actions = run.batch(from: LSN(0x100_0308), next: LSN(0x100_0500), streaming: LSN(0x100_0580))
        #expect(actions.fault == .gap(expected: LSN(0x100_0300), found: LSN(0x100_0308)))
        #expect("\(actions.fault!)" == "Gap in streamed WAL: [0/1000300, 0/1000308)")
        #expect(actions.reply?.corruptionDetected == true)
        #expect(run.session.corruptionDetected)
        guard case .failed(let error)? = actions.end else { return }
        #expect(error.lastRecordLSN == LSN(0x100_0300))
        #expect("\(error)".contains("\(TimelineText.timeline)"))
    }

    private enum TimelineText {
        static let timeline = target().timeline
    }

    @Test("the first batch may begin where the stream does, behind a page's header")
    func firstBatch() {
        var run = SessionRun(at: LSN(0x200_0000))
        run.begin()
        let actions = run.batch(from: LSN(0x200_0028), next: LSN(0x200_0100), streaming: LSN(0x200_0100))
        #expect(actions.words == "reply")
        var late = SessionRun(at: LSN(0x200_0000))
        late.begin()
        #expect(
            late.batch(from: LSN(0x200_0030), next: LSN(0x200_0100), streaming: LSN(0x200_0100)).fault
                == .gap(expected: LSN(0x200_0028), found: LSN(0x200_0030))
        )
    }

    @Test("batches chained by the unaligned ends of records are no gap; nor is the start of a new segment")
    func chain() {
        var run = SessionRun()
        run.begin()
        var start = LSN(0x100_0100)
        for _ in 0..<1000 {
            let end = start + 93
            let next = end.recordAligned
            #expect(run.batch(from: start, next: next, streaming: end + 3).words == "reply")
            start = end
        }
        // After a switch the next record is in the next segment.
        #expect(run.batch(from: start, next: LSN(0x200_0028), streaming: start + 24).words == "reply")
        #expect(run.batch(from: start + 24, next: LSN(0x200_0100), streaming: LSN(0x200_0100)).words == "reply")
    }

    @Test("a batch that does not say where it begins is refused, or taken if that is asked for")
    func batchStart() {
        var strict = SessionRun()
        strict.begin()
        let refused = strict.batch(from: nil, next: LSN(0x100_0300), streaming: LSN(0x100_0380))
        #expect(refused.fault == .batchStartMissing(streaming: LSN(0x100_0380)))
        var lenient = SessionRun(requiresBatchStart: false)
        lenient.begin()
        #expect(lenient.batch(from: nil, next: LSN(0x100_0300), streaming: LSN(0x100_0380)).words == "reply")
        // What it does say is checked all the same.
        let gap = lenient.batch(from: LSN(0x100_0400), next: LSN(0x100_0500), streaming: LSN(0x100_0500))
        #expect(gap.words == "reply, gap")
    }

    @Test("raw WAL: what is known is passed over, what is missing is a gap, and no sum overflows")
    func rawContiguity() {
        func message(_ start: UInt64) -> WALStreamMessage {
            .xLogData(XLogDataHeader(start: LSN(start), walEnd: LSN(0x100_0400), time: .epoch))
        }
        var run = SessionRun(target(), .vanilla)
        run.begin()
        _ = run.handle(.message(message(0x100_0100), payload: 0x100))
        _ = run.handle(.decoded(nil))
        #expect(run.handle(.message(message(0x100_0100), payload: 0x100)) == [], "the same again")
        #expect(run.handle(.message(message(0x100_0180), payload: 0x100)).words == "decode 128")
        _ = run.handle(.decoded(nil))
        #expect(
            run.handle(.message(message(0x100_0281), payload: 0x100)).fault
                == .gap(expected: LSN(0x100_0280), found: LSN(0x100_0281))
        )
        var end = SessionRun(target(), .vanilla)
        end.begin()
        let beyond = end.handle(.message(message(UInt64.max - 3), payload: 5))
        #expect(beyond.fault == .beyondEnd(start: LSN(UInt64.max - 3), byteCount: 5))
    }

    // MARK: A full sink

    @Test("a full sink is tried again with the same message until it has space; the operator hears of it twice")
    func fullSink() {
        var run = SessionRun()
        run.begin()
        let message = WALStreamMessage.interpretedRecords(
            InterpretedRecordsHeader(streaming: LSN(0x100_0380), commit: LSN(0x300_0000))
        )
        _ = run.handle(.message(message, payload: 10))
        _ = run.handle(.decoded(BatchFacts(rawStart: LSN(0x100_0100), nextRecord: LSN(0x100_0300), recordCount: 1)))
        let full = SessionEvent.ingestFailed(WALSinkError(.full, "no space left"))
        #expect(run.handle(full).words == "full, reply, retry")
        #expect(run.session.status.isPaused)
        for attempt in 1...50 {
            run.seconds = Double(attempt)
            #expect(run.handle(.retryDue) == [.ingest])
            let actions = run.handle(full)
            #expect(actions.words == "reply, retry")
            #expect(actions.reply?.lastReceived == LSN(0x100_0100), "nothing is promised")
            #expect(actions.reply?.diskConsistent == LSN(0x100_0080))
            #expect(run.session.status.latestConnectionUpdate == moment(Double(attempt)))
        }
        #expect(run.handle(.retryDue) == [.ingest])
        run.positions.lastRecord = LSN(0x100_0300)
        let actions = run.handle(.ingested)
        #expect(actions.words == "space, reply")
        #expect(actions.reply?.lastReceived == LSN(0x100_0300))
        #expect(!run.session.status.isPaused)
        #expect(!run.session.corruptionDetected)
    }

    @Test("a sink that says it has a message and is not there is not believed")
    func falseSink() {
        var run = SessionRun()
        run.begin()
        let message = WALStreamMessage.interpretedRecords(
            InterpretedRecordsHeader(streaming: LSN(0x100_0380), commit: LSN(0x300_0000))
        )
        _ = run.handle(.message(message, payload: 10))
        _ = run.handle(.decoded(BatchFacts(rawStart: LSN(0x100_0100), nextRecord: LSN(0x100_0300), recordCount: 1)))
        run.positions.lastRecord = LSN(0x100_02F8)
        #expect(run.handle(.ingested).fault == .sinkPosition(expected: LSN(0x100_0300), found: LSN(0x100_02F8)))
    }

    // MARK: What others see

    @Test("the status of a connection")
    func status() {
        var run = SessionRun()
        #expect(!run.session.status.isConnected)
        run.seconds = 1
        run.begin()
        #expect(run.session.status.isConnected && !run.session.status.hasProcessedWAL)
        #expect(run.session.status.commitLSN == LSN(0x200_0000))
        #expect(run.session.status.latestWALUpdate == moment(1))
        run.seconds = 2
        _ = run.keepAlive(LSN(0x210_0000))
        #expect(run.session.status.commitLSN == LSN(0x210_0000))
        #expect(run.session.status.latestConnectionUpdate == moment(2))
        #expect(run.session.status.latestWALUpdate == moment(1))
        run.seconds = 3
        _ = run.batch(from: LSN(0x100_0100), next: LSN(0x100_0100), streaming: LSN(0x100_0180))
        #expect(!run.session.status.hasProcessedWAL, "nothing new was in it")
        _ = run.batch(from: LSN(0x100_0100), next: LSN(0x100_0300), streaming: LSN(0x100_0380))
        #expect(run.session.status.hasProcessedWAL)
        #expect(run.session.status.streamingLSN == LSN(0x100_0380))
        #expect(run.session.status.latestWALUpdate == moment(3))
    }

    @Test("damage that was found before is reported from the start")
    func stickyCorruption() {
        let positions = SinkPositions(lastRecord: LSN(0x100_0100))
        var session = ReceiverSession(
            target(),
            selection: interpreted,
            corruptionDetected: true,
            context: ReceiverSession.Context(now: moment(0), positions: positions)
        )
        let context = ReceiverSession.Context(now: moment(1), positions: positions)
        let system = SystemIdentification(systemID: 1, timeline: 1, commitLSN: LSN(0x200_0000))
        for event: SessionEvent in [.loggedIn, .identified(system), .streaming] { _ = session.handle(event, context) }
        let message = KeepAlive(walEnd: LSN(1), time: .epoch, replyRequested: true)
        let actions = session.handle(.message(.keepAlive(message), payload: 0), context)
        #expect(actions.reply?.corruptionDetected == true)
    }

    @Test("no order of events makes a session trap, and each ends at most once", arguments: 0..<300)
    func anyOrder(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var run = SessionRun(target(), seed % 2 == 0 ? interpreted : .vanilla)
        var ends = 0
        func lsn() -> LSN { LSN(generator.chance(1, in: 3) ? generator.magnitude() : 0x100_0100) }
        for _ in 0..<60 {
            let event: SessionEvent =
                switch Int.random(in: 0..<16, using: &generator) {
                case 0, 1: .loggedIn
                case 2, 3: .identified(SystemIdentification(systemID: 1, timeline: 1, commitLSN: lsn()))
                case 4, 5: .streaming
                case 6, 7:
                    .message(
                        .interpretedRecords(InterpretedRecordsHeader(streaming: lsn(), commit: lsn())),
                        payload: Int.random(in: 0...200, using: &generator)
                    )
                case 8, 9:
                    .message(
                        .xLogData(XLogDataHeader(start: lsn(), walEnd: lsn(), time: .epoch)),
                        payload: Int.random(in: 0...200, using: &generator)
                    )
                case 10, 11: .decoded(BatchFacts(rawStart: lsn(), nextRecord: lsn(), recordCount: 1))
                case 12: .decoded(nil)
                case 13: .ingested
                case 14: .ingestFailed(WALSinkError(.full, ""))
                default: .retryDue
                }
            if generator.chance(1, in: 2) {
                // On the expected way every other time, so that all phases are reached.
                run.positions.lastRecord = lsn()
            }
            if run.handle(event).end != nil { ends += 1 }
        }
        #expect(ends <= 1, "seed \(seed)")
        #expect((ends == 1) == (run.session.end != nil), "seed \(seed)")
    }
}
