import Foundation
import PostgresHarness
import PostgresWAL
import Testing
import WALFiles

/// Full-page images of real servers, restored and compared with the pages that `pg_waldump --save-fullpage` restores.
///
/// That option came with 16. Images and records look the same in 15 as in 17, and no checksum covers page headers: with
/// the magic numbers of its pages exchanged the WAL of 15 passes for WAL of 17, whose tool then restores its images.
@Suite(.serialized)
struct BlockImageTests {
    @Test("every image gives the page that pg_waldump restores", arguments: PostgresInstallation.majors)
    func restoredPages(major: Int) throws {
        let outcome = try Workload.shared(major: major)
        let directory = try WALDirectory(path: outcome.walDirectory)
        let pages = try outcome.server.makeServerFolder("restored")
        defer { try? FileManager.default.removeItem(atPath: pages) }
        try saveImages(of: outcome, in: pages)

        var methods: [String: Int] = [:]
        let walk = WALWalk(directory: directory, start: outcome.start, end: outcome.end)
        _ = try walk.run { record, parsed in
            for index in 0..<parsed.blockCount where parsed[index].hasImage {
                let block = parsed[index]
                let page = try restore(block.image, from: parsed.image(of: block, in: record))
                let name = fileName(of: block, start: record.start)
                let expected = FileManager.default.contents(atPath: "\(pages)/\(name)")
                guard expected == Data(page) else {
                    throw HarnessError("\(name) differs: \(RecordSummary(record, parsed))")
                }
                methods[block.image.compression.map { "\($0)" } ?? "none", default: 0] += 1
            }
        }
        #expect(Set(methods.keys) == Set(outcome.compressionMethods + ["none"]))
        #expect(methods.values.reduce(0, +) == (try FileManager.default.contentsOfDirectory(atPath: pages).count))
    }

    private func restore(_ image: BlockImage, from bytes: RawSpan) throws -> [UInt8] {
        // Nothing of what was in the page before may show through, in the hole above all.
        var page = [UInt8](repeating: 0xA5, count: RelationPage.size)
        var span = page.mutableSpan
        var target = span.mutableBytes
        try image.restore(from: bytes, into: &target)
        return page
    }

    private func saveImages(of outcome: Workload.Outcome, in pages: String) throws {
        var installation = outcome.server.installation
        var folder = outcome.walDirectory
        if installation.major == 15 {
            installation = try PostgresInstallation.find(major: 17)
            folder = try outcome.server.makeServerFolder("as-17")
            try copySegments(from: outcome.walDirectory, to: folder, magic: .v17)
        }
        defer { if folder != outcome.walDirectory { try? FileManager.default.removeItem(atPath: folder) } }
        let segments = try WALSegments(folder)
        try installation.run(
            "pg_waldump",
            ["--quiet", "--save-fullpage=\(pages)", "--path=\(folder)", "--start=\(outcome.start)"]
                + ["--end=\(outcome.end)", segments.name(of: outcome.start), segments.name(of: outcome.end - 1)]
        )
    }

    private func copySegments(from source: String, to target: String, magic version: PostgresMajorVersion) throws {
        for name in try WALSegments(source).names {
            guard var segment = FileManager.default.contents(atPath: "\(source)/\(name)") else {
                throw HarnessError("could not read \(name)")
            }
            for page in stride(from: 0, to: segment.count, by: WALPage.size) where segment[page] != 0 {
                segment[page] = UInt8(truncatingIfNeeded: version.pageMagic)
            }
            try segment.write(to: URL(fileURLWithPath: "\(target)/\(name)"))
        }
    }

    /// The name that the tool gives a page: `timeline-LSN.tablespace.database.relation.block_fork`.
    private func fileName(of block: BlockReference, start: LSN) -> String {
        let position = String(format: "%08X-%08X", UInt32(start.rawValue >> 32), UInt32(start.rawValue & 0xFFFF_FFFF))
        let relation = "\(block.tablespace).\(block.database).\(block.relation)"
        let forks = ["_main", "_fsm", "_vm", "_init"]
        return "00000001-\(position).\(relation).\(block.block)\(forks[Int(block.fork)])"
    }
}
