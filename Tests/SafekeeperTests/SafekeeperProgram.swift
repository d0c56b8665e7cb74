import Foundation
import Synchronization
import TestFixtures
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The built `safekeeper`, which lies next to the test program, running.
final class SafekeeperProgram: Sendable {
    static let path: String = {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let besideTests = program.deletingLastPathComponent().appendingPathComponent("safekeeper").path
        if FileManager.default.isExecutableFile(atPath: besideTests) { return besideTests }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../.build/release/safekeeper").standardized.path
    }()

    private let process = Process()
    private let output = Pipe()
    private let lines: AsyncStream<String>
    private let read = Mutex<[String]>([])

    /// Starts it on ports that the system chooses.
    init(_ folder: TemporaryFolder, _ arguments: String...) throws {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments =
            [
                "--datadir", folder.path, "--listen-pg", "127.0.0.1:0", "--listen-http", "127.0.0.1:0",
            ] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        let reader = output.fileHandleForReading
        try process.run()
        try output.fileHandleForWriting.close()
        Thread.detachNewThread {
            var rest = ""
            while true {
                let data = reader.availableData
                if data.isEmpty { break }
                rest += String(decoding: data, as: UTF8.self)
                while let end = rest.firstIndex(of: "\n") {
                    continuation.yield(String(rest[..<end]))
                    rest = String(rest[rest.index(after: end)...])
                }
            }
            continuation.finish()
        }
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    /// The lines that were waited for, and those before them.
    var log: [String] { read.withLock { $0 } }

    /// Waits for a line that has a text in it, and gives what follows the text; nil if the program has ended before.
    func text(after text: String) async -> String? {
        for await line in lines {
            read.withLock { $0.append(line) }
            if let range = line.range(of: text) { return String(line[range.upperBound...]) }
        }
        return nil
    }

    /// Waits until it serves, and gives the port of the management API.
    func httpPort() async throws -> Int {
        let address = await text(after: "starting safekeeper HTTP service on 127.0.0.1:")
        return try #require(address.flatMap { Int($0) }, "\(log.joined(separator: "\n"))")
    }

    func signal(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// Waits until it has ended; gives the exit status, or 1000 and the number of the signal that ended it.
    func exitStatus() async -> Int32 {
        // The output ends with the process.
        while await text(after: "\u{0}") != nil {}
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { [process] in
                process.waitUntilExit()
                let status = process.terminationStatus
                continuation.resume(returning: process.terminationReason == .exit ? status : 1000 + status)
            }
        }
    }

    var processIdentifier: Int32 { process.processIdentifier }
}

/// A request to the management API.
func request(_ port: Int, _ method: String, _ path: String, _ body: String? = nil) async throws -> (Int, String) {
    var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
    request.httpMethod = method
    request.httpBody = body.map { Data($0.utf8) }
    let (data, response) = try await URLSession.shared.data(for: request)
    return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
}
