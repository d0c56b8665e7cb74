import Foundation
import PostgresHarness
import PostgresWAL
import ShardIdentity

/// The whole way once: server, proposer, safekeepers, pageserver; load, a crash, and the end.
final class PipelineRun {
    let options: PipelineOptions
    let console: Console
    let undoing: Undoing
    let source: SourceServer
    /// Everything of the run is in here, and goes with it.
    let folder: String
    let tenant = TenantID(bits: .random(in: 1 ... .max))
    let timeline = TimelineID(bits: .random(in: 1 ... .max))
    private(set) var safekeepers: [Safekeeper] = []
    private(set) var pageserver: Program?
    private(set) var proposer: Program?
    private(set) var monitor: Monitor
    /// Where the backup begins.
    private(set) var start = LSN.invalid
    /// How everybody stood before the load.
    private(set) var base: RunReport.Sample?
    var report: RunReport
    private var view: LiveView

    /// A safekeeper, its ports and its data.
    struct Safekeeper {
        let program: Program
        let directory: String
        var port: UInt16 = 0
        var httpPort: UInt16 = 0
    }

    /// Seconds from sample to sample.
    private static let samplePeriod = 0.5

    init(_ options: PipelineOptions, _ console: Console, _ undoing: Undoing) throws {
        self.options = options
        self.console = console
        self.undoing = undoing
        for name in ["safekeeper", "pageserver", "walctl"] { _ = try options.program(name) }
        if let connection = options.connection {
            source = try SourceServer(connection: connection)
        } else {
            console.say("PostgreSQL \(options.major): starting …")
            source = try SourceServer(major: options.major, undoing: undoing)
        }
        // Inside of the server's folder, it goes with the server, even if this process is killed.
        let place = source.own?.folder ?? FileManager.default.temporaryDirectory.path
        folder = try undoing.remembering {
            let path = try WorkFolder.make(in: place)
            return (path, { try? FileManager.default.removeItem(atPath: path) })
        }
        monitor = Monitor(source, safekeepers: [], timelinePath: "/v1/tenant/\(tenant)/timeline/\(timeline)")
        report = RunReport(title: "From PostgreSQL \(source.version.rawValue) to \(options.shards) shards")
        view = LiveView(console)
        report.setting = [
            .init(
                "source",
                options.connection == nil ? "a stock PostgreSQL \(options.major), fsync on" : "a server that was there"
            ),
            .init("safekeepers", "3, with fsync; the one that the shards receive from is killed and started again"),
            .init("protocol", options.wireProtocol.words),
            .init("load", options.load),
            .init("shards", "\(options.shards), stripes of \(options.stripeSize) pages, in one pageserver process"),
        ]
    }

    // MARK: - Starting everything

    /// Backs up the server, and starts what is behind it.
    func startAll() throws {
        let archive = try source.backUp(into: path("backup"))
        for number in 1...3 { try startSafekeeper(number) }
        monitor.safekeepers = safekeepers.map(\.httpPort)
        console.say("safekeepers: 3, on ports \(safekeepers.map { "\($0.port)" }.joined(separator: ", "))")
        try importBackup(archive)
        try startPageserver()
        try startProposer()
        // The backup has ended a segment early. The rest of it goes nowhere before a record behind it does.
        try source.own?.psql("checkpoint")
        var before: [RunReport.Sample.Shard] = []
        try follow(step: "connecting", atMost: 60) { sample in
            defer { before = sample.shards }
            guard sample.safekeepers.allSatisfy({ $0 != nil }), sample.commit >= start,
                sample.shards.count == Int(options.shards)
            else { return false }
            // A server that is busy already can't be caught up with to the last byte.
            if source.own == nil { return true }
            // The count of bytes comes a little later than what is in them.
            return sample.shards == before && sample.shards.allSatisfy { $0.receivedBytes > 0 }
                && sample.shards.indices.allSatisfy { sample.lag(ofShard: $0) == 0 }
        }
        // What was there before the load, the rest of the segment that the backup ended among it, is not part of it.
        base = report.samples.last
        report.samples = []
        monitor.restart()
    }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    var archive: String { path("backup") + "/base.tar" }
    var pageserverFolder: String { path("pageserver") }

    private func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    private func startSafekeeper(_ number: Int) throws {
        let directory = path("safekeeper-\(number)")
        try makeFolder(directory)
        let program = Program(
            "safekeeper \(number)",
            [
                try options.program("safekeeper"), "--config", "\(options.configuration)/safekeeper.toml", "--id",
                "\(number)", "--datadir", directory,
            ],
            log: directory + ".log",
            undoing: undoing
        )
        safekeepers.append(Safekeeper(program: program, directory: directory))
        monitor.programs.append(program)
        try startSafekeeper(at: number - 1)
    }

    /// Starts it on the ports that it had, if it had any.
    private func startSafekeeper(at index: Int) throws {
        let safekeeper = safekeepers[index]
        let before = safekeeper.program.log.utf8.count
        try safekeeper.program.start([
            "--listen-pg", "127.0.0.1:\(safekeeper.port)", "--listen-http", "127.0.0.1:\(safekeeper.httpPort)",
        ])
        let words = ["listen_pg=127.0.0.1:", "listen_http=127.0.0.1:"]
        let ports = try safekeeper.program.numbers(behind: words, since: before)
        safekeepers[index].port = ports[0]
        safekeepers[index].httpPort = ports[1]
    }

    private func importBackup(_ archive: String) throws {
        console.say("base backup: importing into \(options.shards) shards …")
        try makeFolder(pageserverFolder)
        let importer = Program(
            "pageserver import",
            [
                try options.program("pageserver"), "import", "--workdir", pageserverFolder, "--tenant-id", "\(tenant)",
                "--timeline-id", "\(timeline)", "--pg-version", "\(source.version.rawValue)", "--shard-count",
                "\(options.shards)", "--shard-stripe-size", "\(options.stripeSize)", "--archive", archive,
            ],
            log: path("import.log"),
            undoing: undoing
        )
        try importer.start()
        let status = try importer.waitForEnd()
        guard status == 0, let words = importer.log.split(separator: "imported up to ").last,
            let lsn = LSN(String(words.prefix { $0.isHexDigit || $0 == "/" }))
        else {
            throw DemoError(description: "the import ended with status \(status): \(importer.log)")
        }
        start = lsn
    }

    private func startPageserver() throws {
        // What only a file can say, behind everything that the standard file has.
        var text = try String(contentsOfFile: "\(options.configuration)/pageserver.toml", encoding: .utf8)
        for (index, safekeeper) in safekeepers.enumerated() {
            text += "\n[[safekeepers]]\nid = \(index + 1)\naddress = \"127.0.0.1:\(safekeeper.port)\"\n"
        }
        let configuration = path("pageserver.toml")
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        let program = Program(
            "pageserver",
            [
                try options.program("pageserver"), "--config", configuration, "--workdir", pageserverFolder,
                "--listen-http-addr", "127.0.0.1:0", "--wal-receiver-protocol", options.wireProtocol.json,
            ],
            log: path("pageserver.log"),
            undoing: undoing
        )
        try program.start()
        monitor.pageserver = try program.numbers(behind: ["listen_http_addr=127.0.0.1:"])[0]
        pageserver = program
        monitor.programs.append(program)
        console.say("pageserver: \(options.shards) shards from \(start) on, \(options.wireProtocol.words)")
    }

    private func startProposer() throws {
        let program = Program(
            "walctl push",
            [
                try options.program("walctl"), "push", "--from", source.connection, "--safekeepers",
                safekeepers.map { "127.0.0.1:\($0.port)" }.joined(separator: ","), "--tenant", "\(tenant)",
                "--timeline", "\(timeline)", "--create", "--start", "\(start)",
            ],
            log: path("walctl.log"),
            undoing: undoing
        )
        try program.start()
        proposer = program
        monitor.programs.append(program)
        console.say("walctl push: WAL goes to the safekeepers")
    }

    // MARK: - Watching

    /// Samples, shows and keeps how everybody stands until something is the case.
    ///
    /// - Throws: ``DemoError`` if it isn't after `limit` seconds, or a program has ended.
    func follow(step: String, atMost limit: Double, _ isDone: (RunReport.Sample) throws -> Bool) throws {
        let deadline = monitor.seconds + limit
        while true {
            let sample = try monitor.sample()
            report.samples.append(sample)
            view.show(sample, step)
            if try isDone(sample) { break }
            try proposer?.checkIsRunning()
            try pageserver?.checkIsRunning()
            guard monitor.seconds < deadline else {
                throw DemoError(
                    description: """
                        \(step): not done after \(Int(limit)) s: \(LiveView.line(sample, after: nil, step))
                        \(proposer.map { "walctl push says: \($0.log.suffix(600))" } ?? "")
                        """
                )
            }
            usleep(UInt32(max(Self.samplePeriod - (monitor.seconds - sample.seconds), 0.01) * 1e6))
        }
        console.keep()
    }

    /// Tells what happens, in the terminal and in the report.
    func note(_ text: String) {
        report.events.append(.init(seconds: monitor.seconds, text: text))
        console.say("→ \(text)")
    }

    /// Kills a safekeeper as a crash would.
    func killSafekeeper(_ number: Int) throws {
        let status = try safekeepers[number - 1].program.stop(SIGKILL)
        guard status == 128 + SIGKILL else {
            throw DemoError(description: "safekeeper \(number) had ended with status \(status) before it was killed")
        }
        note("safekeeper \(number) killed with -9")
    }

    /// Starts it again, on the same data.
    func restartSafekeeper(_ number: Int) throws {
        try startSafekeeper(at: number - 1)
        note("safekeeper \(number) is back")
    }

    /// Ends all programs in order; gives those that did not end with status 0.
    func stopAll() throws -> [String] {
        var failed: [String] = []
        for program in [proposer, pageserver].compactMap({ $0 }) + safekeepers.map(\.program) {
            let began = monitor.seconds
            let status = try program.stop(SIGTERM)
            guard status != 0 else { continue }
            let seconds = Quantity.significant(monitor.seconds - began)
            failed.append("\(program.name): status \(status) after \(seconds) s: \(program.lastLine)")
        }
        proposer = nil
        pageserver = nil
        return failed
    }
}
