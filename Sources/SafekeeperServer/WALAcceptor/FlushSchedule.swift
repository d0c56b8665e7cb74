/// When WAL that was written is made durable, so that proposers get their answers.
///
/// When the queue runs dry it is flushed at once: while the disk is busy messages pile up, and the next flush is for all
/// of them. While messages keep coming it is flushed once what waits is old enough, or there is enough of it. Upstream
/// waits for a second then, so that a small commit in a stream of bulk data takes that long; here it is a matter of
/// milliseconds:
///
/// - The age is ``ageInUnits`` times what a flush takes, so that flushing takes at most that share of the time and bulk
///   data keeps its throughput. It is at least ``minimumAge``, where flushes are cheap, and at most ``maximumAge``, so
///   that commits don't wait for the sake of bulk data where they are not.
/// - The amount is what the disk was seen to take in ``flushTime``, and at least ``minimumAmount``. Memory takes in a few
///   milliseconds what keeps a slow disk busy for a second.
/// - Nothing looks into the WAL for commits. Commits are not all that waits for a flush: pages can only be read back
///   once a pageserver has their WAL, and it gets no more than what is committed.
///
/// Source: `safekeeper-core.md` §3.6.
package struct FlushSchedule: Hashable, Sendable {
    /// The share of the time that flushing may take, as its inverse.
    package static let ageInUnits = 4
    /// The least age.
    package static let minimumAge = Duration.milliseconds(5)
    /// The greatest age.
    package static let maximumAge = Duration.milliseconds(12)
    /// How long a flush is to take at most.
    package static let flushTime = Duration.milliseconds(10)
    /// The least amount, in bytes: with less a flush says little about the disk.
    package static let minimumAmount = 1 << 20

    private var waitingSince: Duration?
    private var amount = 0
    private var ageLimit = FlushSchedule.minimumAge
    private var amountLimit = 16 << 20

    package init() {}

    /// Whether anything waits to be flushed.
    package var isDirty: Bool { waitingSince != nil }

    /// WAL was written, or, with 0 bytes, a heartbeat wants to be answered.
    package mutating func appended(_ count: Int, at now: Duration) {
        if waitingSince == nil { waitingSince = now }
        amount += count
    }

    /// A full segment was made durable, and what was before it with it; something behind it may wait.
    package mutating func segmentFinished(at now: Duration) {
        waitingSince = now
        amount = 0
    }

    /// Whether it is time to flush although messages keep coming.
    package func isDue(at now: Duration) -> Bool {
        guard let waitingSince else { return false }
        return amount >= amountLimit || now - waitingSince >= ageLimit
    }

    /// All was flushed.
    package mutating func flushed(from start: Duration, to end: Duration) {
        let duration = end - start
        ageLimit = min(max(duration * Self.ageInUnits, Self.minimumAge), Self.maximumAge)
        if amount >= Self.minimumAmount / 2 {
            let share = min(Self.flushTime / max(duration, .microseconds(100)), 200)
            amountLimit = max(Self.minimumAmount, Int(Double(amount) * share))
        }
        waitingSince = nil
        amount = 0
    }

    /// The flush failed: it is not tried again before something new is written.
    package mutating func flushFailed() {
        waitingSince = nil
        amount = 0
    }
}
