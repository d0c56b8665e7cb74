import Foundation
package import PostgresWAL
import Synchronization

/// WAL of real servers in `Tests/Fixtures/wal`, unpacked once for each test run.
///
/// `pg15`, `pg16` and `pg17` come from unmodified servers; `-neon` ones are the same as Neon's servers write it.
package struct GoldenWAL: Sendable, CustomStringConvertible {
    package let name: String
    /// The folder of segment files.
    package let path: String
    package let version: PostgresMajorVersion
    /// The first record's start.
    package let start: LSN
    /// Where the range that the folder's `meta` names ends; more WAL may follow.
    package let end: LSN

    package var description: String { name }

    package static let stock = ["pg15", "pg16", "pg17"]
    package static let neon = ["pg15-neon", "pg16-neon", "pg17-neon"]

    /// Unpacks an archive unless that was done before.
    package static func load(_ name: String) throws -> GoldenWAL {
        try cache.withLock { cache in
            if let golden = cache[name] { return golden }
            let golden = try GoldenWAL(unpacking: name)
            cache[name] = golden
            return golden
        }
    }

    private static let cache = Mutex<[String: GoldenWAL]>([:])

    private init(unpacking name: String) throws {
        let archive = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fixtures/wal/\(name).tar.zst").standardized.path
        path = TemporaryFolder.ofProcess + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let tar = try FinishedProcess.run(
            "/usr/bin/env",
            ["tar", "--zstd", "--no-same-owner", "-xf", archive, "-C", path]
        )
        guard tar.status == 0 else { throw FixtureError(description: "can't unpack \(archive): \(tar.errors)") }
        let meta = try String(contentsOfFile: path + "/meta", encoding: .utf8)
        // start=0/1511B38 end=0/2368A10 pg=15
        var fields: [Substring: String] = [:]
        for field in meta.split(whereSeparator: \.isWhitespace) {
            let parts = field.split(separator: "=")
            if parts.count == 2 { fields[parts[0]] = String(parts[1]) }
        }
        guard let start = fields["start"].flatMap(LSN.init), let end = fields["end"].flatMap(LSN.init),
            let version = fields["pg"].flatMap({ Int($0) }).flatMap(PostgresMajorVersion.init(rawValue:))
        else { throw FixtureError(description: "\(name) has a broken meta file: \(meta)") }
        self.name = name
        self.version = version
        self.start = start
        self.end = end
    }

    /// The bytes of the range from ``start`` to `end`, 16 MiB segments.
    package func bytes(to end: LSN? = nil) throws -> [UInt8] {
        try bytes(from: start, to: end ?? self.end)
    }

    /// The bytes of any range of the folder's WAL.
    package func bytes(from start: LSN, to end: LSN) throws -> [UInt8] {
        let size = WALSegmentSize.standard
        var bytes: [UInt8] = []
        var position = start
        while position < end {
            let name = WALFileName(
                timelineID: 1,
                segmentNumber: size.segmentNumber(of: position),
                segmentSize: size
            )
            let segment = try fileBytes(path + "/" + (name?.description ?? ""))
            let upTo = min(end, size.segmentStart(of: position) + size.bytes)
            let offset = Int(size.offset(of: position))
            bytes += segment[offset..<offset + Int(upTo.rawValue - position.rawValue)]
            position = upTo
        }
        return bytes
    }
}

package struct FixtureError: Error, CustomStringConvertible {
    package let description: String
}
