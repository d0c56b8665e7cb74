internal import PostgresWAL
internal import ReplicationProtocol

extension ConnectionManager {
    /// What operators see: who WAL comes from, how far that one is, and who else is there.
    ///
    /// Source: `ingest.md` §1.6.
    public var statusText: String {
        let others = candidates.values.sorted { $0.safekeeper.number < $1.safekeeper.number }.map { candidate in
            let time = candidate.updated?.wall.clockText ?? "-"
            let commit = candidate.commitLSN.map { "\($0)" } ?? "-"
            return "(\(candidate.safekeeper.number)|\(time)|\(commit))"
        }
        let list = "safekeeper candidates (id|update_time|commit_lsn): [\(others.joined(separator: ", "))]"
        return "\(connectionText), \(list)"
    }

    private var connectionText: String {
        guard let (attempt, status) = connection else { return ": disconnected" }
        let number = attempt.safekeeper.number
        guard status.isConnected else {
            return " (update \(status.latestConnectionUpdate.wall.dateText)): initializing node \(number) connection"
        }
        guard status.hasProcessedWAL else {
            return " (update \(status.latestConnectionUpdate.wall.dateText)): connecting to node \(number)"
        }
        let progress =
            switch (status.commitLSN, status.streamingLSN) {
            case (nil, nil): "no streaming data"
            case (let commit?, nil): "commit Lsn: \(commit)"
            case (nil, let streaming?): "streaming Lsn: \(streaming)"
            case (let commit?, let streaming?): "commit|streaming Lsn: \(commit)|\(streaming)"
            }
        return " (update \(status.latestWALUpdate.wall.dateText)): streaming WAL from node \(number), \(progress)"
    }
}

extension PostgresTimestamp {
    /// Date and time of day in UTC, `2025-01-31 23:59:59`.
    var dateText: String {
        let (year, month, day) = date
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) \(clockText)"
    }

    /// The time of day in UTC, `23:59:59`.
    var clockText: String {
        let second = wholeSeconds - wholeDays * 86_400
        return "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    }

    private var wholeSeconds: Int64 {
        (microseconds - (microseconds % 1_000_000 + 1_000_000) % 1_000_000) / 1_000_000
    }

    private var wholeDays: Int64 {
        let seconds = wholeSeconds
        return (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400
    }

    /// The civil date: years begin in March, so that the leap day is their last one.
    private var date: (year: Int64, month: Int64, day: Int64) {
        // 2000-03-01 is 60 days behind 2000-01-01, and 400 years have 146097 days.
        let days = wholeDays - 60
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = 2000 + era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
