import SafekeeperServer
import Testing

@Suite("The gate of a timeline")
struct TimelineGateTests {
    @Test func itIsEmptyOnceAllHaveLeft() async throws {
        let gate = TimelineGate()
        let (signals, go) = AsyncStream.makeStream(of: Void.self)
        let inside = Task {
            guard let pass = gate.enter() else { return false }
            for await _ in signals { break }
            extendLifetime(pass)
            return true
        }
        try await eventually("somebody is inside") { gate.userCount == 1 }
        gate.cancel()
        #expect(gate.isCancelled)
        let refused = gate.enter() == nil
        #expect(refused)
        let emptied = Task {
            await gate.untilEmpty()
            return gate.userCount
        }
        #expect(gate.userCount == 1)
        go.yield()
        #expect(await inside.value)
        #expect(await emptied.value == 0)
        await gate.untilEmpty()
    }

    @Test func cancellationIsTold() async throws {
        let gate = TimelineGate()
        let told = Task { await gate.untilCancelled() }
        let gaveUp = Task { await gate.untilCancelled() }
        gaveUp.cancel()
        #expect(await gaveUp.value == false)
        gate.cancel()
        #expect(await told.value)
        #expect(await gate.untilCancelled())
    }

    @Test("Many come and go while it is closed", arguments: 0..<20)
    func race(round: Int) async {
        let gate = TimelineGate()
        await withTaskGroup { group in
            for _ in 0..<16 {
                group.addTask {
                    while let pass = gate.enter() {
                        await Task.yield()
                        extendLifetime(pass)
                    }
                }
            }
            group.addTask {
                for _ in 0..<round { await Task.yield() }
                gate.cancel()
                await gate.untilEmpty()
                #expect(gate.userCount == 0)
            }
        }
        #expect(gate.userCount == 0)
    }
}
