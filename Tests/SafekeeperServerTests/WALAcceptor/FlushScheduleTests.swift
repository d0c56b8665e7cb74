import SafekeeperServer
import Testing

@Suite("When WAL is flushed while messages keep coming")
struct FlushScheduleTests {
    private let start = Duration.seconds(10)

    @Test func nothingIsFlushedUnlessSomethingWasWritten() {
        var schedule = FlushSchedule()
        #expect(!schedule.isDirty && !schedule.isDue(at: start))
        schedule.appended(0, at: start)
        #expect(schedule.isDirty && !schedule.isDue(at: start))
        schedule.flushed(from: start, to: start)
        #expect(!schedule.isDirty && !schedule.isDue(at: start + .seconds(100)))
    }

    @Test("The first record that waits counts, and the share of time that flushes take")
    func age() {
        var schedule = FlushSchedule()
        for (flush, age) in [(0, 5), (1, 5), (2, 8), (3, 12), (4, 12), (1000, 12)] {
            schedule.appended(10, at: start)
            schedule.flushed(from: start, to: start + .milliseconds(flush))
            schedule.appended(10, at: start)
            schedule.appended(10, at: start + .milliseconds(age) - .nanoseconds(1))
            #expect(!schedule.isDue(at: start + .milliseconds(age) - .nanoseconds(1)), "\(flush) ms")
            #expect(schedule.isDue(at: start + .milliseconds(age)), "\(flush) ms")
        }
    }

    @Test("On a slow disk no more is piled up than it takes in 10 ms")
    func amount() {
        var schedule = FlushSchedule()
        schedule.appended(8 << 20, at: start)
        // 8 MiB in 20 ms: 4 MiB in 10 ms.
        schedule.flushed(from: start, to: start + .milliseconds(20))
        schedule.appended(4 << 20 - 1, at: start)
        #expect(!schedule.isDue(at: start))
        schedule.appended(1, at: start)
        #expect(schedule.isDue(at: start))
        // A small flush says nothing about the disk.
        schedule.flushed(from: start, to: start + .milliseconds(10))
        schedule.appended(1000, at: start)
        schedule.flushed(from: start, to: start + .milliseconds(40))
        schedule.appended(4 << 20 - 1, at: start)
        #expect(!schedule.isDue(at: start))
        schedule.appended(1 << 20, at: start)
        // Never less than 1 MiB, however slow.
        schedule.flushed(from: start, to: start + .seconds(40))
        schedule.appended(1 << 20 - 1, at: start)
        #expect(!schedule.isDue(at: start))
        schedule.appended(1, at: start)
        #expect(schedule.isDue(at: start))
    }

    @Test func aFinishedSegmentStartsAnew() {
        var schedule = FlushSchedule()
        schedule.appended(10, at: start)
        schedule.segmentFinished(at: start + .milliseconds(4))
        #expect(schedule.isDirty && !schedule.isDue(at: start + .milliseconds(8)))
        #expect(schedule.isDue(at: start + .milliseconds(9)))
    }

    @Test func aFailedFlushIsNotRepeatedAtOnce() {
        var schedule = FlushSchedule()
        schedule.appended(10, at: start)
        schedule.flushFailed()
        #expect(!schedule.isDirty && !schedule.isDue(at: start + .seconds(1)))
    }
}
