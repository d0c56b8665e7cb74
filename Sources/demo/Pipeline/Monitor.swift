import Foundation
import PostgresHarness
import PostgresWAL

/// Asks all parties how they stand.
struct Monitor {
    let source: SourceServer
    /// The ports of the safekeepers' APIs.
    var safekeepers: [UInt16]
    /// The port of the pageserver's API; nil before it runs.
    var pageserver: UInt16?
    /// Whose memory is looked at, besides that of a server of the demo's.
    var programs: [Program] = []
    let timelinePath: String
    private var began = ContinuousClock.now

    init(_ source: SourceServer, safekeepers: [UInt16], timelinePath: String) {
        self.source = source
        self.safekeepers = safekeepers
        self.timelinePath = timelinePath
    }

    /// Seconds since the start.
    var seconds: Double { (ContinuousClock.now - began) / .seconds(1) }

    /// Counts seconds from now on.
    mutating func restart() { began = ContinuousClock.now }

    /// How everybody stands now.
    func sample() throws -> RunReport.Sample {
        // The server comes last, so that nobody can be ahead of it but for what is written meanwhile.
        let positions = safekeepers.map { port -> (flush: LSN?, commit: LSN?) in
            guard let status = LoopbackHTTP.object(port: port, timelinePath) else { return (nil, nil) }
            return (Self.lsn(status["flush_lsn"]), Self.lsn(status["commit_lsn"]))
        }
        let shards = shardStatus().map { shard in
            RunReport.Sample.Shard(
                lastRecord: Self.lsn(shard["last_record_lsn"]) ?? .invalid,
                receivedBytes: Self.number(shard["received_bytes"]) ?? 0
            )
        }
        return RunReport.Sample(
            seconds: seconds,
            serverEnd: try source.end(),
            commit: positions.compactMap(\.commit).max() ?? .invalid,
            safekeepers: positions.map(\.flush),
            shards: shards,
            resident: resident()
        )
    }

    private func resident() -> [String: UInt64] {
        var resident: [String: UInt64] = [:]
        for program in programs { resident[program.name] = program.residentBytes }
        resident[RunReport.serverName] = source.own?.residentBytes
        return resident
    }

    /// What the pageserver says of its shards, in order; nothing if it doesn't answer.
    func shardStatus() -> [[String: Any]] {
        guard let pageserver, let status = LoopbackHTTP.object(port: pageserver, "/v1/status"),
            let shards = status["shards"] as? [[String: Any]]
        else { return [] }
        return shards.sorted { ($0["shard_id"] as? String ?? "") < ($1["shard_id"] as? String ?? "") }
    }

    /// What each shard was sent up to now.
    func shards() -> [RunReport.Shard] {
        shardStatus().map { shard in
            RunReport.Shard(
                name: shard["shard_id"] as? String ?? "?",
                bytes: Self.number(shard["received_bytes"]) ?? 0,
                records: Self.number(shard["received_records"]),
                lastRecord: Self.lsn(shard["last_record_lsn"]) ?? .invalid
            )
        }
    }

    private static func lsn(_ value: Any?) -> LSN? {
        (value as? String).flatMap { LSN($0) }
    }

    private static func number(_ value: Any?) -> UInt64? {
        (value as? NSNumber)?.uint64Value
    }
}
