import Foundation
package import PostgresWAL

/// The segment files of a WAL folder.
package struct WALSegments: Sendable {
    /// The bytes of each, as the first file's header says.
    package let size: UInt64
    /// The names, in order; the last ones may be prepared for later and hold nothing.
    package let names: [String]

    /// - Throws: ``HarnessError`` if there is none or the first has no sensible header.
    package init(_ directory: String) throws {
        names = try namesInFolder(directory).filter { $0.utf8.count == 24 && $0.allSatisfy(\.isHexDigit) }
        guard let first = names.first, let file = FileHandle(forReadingAtPath: "\(directory)/\(first)") else {
            throw HarnessError("no WAL segment in \(directory)")
        }
        // The long page header: the segment size is the 32 bits at offset 32.
        let header = try file.read(upToCount: 40) ?? Data()
        guard header.count == 40 else { throw HarnessError("\(directory)/\(first) is cut off") }
        size = header[32..<36].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        guard size.nonzeroBitCount == 1, (1 << 20...1 << 30).contains(size) else {
            throw HarnessError("\(directory)/\(first) names a segment size of \(size) bytes")
        }
    }

    package var first: String { names[0] }
    package var last: String { names[names.count - 1] }

    /// The name of the segment that holds a position.
    package func name(of position: LSN, timeline: UInt32 = 1) -> String {
        let segmentsPerUpperHalf = (1 << 32) / size
        let number = position.rawValue / size
        return String(
            format: "%08X%08X%08X",
            timeline,
            UInt32(number / segmentsPerUpperHalf),
            UInt32(number % segmentsPerUpperHalf)
        )
    }
}
