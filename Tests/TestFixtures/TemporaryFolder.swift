import Foundation

/// A folder for one test, gone with its owner.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = try TemporaryFolder.create()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    package func path(of name: String) -> String {
        path + "/" + name
    }

    package func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path(of: name)))
    }

    private static func create() throws -> String {
        let name = FileManager.default.temporaryDirectory.path + "/interpreted-wal-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: true)
        return name
    }

    /// A folder for the whole test run, gone when the process exits.
    package static let ofProcess: String = {
        do {
            let path = try create()
            atexit { try? FileManager.default.removeItem(atPath: TemporaryFolder.ofProcess) }
            return path
        } catch {
            preconditionFailure("no temporary folder: \(error)")
        }
    }()
}
