import Foundation

/// Where a bench writes, in a folder of its own each time.
struct BenchFolder {
    let path: String

    /// Calls with the path of an empty folder, from when earlier writes are out of the way.
    func with<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = path + "/bench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        sync()
        return try body(path)
    }
}
