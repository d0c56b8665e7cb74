import ArgumentParser
import Foundation
import PostgresHarness

@main
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Shows the whole way on a real PostgreSQL: from its WAL to the shards of a pageserver.",
        discussion: """
            Starts a stock PostgreSQL of its own in a temporary folder, three safekeepers, walctl push, and a pageserver \
            with shards made of a base backup. pgbench and a bulk load make WAL, each COMMIT waits for a quorum of the \
            safekeepers, one of which is killed and started again in the middle. In the end everything is stopped and \
            what the shards hold is compared with the server's files. The page demo-report.html shows the run. Nothing \
            else is left behind.

            A run of \(PipelineRun.shortestJudged) seconds or more is also judged by whether the memory of every process and \
            the lag of the shards stay where they are.

            Exit status: 0 if everything was right, 1 if not, 128 and the signal's number after a signal.
            """
    )

    @Option(help: "Seconds of pgbench, 1 to 3600; with --from, of watching.")
    var seconds = 15

    @Option(help: "Rows of the bulk load.")
    var rows = 300_000

    @Option(help: "Rows that are loaded each second beside pgbench, all the time.")
    var steadyRows = 0

    @Option(help: "PostgreSQL major version: 15, 16 or 17.")
    var postgres = 15

    @Option(help: "Shards of the pageserver, 1 to 32.")
    var shards: UInt8 = 4

    @Option(name: .customLong("protocol"), help: "How WAL goes to the shards: interpreted or vanilla.")
    var wireProtocol = "interpreted"

    @Option(
        help: ArgumentHelp(
            "Blocks of 8 KiB that stay together on one shard; small, so that a small database spreads.",
            valueName: "pages"
        )
    )
    var stripeSize: UInt32 = 16

    @Option(
        help: ArgumentHelp(
            """
            A server of your own instead, as libpq takes it; its load is yours. It needs wal_level = replica and a role \
            that may replicate. It is read only: a base backup, and its WAL.
            """,
            valueName: "connection"
        )
    )
    var from: String?

    @Flag(help: "Look at WAL files only: no safekeepers, no pageserver.")
    var filesOnly = false

    @Flag(help: "Plain lines also on a terminal.")
    var plain = false

    @Option(help: ArgumentHelp("Where the page goes.", valueName: "path"))
    var report = "demo-report.html"

    @Option(help: ArgumentHelp("The folder with safekeeper, pageserver and walctl.", visibility: .hidden))
    var programs: String?

    mutating func validate() throws {
        guard (1...3600).contains(seconds) else { throw ValidationError("--seconds is from 1 to 3600") }
        guard (1...1_000_000_000).contains(rows) else { throw ValidationError("--rows is from 1 to 1000000000") }
        guard (0...1_000_000).contains(steadyRows) else {
            throw ValidationError("--steady-rows is from 0 to 1000000")
        }
        guard PostgresInstallation.majors.contains(postgres) else {
            throw ValidationError("--postgres is one of 15, 16, 17")
        }
        guard (1...32).contains(shards) else { throw ValidationError("--shards is from 1 to 32") }
        guard PipelineOptions.WireProtocol(rawValue: wireProtocol) != nil else {
            throw ValidationError("--protocol is interpreted or vanilla")
        }
        guard stripeSize > 0 else { throw ValidationError("--stripe-size is at least 1") }
    }

    func run() throws {
        let isPlain = plain || ProcessInfo.processInfo.environment["CI"] != nil
        let console = Console(isPlain: isPlain)
        let undoing = Undoing()
        undoing.watchSignals()
        let result = Result { try makeReport(console, undoing) }
        undoing.waitIfInterrupted()
        undoing.undo()
        let made = try result.get()
        try ReportPage.html(of: made).write(toFile: report, atomically: true, encoding: .utf8)
        console.say("\n\(Summary(made))\n\nThe run as a page: \(report)")
        guard made.passed else { throw ExitCode.failure }
    }

    private func makeReport(_ console: Console, _ undoing: Undoing) throws -> RunReport {
        let files = FileRun(console: console, stripeSize: stripeSize)
        if from == nil, (try? PostgresInstallation.find(major: postgres)) == nil {
            console.say("There is no PostgreSQL \(postgres) here: the built-in generator makes the WAL.")
            return try files.generatedWAL(rows: rows, undoing: undoing)
        }
        if filesOnly {
            return try files.serverWAL(major: postgres, seconds: seconds, rows: rows, undoing: undoing)
        }
        guard let wireProtocol = PipelineOptions.WireProtocol(rawValue: wireProtocol) else {
            throw ValidationError("--protocol is interpreted or vanilla")
        }
        let options = PipelineOptions(
            seconds: seconds,
            rows: rows,
            steadyRows: steadyRows,
            major: postgres,
            shards: shards,
            stripeSize: stripeSize,
            wireProtocol: wireProtocol,
            connection: from,
            programs: programs ?? PipelineOptions.ownFolder,
            configuration: PipelineOptions.ownConfiguration
        )
        return try PipelineRun(options, console, undoing).run()
    }
}

struct DemoError: Error, CustomStringConvertible {
    let description: String
}
