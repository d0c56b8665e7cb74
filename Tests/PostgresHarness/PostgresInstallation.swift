import Foundation

/// The programs of one PostgreSQL major version, as `scripts/setup` installs them.
package struct PostgresInstallation: Sendable {
    /// 15, 16 or 17.
    package let major: Int
    /// The folder with `postgres`, `psql` and the others.
    package let binaries: String

    /// The major versions that `scripts/setup` installs.
    package static let majors = [15, 16, 17]

    /// The folder that all clones share: `$INTERPRETED_WAL_CACHE`, or `/var/cache/interpreted-wal`.
    package static var cache: String {
        ProcessInfo.processInfo.environment["INTERPRETED_WAL_CACHE"] ?? "/var/cache/interpreted-wal"
    }

    /// Finds a version: Debian's 15, the cache's 16 and 17.
    ///
    /// - Throws: ``HarnessError`` if it is not there, saying what to run.
    package static func find(major: Int) throws -> PostgresInstallation {
        let candidates = ["\(cache)/postgresql/\(major)/bin", "/usr/lib/postgresql/\(major)/bin"]
        for folder in candidates where FileManager.default.isExecutableFile(atPath: "\(folder)/postgres") {
            return PostgresInstallation(major: major, binaries: folder)
        }
        throw HarnessError("PostgreSQL \(major) is not in \(candidates.joined(separator: " or ")): run `make setup`")
    }

    /// The path of a program, `"pg_waldump"` for example.
    package func path(of tool: String) -> String {
        "\(binaries)/\(tool)"
    }

    /// Runs one of the programs to its end as ourselves, without any `PG…` variable of the caller.
    ///
    /// - Throws: ``HarnessError`` if it cannot be started or fails.
    @discardableResult
    package func run(_ tool: String, _ arguments: [String], input: String = "") throws -> ToolOutput {
        try attempt(tool, arguments, input: input).checked(tool)
    }

    /// Runs one of the programs to its end, as ``run(_:_:input:)``, but leaves judging its status to the caller.
    package func attempt(_ tool: String, _ arguments: [String], input: String = "") throws -> ToolOutput {
        try ToolOutput.of([path(of: tool)] + arguments, environment: environment, input: input)
    }

    /// All that the programs get to see: messages and sorting must not depend on who runs the tests.
    var environment: [String: String] {
        ["PATH": "\(binaries):/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent"]
    }
}
