import Foundation
import TestFixtures
import Testing

/// The built `walctl`, which lies next to the test program.
enum Walctl {
    static let path: String = {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let besideTests = program.deletingLastPathComponent().appendingPathComponent("walctl").path
        if FileManager.default.isExecutableFile(atPath: besideTests) { return besideTests }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../.build/release/walctl").standardized.path
    }()

    static func run(_ arguments: String...) throws -> FinishedProcess {
        try FinishedProcess.run(path, arguments)
    }

    /// Decodes golden WAL.
    static func decode(_ path: String, _ arguments: String...) throws -> FinishedProcess {
        try FinishedProcess.run(self.path, ["decode", "--wal-dir", path] + arguments)
    }
}

extension FinishedProcess {
    /// The lines of standard output.
    var lines: [ArraySlice<UInt8>] { output.split(separator: UInt8(ascii: "\n")) }
}

/// A copy of golden WAL that a test may damage.
struct WALCopy {
    let folder: TemporaryFolder
    let golden: GoldenWAL

    init(of name: String) throws {
        golden = try GoldenWAL.load(name)
        folder = try TemporaryFolder()
        for segment in Self.segments(of: golden) {
            try folder.write(try fileBytes(golden.path + "/" + segment), to: segment)
        }
    }

    var path: String { folder.path }

    static func segments(of golden: GoldenWAL) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: golden.path)) ?? []).filter { $0.count == 24 }.sorted()
    }

    /// Changes a segment's bytes.
    func edit(_ segment: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try fileBytes(folder.path(of: segment))
        change(&bytes)
        try folder.write(bytes, to: segment)
    }

    func remove(_ segment: String) throws {
        try FileManager.default.removeItem(atPath: folder.path(of: segment))
    }

    func rename(_ segment: String, to name: String) throws {
        try FileManager.default.moveItem(atPath: folder.path(of: segment), toPath: folder.path(of: name))
    }
}
