import Foundation

/// A program that has run to its end.
package struct FinishedProcess: Sendable {
    package let status: Int32
    package let output: [UInt8]
    package let errors: String

    package var text: String { String(decoding: output, as: UTF8.self) }

    /// Runs a program and waits for it.
    ///
    /// Its output goes to files first, so it may be of any size.
    package static func run(_ executable: String, _ arguments: [String]) throws -> FinishedProcess {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let output = try folder.newFile("output")
        let errors = try folder.newFile("errors")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        return FinishedProcess(
            status: process.terminationStatus,
            output: try fileBytes(folder.path(of: "output")),
            errors: String(decoding: try fileBytes(folder.path(of: "errors")), as: UTF8.self)
        )
    }
}

/// The content of a file.
package func fileBytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

extension TemporaryFolder {
    fileprivate func newFile(_ name: String) throws -> FileHandle {
        try write([], to: name)
        return try FileHandle(forWritingTo: URL(fileURLWithPath: path(of: name)))
    }
}
