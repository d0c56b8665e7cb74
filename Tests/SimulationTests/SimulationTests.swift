import ConsensusSimulation
import Foundation
import Testing

/// Consensus under faults: the real state machines and storage, everything else simulated.
///
/// - `SIMULATION_SEEDS=10000` runs that many seeds (`make soak`); default 200.
/// - `SIMULATION_SEED=n` replays one and prints its whole trace.
@Suite("Consensus, simulated")
struct SimulationTests {
    static let steps = 1_000
    private static let groups = 8
    private static let seedCount =
        ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap { Int($0) } ?? 200
    private static let replayed = ProcessInfo.processInfo.environment["SIMULATION_SEED"].flatMap { UInt64($0) }

    /// Runs a seed; gives what was violated, with the end of the trace.
    private func failure(seed: UInt64, fault: PlantedFault? = nil) throws -> String? {
        let simulation = try Simulation(seed: seed, fault: fault)
        do {
            try simulation.run(steps: Self.steps)
            if Self.replayed != nil { print(simulation.trace.joined(separator: "\n")) }
            return nil
        } catch {
            let lines = Self.replayed == nil ? simulation.trace.suffix(40) : simulation.trace[...]
            return """
                seed \(seed): \(error)
                \(lines.joined(separator: "\n"))
                to replay: SIMULATION_SEED=\(seed) swift test -c release --skip-build --filter SimulationTests
                """
        }
    }

    @Test("Nothing committed is lost or changed", arguments: 0..<groups)
    func seeds(group: Int) throws {
        if let replayed = Self.replayed {
            guard group == 0 else { return }
            if let failure = try failure(seed: replayed) { Issue.record("\(failure)") }
            return
        }
        let count = Self.seedCount / Self.groups
        for index in 0..<count {
            let seed = UInt64(index * Self.groups + group)
            if let failure = try failure(seed: seed) {
                Issue.record("\(failure)")
                return
            }
            if index > 0 && index.isMultiple(of: 200) {
                print("simulation, group \(group): \(index) of \(count) seeds")
            }
        }
    }

    @Test("The same seed gives the same run, and much happens in it")
    func determinism() throws {
        var (elections, runs, exchanges, spoiled) = (0, 0, 0, 0)
        for seed in 0..<6 as Range<UInt64> {
            let simulations = try (0..<2).map { _ in
                let simulation = try Simulation(seed: seed)
                try simulation.run(steps: Self.steps)
                return simulation
            }
            #expect(simulations[0].trace == simulations[1].trace)
            #expect(simulations[0].activity.committedBytes > 10_000)
            elections += simulations[0].activity.elections
            runs += simulations[0].activity.runs
            exchanges += simulations[0].exchangeCount
            spoiled += simulations[0].spoiledCount
        }
        #expect(elections > 10 && runs > 20 && exchanges > 2 && spoiled > 10)
    }

    @Test("A mistake that is planted is found", arguments: PlantedFault.allCases)
    func planted(fault: PlantedFault) throws {
        for seed in 0..<400 as Range<UInt64> {
            if let found = try failure(seed: seed, fault: fault) {
                print("\(fault): \(found.prefix { $0 != "\n" })")
                return
            }
        }
        Issue.record("\(fault) was not found in 400 seeds")
    }
}
