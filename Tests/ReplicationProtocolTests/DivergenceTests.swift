import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

@Suite("Where histories part")
struct DivergenceTests {
    private func history(_ entries: [(UInt64, UInt64)]) throws -> TermHistory {
        try TermHistory(entries.map { TermLSN(term: Term($0.0), lsn: LSN($0.1)) })
    }

    @Test("The table of the sheet")
    func table() throws {
        let rows: [([(UInt64, UInt64)], [(UInt64, UInt64)], UInt64, (UInt64, UInt64)?)] = [
            ([(0, 1)], [(1, 1), (2, 2)], 3, nil),
            ([(1, 10), (2, 20), (4, 40)], [(1, 10), (2, 20), (3, 30)], 40, (2, 30)),
            ([(1, 10), (2, 20), (4, 40)], [(1, 10), (2, 20)], 32, (2, 32)),
            ([(1, 10), (2, 20)], [(1, 10), (2, 20)], 32, (2, 32)),
            ([], [(1, 10)], 32, nil),
            ([(1, 10)], [], 0, nil),
            ([(1, 10), (3, 15)], [(1, 10), (2, 20)], 32, (1, 15)),
        ]
        for (proposer, acceptor, end, expected) in rows {
            let found = try history(proposer).divergence(from: try history(acceptor), endingAt: LSN(end))
            #expect(found == expected.map { TermLSN(term: Term($0.0), lsn: LSN($0.1)) })
        }
    }

    @Test func aTermWithTwoBeginningsIsAConflict() throws {
        let mine = try history([(1, 10), (2, 20)])
        let theirs = try history([(1, 10), (2, 24)])
        #expect(throws: TermHistoryConflict.self) { try mine.divergence(from: theirs, endingAt: LSN(40)) }
    }

    /// Logs that hold a term for each byte: the divergence is where they first differ.
    @Test("As logs of terms part", arguments: 0..<200 as Range<UInt64>)
    func logs(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func extended(_ log: [UInt64], from term: UInt64) -> [UInt64] {
            var log = log
            var term = term
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                log += [UInt64](repeating: term, count: Int.random(in: 1...9, using: &random))
                term += UInt64.random(in: 1...3, using: &random)
            }
            return log
        }
        func history(of log: [UInt64]) throws -> TermHistory {
            var entries: [TermLSN] = []
            for (index, term) in log.enumerated() where entries.last?.term.rawValue != term {
                entries.append(TermLSN(term: Term(term), lsn: LSN(UInt64(index) + 1)))
            }
            return try TermHistory(entries)
        }
        let common = extended([], from: 1)
        let last = common.last ?? 1
        // Odd and even terms, so that the two never let one term begin at different places.
        let proposer = extended(common, from: last + 1).enumerated().map {
            $0.offset < common.count ? $0.element : $0.element * 2
        }
        let acceptor = extended(common, from: last + 1).enumerated().map {
            $0.offset < common.count ? $0.element : $0.element * 2 + 1
        }
        let differs = zip(proposer, acceptor).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        let expected = LSN(UInt64(differs ?? min(proposer.count, acceptor.count)) + 1)
        let found = try history(of: proposer)
            .divergence(from: try history(of: acceptor), endingAt: LSN(UInt64(acceptor.count) + 1))
        #expect(found?.lsn == expected, "seed \(seed)")
    }
}
