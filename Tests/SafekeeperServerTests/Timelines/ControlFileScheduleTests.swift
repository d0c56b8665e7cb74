import SafekeeperServer
import Testing

@Suite("When the control file is stored")
struct ControlFileScheduleTests {
    private let start = Duration.seconds(50)
    private let schedule = ControlFileSchedule(segmentSize: 16 << 20, saveInterval: .seconds(300), now: .seconds(50))

    @Test("Nothing to store: nothing to do, however long", arguments: [0, 299, 300, 100_000])
    func idle(seconds: Int) {
        #expect(schedule.next(unsavedDistance: nil, now: start + .seconds(seconds)) == .wait(unsavedBy: 0, until: nil))
    }

    @Test(
        "A segment behind, or for the interval",
        arguments: [
            (0, 0, false), (16 << 20 - 1, 0, false), (16 << 20, 0, true), (1 << 40, 0, true), (0, 299, false),
            (0, 300, true),
        ] as [(UInt64, Int, Bool)]
    )
    func due(distance: UInt64, seconds: Int, isDue: Bool) {
        let step = schedule.next(unsavedDistance: distance, now: start + .seconds(seconds))
        #expect(step == (isDue ? .save : .wait(unsavedBy: 16 << 20, until: start + .seconds(300))))
    }

    @Test func theIntervalBeginsAnewEachTime() {
        var schedule = schedule
        schedule.saved(at: start + .seconds(300))
        #expect(schedule.next(unsavedDistance: 1, now: start + .seconds(599)) != .save)
        #expect(schedule.next(unsavedDistance: 1, now: start + .seconds(600)) == .save)
    }
}
