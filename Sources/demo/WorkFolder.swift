import Foundation

/// Folders for a run.
enum WorkFolder {
    /// Makes a folder with a name of its own that only we can look into.
    ///
    /// - Parameter place: where.
    /// - Returns: its path.
    /// - Throws: what keeps it from being made, or if it is there.
    static func make(in place: String) throws -> String {
        let path = "\(place)/iwal-demo-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        return path
    }
}
