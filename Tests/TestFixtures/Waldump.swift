import Foundation
package import PostgresWAL

/// PostgreSQL's own `pg_waldump`, the oracle for decoding.
package enum Waldump {
    /// The versions whose `pg_waldump` is on this machine.
    package static let versions = PostgresMajorVersion.allCases.filter { path(of: $0) != nil }

    /// Where a version's `pg_waldump` is; nil if it isn't installed.
    package static func path(of version: PostgresMajorVersion) -> String? {
        ["/usr/lib/postgresql", "/var/cache/interpreted-wal/postgresql"]
            .map { "\($0)/\(version.rawValue)/bin/pg_waldump" }
            .first(where: FileManager.default.isExecutableFile)
    }

    /// Runs a version's `pg_waldump`.
    package static func run(_ version: PostgresMajorVersion, _ arguments: [String]) throws -> FinishedProcess {
        guard let path = path(of: version) else {
            throw FixtureError(description: "there is no pg_waldump of PostgreSQL \(version.rawValue)")
        }
        return try FinishedProcess.run(path, arguments)
    }
}
