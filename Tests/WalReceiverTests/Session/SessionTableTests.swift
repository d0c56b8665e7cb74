import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import Testing
import WalReceiver

/// Every phase of a session and everything that can happen in it.
struct SessionTableTests {
    private enum Phase: Int, CaseIterable {
        case connecting, identifying, starting, streaming, decoding, ingesting, paused, ended
    }

    private static let next = LSN(0x100_0200)

    private static func session(in phase: Phase, _ selection: WALReceiverProtocol) -> SessionRun {
        var run = SessionRun(target(), selection)
        let message: WALStreamMessage =
            selection == .vanilla
            ? .xLogData(XLogDataHeader(start: LSN(0x100_0100), walEnd: LSN(0x300_0000), time: .epoch))
            : .interpretedRecords(InterpretedRecordsHeader(streaming: next, commit: LSN(0x300_0000)))
        let steps: [SessionEvent] = [
            .loggedIn, .identified(SystemIdentification(systemID: 7, timeline: 1, commitLSN: LSN(0x300_0000))),
            .streaming, .message(message, payload: 0x100),
            .decoded(BatchFacts(rawStart: LSN(0x100_0100), nextRecord: next, recordCount: 1)),
            .ingestFailed(WALSinkError(.full, "no space")),
        ]
        for step in steps.prefix(min(phase.rawValue, steps.count)) { _ = run.handle(step) }
        if phase == .ended { _ = run.handle(.cancelled) }
        return run
    }

    /// What is done in each phase, from connecting to ended; "-" is the error that this does not belong here.
    private static let table: [(SessionEvent, [String])] = [
        (.loggedIn, ["identify", "-", "-", "-", "-", "-", "-"]),
        (
            .identified(SystemIdentification(systemID: 7, timeline: 1, commitLSN: LSN(0x300_0000))),
            ["-", "start 0/1000100", "-", "-", "-", "-", "-"]
        ),
        (.streaming, ["-", "-", "", "-", "-", "-", "-"]),
        (
            .message(.keepAlive(KeepAlive(walEnd: LSN(1), time: .epoch, replyRequested: true)), payload: 0),
            ["-", "-", "-", "reply", "-", "-", "-"]
        ),
        (
            .message(.keepAlive(KeepAlive(walEnd: LSN(1), time: .epoch, replyRequested: false)), payload: 0),
            ["-", "-", "-", "", "-", "-", "-"]
        ),
        (.malformed(.unknownTag(1)), ["-", "-", "-", "failed", "-", "-", "-"]),
        (
            .decoded(BatchFacts(rawStart: LSN(0x100_0100), nextRecord: next, recordCount: 1)),
            ["-", "-", "-", "-", "ingest", "-", "-"]
        ),
        (
            .decoded(BatchFacts(rawStart: LSN(0x100_0108), nextRecord: next, recordCount: 1)),
            ["-", "-", "-", "-", "reply, gap", "-", "-"]
        ),
        (.decoded(nil), ["-", "-", "-", "-", "reply", "-", "-"]),
        (.undecodable(.records(.missingField(.nextRecordLSN))), ["-", "-", "-", "-", "failed", "-", "-"]),
        // The sink is still where it was: it has not done what it says.
        (.ingested, ["-", "-", "-", "-", "-", "failed", "-"]),
        (.ingestFailed(WALSinkError(.full, "")), ["-", "-", "-", "-", "-", "full, reply, retry", "-"]),
        (.ingestFailed(WALSinkError(.failed, "")), ["-", "-", "-", "-", "-", "failed", "-"]),
        (.ingestFailed(WALSinkError(.rejected, "")), ["-", "-", "-", "-", "-", "reply, failed", "-"]),
        (.retryDue, ["-", "-", "-", "-", "-", "-", "ingest"]),
        (.copyDone, ["-", "-", "-", "finished", "-", "-", "-"]),
        (.serverError(message: "x", sqlState: "XX000"), Array(repeating: "server error", count: 7)),
        (.serverError(message: "ending streaming to", sqlState: "00000"), Array(repeating: "caught up", count: 7)),
        (.serverError(message: "received CopyFail", sqlState: "00000"), Array(repeating: "server error", count: 7)),
        (.serverError(message: "ending streaming to", sqlState: nil), Array(repeating: "server error", count: 7)),
        (.disconnected("reset"), Array(repeating: "lost", count: 7)),
        (.misunderstood(.identification("?")), Array(repeating: "failed", count: 7)),
        (.cancelled, Array(repeating: "cancelled", count: 7)),
    ]

    @Test("every phase and event", arguments: [interpreted, .vanilla])
    func everything(selection: WALReceiverProtocol) {
        for (event, row) in Self.table {
            for phase in Phase.allCases {
                var run = Self.session(in: phase, selection)
                let hadEnded = run.session.end != nil
                #expect(hadEnded == (phase == .ended))
                let actions = run.handle(event)
                // After the end nothing is done.
                let expected = phase == .ended ? "" : row[phase.rawValue]
                #expect(actions.words == (expected == "-" ? "unexpected" : expected), "\(event) while \(phase)")
                #expect((run.session.end != nil) == (hadEnded || actions.end != nil), "\(event) while \(phase)")
                if actions.end != nil { #expect(run.handle(.loggedIn) == [], "nothing follows an end") }
            }
        }
    }

    @Test("messages with WAL, in every phase")
    func wal() {
        let records = WALStreamMessage.interpretedRecords(
            InterpretedRecordsHeader(streaming: Self.next, commit: Self.next)
        )
        let raw = WALStreamMessage.xLogData(
            XLogDataHeader(start: LSN(0x100_0100), walEnd: Self.next, time: .epoch)
        )
        for phase in Phase.allCases where phase != .ended {
            for (message, selection) in [(records, interpreted), (raw, .vanilla)] {
                var run = Self.session(in: phase, selection)
                let words = run.handle(.message(message, payload: 0x100)).words
                #expect(words == (phase == .streaming ? "decode 0" : "unexpected"), "\(phase)")
            }
            for (message, selection) in [(raw, interpreted), (records, .vanilla)] {
                var run = Self.session(in: phase, selection)
                let fault = run.handle(.message(message, payload: 0x100)).fault
                if phase == .streaming {
                    #expect(fault == .otherProtocol(found: selection == .vanilla ? "interpreted WAL" : "raw WAL"))
                } else {
                    #expect(fault != nil, "\(phase)")
                }
            }
        }
    }

    @Test("where a stream begins")
    func startPoints() {
        // Source: `replication-protocol.md` §6.1.
        let table: [(UInt64, UInt64)] = [
            (0x200_0000, 0x200_0028), (0x150_2000, 0x150_2018), (0x149_FD11, 0x149_FD18), (0x149_FD18, 0x149_FD18),
            (0x1_FFFC, 0x2_0018),
        ]
        for (last, start) in table {
            #expect(StartPoint.position(behind: LSN(last)) == LSN(start))
            var run = SessionRun(at: LSN(last))
            _ = run.handle(.loggedIn)
            let identified = SessionEvent.identified(
                SystemIdentification(systemID: 1, timeline: 1, commitLSN: LSN(9))
            )
            #expect(run.handle(identified) == [.startReplication(LSN(start))])
        }
        #expect(StartPoint.position(behind: LSN(.max)) == nil)
        for last in [UInt64(0), .max] {
            var run = SessionRun(at: LSN(last))
            _ = run.handle(.loggedIn)
            let identified = SessionEvent.identified(
                SystemIdentification(systemID: 1, timeline: 1, commitLSN: LSN(9))
            )
            #expect(run.handle(identified).fault == .noPosition)
        }
    }
}
