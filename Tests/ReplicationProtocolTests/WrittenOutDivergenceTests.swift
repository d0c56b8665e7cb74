import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

/// Where histories part: `safekeeper-core.md` §3.3.
@Suite("Where histories part, by written out WAL") struct WrittenOutDivergenceTests {
    typealias Entries = [(UInt64, UInt64)]

    /// The end of what two histories have in common.
    private func common(_ ours: Entries, _ theirs: Entries, endingAt end: UInt64) throws -> LSN? {
        func history(_ entries: Entries) throws -> TermHistory {
            try TermHistory(entries.map { TermLSN(term: Term($0.0), lsn: LSN($0.1)) })
        }
        return try history(ours).divergence(from: try history(theirs), endingAt: LSN(end))?.lsn
    }

    @Test func table() throws {
        let rows: [(ours: Entries, theirs: Entries, end: UInt64, common: UInt64?)] = [
            ([(0, 1)], [(1, 1), (2, 2)], 3, nil),
            ([(1, 10), (2, 20), (4, 40)], [(1, 10), (2, 20), (3, 30)], 40, 30),
            ([(1, 10), (2, 20), (4, 40)], [(1, 10), (2, 20)], 32, 32),
            ([(1, 10), (2, 20)], [(1, 10), (2, 20)], 32, 32),
            ([(1, 10)], [], 0, nil),
            ([(0, 8), (1, 8)], [(0, 8)], 8, 8),
            ([(1, 10), (3, 20)], [(1, 10), (2, 30)], 40, 20),
        ]
        for row in rows {
            let common = try common(row.ours, row.theirs, endingAt: row.end)
            #expect(common == row.common.map { LSN($0) }, "\(row)")
        }
        #expect(throws: TermHistoryConflict.self) { try common([(1, 10)], [(1, 11)], endingAt: 20) }
    }

    /// Against WAL written out: every position has the term that wrote it.
    @Test func againstWrittenOutWAL() throws {
        for seed in UInt64(0)..<5_000 {
            var generator = SeededGenerator(seed: seed)
            // Both begin with the same WAL; what follows was written in odd terms here and in even ones there.
            let shared = (0..<Int.random(in: 0...3, using: &generator)).map { UInt64($0) + 1 }
            func grow(_ terms: [UInt64], _ starts: [UInt64]) -> Entries { Array(zip(terms, starts)) }
            var starts: [UInt64] = []
            var position: UInt64 = 10
            for _ in shared {
                starts.append(position)
                position += UInt64.random(in: 1...9, using: &generator)
            }
            // The last term is ours, or we would not be elected.
            func continued(parity: UInt64) -> Entries {
                var entries = grow(shared, starts)
                var at = shared.isEmpty ? 10 : position
                for index in 0..<UInt64.random(in: shared.isEmpty || parity == 1 ? 1...3 : 0...3, using: &generator) {
                    entries.append((10 + 2 * index + parity, at))
                    at += UInt64.random(in: 1...9, using: &generator)
                }
                return entries
            }
            let (ours, theirs) = (continued(parity: 1), continued(parity: 0))
            let end = theirs.last!.1 + UInt64.random(in: 0...9, using: &generator)
            func term(of entries: Entries, at lsn: UInt64) -> UInt64? { entries.last { $0.1 <= lsn }?.0 }
            // WAL of ours has no end here: it goes on as far as theirs does.
            let expected =
                shared.isEmpty
                ? nil : (10...end).first { $0 == end || term(of: ours, at: $0) != term(of: theirs, at: $0) }
            let common = try common(ours, theirs, endingAt: end)
            #expect(common == expected.map { LSN($0) }, "seed \(seed): \(ours) \(theirs) \(end)")
        }
    }
}
