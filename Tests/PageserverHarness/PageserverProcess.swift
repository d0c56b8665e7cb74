import Foundation
import PostgresHarness
import SafekeeperHarness

/// A real pageserver process on a working directory; killed at the latest when its owner goes.
final class PageserverProcess {
    let workdir: String
    private let config: String
    private var process: ChildProcess?
    /// Where the API is.
    private(set) var httpPort: UInt16 = 0

    /// - Parameters:
    ///   - workdir: the working directory, which is there.
    ///   - settings: the text of its configuration file.
    /// - Throws: what keeps the file from being written.
    init(workdir: String, settings: String) throws {
        self.workdir = workdir
        config = workdir + ".toml"
        try settings.write(toFile: config, atomically: true, encoding: .utf8)
    }

    deinit {
        process?.signal(SIGKILL)
        process?.wait()
    }

    var log: String { (try? String(contentsOfFile: workdir + ".log", encoding: .utf8)) ?? "" }

    /// Starts it; waits until it is ready unless told not to.
    func start(waits: Bool = true) throws {
        precondition(process == nil, "the pageserver is running")
        let before = log.utf8.count
        let output = open(workdir + ".log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            close(output)
            close(nothing)
        }
        let process = try ChildProcess(
            [try Self.executable(), "--config", config, "--workdir", workdir, "--listen-http-addr", "127.0.0.1:0"],
            environment: ProcessInfo.processInfo.environment,
            streams: .init(input: nothing, output: output, errors: output)
        )
        self.process = process
        let deadline = ContinuousClock.now + .seconds(20)
        while waits {
            let text = String(decoding: log.utf8.dropFirst(before), as: UTF8.self)
            if let range = text.range(of: "listen_http_addr=127.0.0.1:"),
                let port = UInt16(text[range.upperBound...].prefix { $0.isNumber }),
                text[range.upperBound...].contains("\n")
            {
                httpPort = port
                return
            }
            if let status = process.exitStatus() {
                self.process = nil
                throw SafekeeperFailure(message: "the pageserver ended with status \(status): \(text)")
            }
            guard ContinuousClock.now < deadline else {
                throw SafekeeperFailure(message: "the pageserver is not ready: \(text)")
            }
            usleep(2_000)
        }
    }

    /// Ends the process with a signal and waits for it; gives its exit status, 128 + n after signal n.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        guard let process else { return 0 }
        process.signal(signal)
        let status = process.wait()
        self.process = nil
        return status
    }

    /// What the API answers to a GET: the status line with all that follows.
    func get(_ path: String) throws -> String {
        let connection = try BlockingConnection(port: httpPort)
        try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
        return String(decoding: try connection.receiveAll(), as: UTF8.self)
    }

    static func executable() throws -> String {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../.build/release/pageserver").standardized.path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw SafekeeperFailure(message: "the pageserver is not built: there is no \(path)")
        }
        return path
    }
}
