internal import Glibc
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// How those who are sent WAL look in the JSON of the management API.
///
/// Source: `safekeeper-operations.md` §0, §1.3.
extension JSONForms {
    static func sender(_ status: WALSenders.Status, of id: TenantTimelineID) -> JSONValue {
        let entry = status.entry
        var members = [JSONValue.Member(name: "ttid", value: .string("\(id)"))]
        if let shard = entry.shard { members.append(.init(name: "shard", value: self.shard(shard))) }
        members.append(.init(name: "addr", value: .string(entry.address)))
        members.append(.init(name: "conn_id", value: number(entry.connection)))
        if let name = entry.applicationName { members.append(.init(name: "appname", value: .string(name))) }
        members.append(.init(name: "feedback", value: feedback(status.feedback)))
        return entry.shard == nil ? object(["Vanilla": .object(members)]) : object(["Interpreted": .object(members)])
    }

    /// What a shard of a current layout has said; the safekeeper's own addition.
    static func shard(_ status: ShardProgress.ShardStatus) -> JSONValue {
        var count = JSONValue.null
        var stripeSize = JSONValue.null
        if case .shards(let shardCount, let stripe) = status.layout {
            count = number(shardCount.rawValue)
            stripeSize = number(stripe.pages)
        }
        return object([
            "number": number(status.number), "count": count, "stripe_size": stripeSize,
            "connections": number(status.connections),
            "remote_consistent_lsn": status.feedback.map { lsn($0.remoteConsistent) } ?? .null,
        ])
    }

    private static func shard(_ shard: ShardIdentity) -> JSONValue {
        object([
            "number": number(shard.number.rawValue), "count": number(shard.count.rawValue),
            "stripe_size": number(shard.stripeSize.pages), "layout": number(shard.layout.rawValue),
        ])
    }

    private static func feedback(_ feedback: WALSenders.Feedback) -> JSONValue {
        switch feedback {
        case .pageserver(let feedback):
            object([
                "Pageserver": object([
                    "current_timeline_size": number(feedback.currentTimelineSize),
                    "last_received_lsn": lsn(feedback.lastReceived),
                    "disk_consistent_lsn": lsn(feedback.diskConsistent),
                    "remote_consistent_lsn": lsn(feedback.remoteConsistent),
                    "replytime": .string(instant(feedback.replyTime)), "shard_number": number(feedback.shardNumber),
                    "corruption_detected": .boolean(feedback.corruptionDetected),
                ])
            ])
        case .standby(let status, let horizons):
            object([
                "Standby": object([
                    "reply": object([
                        "write_lsn": lsn(status.write), "flush_lsn": lsn(status.flush),
                        "apply_lsn": lsn(status.apply), "reply_ts": number(status.time.microseconds),
                        "reply_requested": .boolean(status.replyRequested),
                    ]),
                    "hs_feedback": object([
                        "ts": number(horizons.time.microseconds), "xmin": number(horizons.xmin),
                        "catalog_xmin": number(horizons.catalogXmin),
                    ]),
                ])
            ])
        }
    }

    /// A point in time: `2000-01-01T00:00:00+00:00`, with a fraction if there is one.
    static func instant(_ time: PostgresTimestamp) -> String {
        // Rounded down, also before 2000; years beyond four digits are of no use to anybody.
        let limit: Int64 = 200_000_000_000 * 1_000_000
        let microseconds = min(max(time.microseconds, -limit / 10), limit)
        let fraction = ((microseconds % 1_000_000) + 1_000_000) % 1_000_000
        var seconds = time_t((microseconds - fraction) / 1_000_000 + PostgresTimestamp.unixEpochOffsetSeconds)
        var date = tm()
        gmtime_r(&seconds, &date)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = "\(value)"
            return String(repeating: "0", count: max(width - digits.utf8.count, 0)) + digits
        }
        let day =
            "\(padded(Int(date.tm_year) + 1900, 4))-\(padded(Int(date.tm_mon) + 1, 2))-\(padded(Int(date.tm_mday), 2))"
        let clock = [date.tm_hour, date.tm_min, date.tm_sec].map { padded(Int($0), 2) }.joined(separator: ":")
        return "\(day)T\(clock)\(fraction == 0 ? "" : ".\(padded(Int(fraction), 6))")+00:00"
    }
}
