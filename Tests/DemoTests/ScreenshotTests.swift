import Foundation
import TestFixtures
import Testing
import demo

/// A browser, where there is one.
private enum Browser {
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    enum Scheme: Int, CaseIterable {
        case dark = 0
        case light = 1
    }

    /// Has a page painted; gives the picture's bytes.
    static func screenshot(of page: String, _ scheme: Scheme, in folder: TemporaryFolder) throws -> [UInt8] {
        let picture = folder.path(of: "\(scheme).png")
        let path = try #require(path)
        let run = try FinishedProcess.run(
            "/usr/bin/timeout",
            [
                "60", path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--hide-scrollbars", "--user-data-dir=\(folder.path(of: "profile-\(scheme)"))",
                "--blink-settings=preferredColorScheme=\(scheme.rawValue)", "--window-size=900,5600",
                "--screenshot=\(picture)", "file://\(page)",
            ]
        )
        try #require(run.status == 0, "\(run.errors)")
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: picture)))
    }
}

@Suite("The report in a browser", .serialized)
struct ScreenshotTests {
    /// `DEMO_SCREENSHOTS` names a folder in which the pictures are kept.
    @Test(
        "Chromium paints it, differently in both colour schemes",
        .enabled(if: Browser.path != nil, "there is no chromium here"),
        .timeLimit(.minutes(3))
    )
    func paints() throws {
        let folder = try TemporaryFolder()
        let page = folder.path(of: "report.html")
        try ReportPage.html(of: .sample()).write(toFile: page, atomically: true, encoding: .utf8)
        let blank = folder.path(of: "blank.html")
        try "<!DOCTYPE html><title>x</title>".write(toFile: blank, atomically: true, encoding: .utf8)
        let empty = try Browser.screenshot(of: blank, .light, in: folder)
        var pictures: [[UInt8]] = []
        for scheme in Browser.Scheme.allCases {
            let picture = try Browser.screenshot(of: page, scheme, in: folder)
            #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            // Width and height stand behind the first chunk's name.
            #expect(Array(picture[16..<24]) == [0, 0, 0x03, 0x84, 0, 0, 0x15, 0xE0])
            #expect(picture.count > 4 * empty.count && picture.count > 50_000, "\(picture.count) bytes")
            pictures.append(picture)
            if let kept = ProcessInfo.processInfo.environment["DEMO_SCREENSHOTS"] {
                try Data(picture).write(to: URL(fileURLWithPath: "\(kept)/\(scheme).png"))
            }
        }
        #expect(pictures[0] != pictures[1])
    }
}
