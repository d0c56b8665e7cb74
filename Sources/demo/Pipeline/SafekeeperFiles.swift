import Foundation
import PostgresWAL
import WALFiles

/// The segment files of safekeepers against a server's.
enum SafekeeperFiles {
    /// Bytes compared at once.
    private static let blockSize: UInt64 = 1 << 20

    /// Compares a range of WAL.
    ///
    /// - Parameters:
    ///   - folders: the timeline's folder of each safekeeper.
    ///   - reference: the server's `pg_wal`.
    ///   - range: the WAL to compare.
    /// - Returns: the first difference of each safekeeper, in words.
    /// - Throws: what keeps files from being read.
    static func differences(
        _ folders: [String],
        from reference: String,
        range: Range<LSN>
    ) throws -> [String] {
        let directory = try WALDirectory(path: reference)
        return try folders.enumerated().compactMap { index, folder in
            try difference(folder, directory, range).map { "safekeeper \(index + 1) differs \($0)" }
        }
    }

    private static func difference(
        _ folder: String,
        _ reference: WALDirectory,
        _ range: Range<LSN>
    ) throws -> String? {
        let size = reference.segmentSize
        var position = range.lowerBound
        while position < range.upperBound {
            guard let segment = reference.segment(holding: position) else {
                return "at \(position): the server has none"
            }
            let offset = size.offset(of: position)
            let count = min(blockSize, size.bytes - offset, range.upperBound.rawValue - position.rawValue)
            let expected = try bytes("\(reference.path)/\(segment)", offset, count)
            let name = "\(folder)/\(segment)"
            let path = FileManager.default.fileExists(atPath: name) ? name : name + ".partial"
            guard FileManager.default.fileExists(atPath: path) else { return "at \(position): there is no \(path)" }
            let found = try bytes(path, offset, count)
            if found != expected {
                let place = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? found.count
                return "at \(position + UInt64(place))"
            }
            position += count
        }
        return nil
    }

    private static func bytes(_ path: String, _ offset: UInt64, _ count: UInt64) throws -> Data {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: offset)
        return try file.read(upToCount: Int(count)) ?? Data()
    }
}
