import Testing

/// Proposers on a bad network, as a small model: the real acceptor's simulation is `Tests/SimulationTests`.
@Suite struct ProposerSimulationTests {
    @Test func randomRuns() throws {
        var (elections, committed, messages) = (0, 0, 0)
        for seed in UInt64(0)..<400 {
            var simulation = try ProposerSimulation(seed: seed)
            do {
                try simulation.run()
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
            elections += simulation.elections
            committed += simulation.committedCount
            messages += simulation.messages
        }
        // A simulation in which nothing happens finds nothing.
        #expect(elections > 800 && committed > 100_000 && messages > 50_000, "\(elections) \(committed) \(messages)")
    }

    /// Mistakes about what is committed are noticed.
    @Test(arguments: ProposerSimulation.PlantedFault.allCases)
    func plantedFaults(fault: ProposerSimulation.PlantedFault) throws {
        let expected = fault == .olderTermsAlone ? "WAL of older terms alone" : "not on a quorum"
        var found = 0
        for seed in UInt64(0)..<200 where found < 5 {
            var simulation = try ProposerSimulation(seed: seed, fault: fault)
            do {
                try simulation.run(steps: 1_000)
            } catch let failure as ProposerSimulation.Failure {
                #expect(failure.description.hasPrefix(expected), "seed \(seed): \(failure)")
                found += 1
            }
        }
        #expect(found == 5)
    }
}
