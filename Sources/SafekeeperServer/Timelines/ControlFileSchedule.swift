/// When a timeline's control file is brought up to date, apart from the changes that can't wait.
///
/// The commit LSN moves with nearly every message; a control file that is behind only costs a longer scan at the next
/// start. So it is stored once it is a segment behind, or when the last time was long ago, by the timeline's manager
/// and never on the way of a message. It looks again no sooner than ``refreshInterval`` after the last time.
///
/// Source: `safekeeper-core.md` §2.5, §6.4.
package struct ControlFileSchedule: Hashable, Sendable {
    /// What the manager does next.
    package enum Step: Hashable, Sendable {
        /// Store the control file.
        case save
        /// Wait until the control file is so many bytes of WAL behind, if need be until a time.
        case wait(unsavedBy: UInt64, until: Duration?)
    }

    /// The least time between two looks.
    package static let refreshInterval = Duration.milliseconds(300)

    /// The time to the next attempt after one that failed.
    package static let retryInterval = Duration.seconds(1)

    private let segmentSize: UInt64
    private let saveInterval: Duration
    private var lastSaved: Duration

    /// - Parameters:
    ///   - segmentSize: bytes in a segment: how far the control file may be behind.
    ///   - saveInterval: how long.
    ///   - now: the time at which it was loaded.
    package init(segmentSize: UInt64, saveInterval: Duration, now: Duration) {
        self.segmentSize = segmentSize
        self.saveInterval = saveInterval
        lastSaved = now
    }

    /// What to do, given by how many bytes the control file is behind; nil if it isn't.
    package func next(unsavedDistance: UInt64?, now: Duration) -> Step {
        guard let unsavedDistance else { return .wait(unsavedBy: 0, until: nil) }
        let due = lastSaved + saveInterval
        if unsavedDistance >= segmentSize || now >= due { return .save }
        return .wait(unsavedBy: segmentSize, until: due)
    }

    /// It was stored.
    package mutating func saved(at now: Duration) {
        lastSaved = now
    }
}
