import Foundation
import PostgresWAL
import TestFixtures

/// A layout that a golden file is about, and its file's name: `pg16-shards4-stripe8`.
struct GoldenInterpretation: CustomStringConvertible {
    let name: String
    let wal: String
    let shardCount: Int
    let stripeSize: Int

    var description: String { name }

    init?(_ name: String) {
        let parts = name.split(separator: "-")
        guard parts.count >= 3, let shardCount = Int(parts[parts.count - 2].dropFirst("shards".count)),
            let stripeSize = Int(parts[parts.count - 1].dropFirst("stripe".count))
        else { return nil }
        self.name = name
        wal = parts.dropLast(2).joined(separator: "-")
        self.shardCount = shardCount
        self.stripeSize = stripeSize
    }

    /// The layouts that a folder of fixtures has files for.
    static func all(in folder: String) -> [GoldenInterpretation] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: fixturePath(folder))) ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted()
            .compactMap { GoldenInterpretation(String($0.dropLast(".txt".count))) }
    }

    /// Runs `walctl` over the golden range, or up to another end.
    func run(_ command: String, upTo end: String? = nil, _ options: String...) throws -> FinishedProcess {
        let golden = try GoldenWAL.load(wal)
        let range = [
            "--wal-dir", golden.path, "--start", golden.start.description, "--end", end ?? golden.end.description,
        ]
        let layout = ["--shard-count", "\(shardCount)", "--stripe-size", "\(stripeSize)"]
        return try FinishedProcess.run(Walctl.path, [command] + range + layout + options)
    }
}
