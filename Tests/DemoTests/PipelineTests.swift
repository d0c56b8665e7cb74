import Foundation
import PostgresHarness
import TestFixtures
import Testing

/// The demo as a process.
private final class DemoProcess {
    let folder: TemporaryFolder
    private let child: ChildProcess

    var output: String { (try? String(contentsOfFile: folder.path(of: "output"), encoding: .utf8)) ?? "" }
    var report: String { (try? String(contentsOfFile: folder.path(of: "report.html"), encoding: .utf8)) ?? "" }

    /// - Parameters:
    ///   - arguments: its command line.
    ///   - environment: variables besides ours.
    ///   - launcher: a command that becomes the demo, whose own command line follows it.
    /// - Throws: what keeps it from being started.
    init(_ arguments: [String], environment: [String: String] = [:], launcher: [String] = []) throws {
        folder = try TemporaryFolder()
        let output = open(folder.path(of: "output"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            close(output)
            close(nothing)
        }
        let build = ProcessInfo.processInfo.environment["DEMO_PROGRAMS"]
        let path = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../.build/release").standardized.path
        child = try ChildProcess(
            launcher + ["\(build ?? path)/demo", "--report", folder.path(of: "report.html")] + arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            streams: .init(input: nothing, output: output, errors: output),
            newSession: true
        )
    }

    deinit {
        child.signal(SIGKILL)
        child.wait()
    }

    func signal(_ number: Int32) { child.signal(number) }

    /// Waits for its end; gives its exit status.
    func wait() throws -> Int32 {
        try #require(child.wait(atMost: .seconds(120)), "the demo did not end: \(output)")
    }

    /// Waits until it has said something.
    func wait(for words: String) throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while !output.contains(words) {
            try #require(child.exitStatus() == nil, "it ended before '\(words)': \(output)")
            try #require(ContinuousClock.now < deadline, "no '\(words)': \(output)")
            usleep(20_000)
        }
    }

    /// The folder of its server, as programs of the demo name it in their arguments.
    func serverFolder() throws -> String {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int32(name) != nil {
            guard let words = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8),
                let status = try? String(contentsOfFile: "/proc/\(name)/status", encoding: .utf8),
                status.contains("PPid:\t\(child.pid)\n"), words.contains("safekeeper-1"),
                let found = words.firstMatch(of: /\/tmp\/iwal-[A-Za-z0-9]+/)
            else { continue }
            return String(found.0)
        }
        throw DemoFailure(description: "no safekeeper of the demo runs")
    }
}

private struct DemoFailure: Error, CustomStringConvertible {
    let description: String
}

@Suite("The demo", .serialized, .timeLimit(.minutes(4)))
struct PipelineTests {
    @Test("The whole way, a safekeeper killed in the middle: everything is verified, and the page is there")
    func wholeWay() throws {
        let demo = try DemoProcess(
            ["--seconds", "3", "--rows", "20000", "--steady-rows", "1000", "--shards", "4"],
            environment: ["CI": "true"]
        )
        #expect(try demo.wait() == 0, "\(demo.output)")
        let output = demo.output
        for words in [
            "safekeeper 1 killed with -9", "safekeeper 1 is back", "ok     last record: all 4 shards are at",
            "ok     WAL on disk", "ok     records", "ok     relation sizes", "ok     commit log",
            "ok     shard union", "ok     orderly stop", "Verified.",
        ] {
            #expect(output.contains(words), "\(words)")
        }
        #expect(!output.contains("\u{1B}["), "no terminal, no escapes")
        #expect(demo.report.contains("</html>") && demo.report.contains("Latency of transactions"))
        for process in ["PostgreSQL", "pageserver", "safekeeper 1", "safekeeper 2", "safekeeper 3", "walctl push"] {
            let line = output.split(separator: "\n").first { $0.hasPrefix("Memory ") } ?? ""
            #expect(line.contains("\(process) "), "\(process): \(line)")
        }
        if let kept = ProcessInfo.processInfo.environment["DEMO_SCREENSHOTS"] {
            try demo.report.write(toFile: "\(kept)/run.html", atomically: true, encoding: .utf8)
        }
    }

    @Test("Ended by a signal in the middle: no process is left, and no folder", arguments: [SIGINT, SIGKILL])
    func interrupted(signal: Int32) throws {
        let demo = try DemoProcess(["--seconds", "60"])
        try demo.wait(for: "pgbench  server")
        let folder = try demo.serverFolder()
        #expect(FileManager.default.fileExists(atPath: folder))
        demo.signal(signal)
        #expect(try demo.wait() == 128 + signal)
        // A killed demo can't wait for what cleans up behind it.
        let deadline = ContinuousClock.now + .seconds(signal == SIGKILL ? 30 : 0)
        while ContinuousClock.now < deadline, try !remains(of: folder).isEmpty { usleep(20_000) }
        #expect(try remains(of: folder) == [])
        #expect(demo.report.isEmpty)
    }

    /// The folder, and the processes that have it in their arguments.
    private func remains(of folder: String) throws -> [String] {
        let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int32($0) != nil }
        let words = processes.compactMap { try? String(contentsOfFile: "/proc/\($0)/cmdline", encoding: .utf8) }
        let left = words.filter { $0.contains(folder) }.map { $0.replacing("\0", with: " ") }
        return left + (FileManager.default.fileExists(atPath: folder) ? [folder] : [])
    }

    @Test("Without PostgreSQL the generator makes the WAL, and that is said")
    func generated() throws {
        // Version 17 comes from the cache only.
        let demo = try DemoProcess(
            ["--postgres", "17", "--rows", "50000"],
            environment: ["INTERPRETED_WAL_CACHE": "/nonexistent"]
        )
        #expect(try demo.wait() == 0, "\(demo.output)")
        #expect(demo.output.contains("There is no PostgreSQL 17 here"))
        #expect(demo.output.contains("Verified."))
        #expect(demo.report.contains("this WAL was made by the built-in generator"))
    }

    /// On a machine without any, from the demo's point of view: its folders and the network are hidden from it.
    @Test("Without any PostgreSQL and without a network the generator makes the WAL", .enabled(if: geteuid() == 0))
    func nothingThere() throws {
        let hide = "for d in /usr/lib/postgresql /var/cache; do mount -t tmpfs none $d; done; exec \"$@\""
        let demo = try DemoProcess(
            ["--rows", "50000"],
            launcher: ["/usr/bin/unshare", "--mount", "--net", "/bin/sh", "-c", hide, "sh"]
        )
        #expect(try demo.wait() == 0, "\(demo.output)")
        #expect(demo.output.hasPrefix("There is no PostgreSQL 15 here: the built-in generator makes the WAL."))
        #expect(demo.output.contains("Verified."))
        #expect(demo.report.contains("this WAL was made by the built-in generator"))
    }

    @Test(
        "Options that make no sense are refused",
        arguments: [["--shards", "0"], ["--protocol", "x"], ["--seconds", "0"], ["--steady-rows", "-1"]]
    )
    func options(arguments: [String]) throws {
        let demo = try DemoProcess(arguments)
        #expect(try demo.wait() == 64)
    }
}
