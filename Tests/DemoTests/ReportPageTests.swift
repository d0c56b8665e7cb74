import Foundation
import FoundationXML
import Testing
import demo

@Suite("The report's page")
struct ReportPageTests {
    static let reports: [RunReport] = {
        var empty = RunReport(title: "Nothing")
        var failed = RunReport.sample(shards: 32)
        failed.checks[0].passed = false
        var silent = RunReport.sample()
        for index in silent.samples.indices {
            silent.samples[index].shards = []
            silent.samples[index].safekeepers = [nil, nil, nil]
        }
        empty.rawBytes = 0
        return [.sample(), .sample(shards: 1), failed, silent, empty]
    }()

    /// What XML says about a page.
    private final class Outline: NSObject, XMLParserDelegate {
        var elements: [String: Int] = [:]
        var attributes: Set<String> = []
        var text = ""

        func parser(
            _ parser: XMLParser,
            didStartElement name: String,
            namespaceURI: String?,
            qualifiedName: String?,
            attributes found: [String: String]
        ) {
            elements[name, default: 0] += 1
            attributes.formUnion(found.keys)
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
    }

    private func outline(_ report: RunReport) throws -> Outline {
        let parser = XMLParser(data: Data(ReportPage.html(of: report).utf8))
        let outline = Outline()
        parser.delegate = outline
        let isWhole = parser.parse()
        try #require(isWhole, "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "")")
        return outline
    }

    @Test("It is well-formed, whatever the run had", arguments: reports)
    func wellFormed(report: RunReport) throws {
        let outline = try outline(report)
        #expect(outline.elements["html"] == 1 && outline.elements["main"] == 1)
        #expect(outline.elements["h1"] == 1)
    }

    @Test("A whole run has all charts, each with its table")
    func charts() throws {
        let outline = try outline(.sample())
        #expect(outline.elements["svg"] == 8)
        #expect(outline.elements["table"] == 10)
        #expect(outline.elements["polyline"].map { $0 >= 2 + 4 + 4 + 4 } == true)
        for text in ["Verified: 2 of 2", "120 MB", "8 ×", "safekeeper 3 killed with -9", "Btree", "0/93A0000"] {
            #expect(outline.text.contains(text), "\(text)")
        }
    }

    @Test("Failed checks are told first")
    func failed() throws {
        var report = RunReport.sample()
        report.checks[1].passed = false
        #expect(try outline(report).text.contains("✗ 1 of 2 checks failed"))
        report.checks = []
        #expect(try outline(report).text.contains("Nothing was verified"))
    }

    @Test("It refers to nothing outside of itself, and runs nothing", arguments: reports)
    func selfContained(report: RunReport) throws {
        let page = ReportPage.html(of: report).lowercased()
        for text in ["http:", "https:", "//", "url(", "@import", "<script", "<link", "<img", "<iframe", "src="] {
            #expect(!page.contains(text), "\(text)")
        }
        let attributes = try outline(report).attributes
        #expect(attributes.isDisjoint(with: ["href", "src", "xlink:href", "srcset", "data", "style"]))
        #expect(!attributes.contains { $0.hasPrefix("on") })
    }

    @Test("Text is text, whatever is in it")
    func escapes() throws {
        let nasty = "</title><script>alert('1')</script> \"&amp;\" \u{1}\u{1B}[31m \u{FFFF} Ünï\u{1F418}"
        var report = RunReport.sample(title: nasty)
        report.notes = [nasty]
        report.setting = [.init(nasty, nasty)]
        report.checks = [.init(nasty, passed: false, detail: nasty)]
        report.kinds = [.init(name: nasty, records: 1, bytes: 1)]
        report.events = [.init(seconds: 1, text: nasty)]
        report.shards[0].name = nasty
        let outline = try outline(report)
        #expect(outline.elements["script"] == nil)
        #expect(
            outline.text.contains(
                "</title><script>alert('1')</script> \"&amp;\" \u{FFFD}\u{FFFD}[31m \u{FFFD} Ünï\u{1F418}"
            )
        )
        #expect(outline.elements["svg"] == 8)
    }

    @Test("Both colour schemes set the same names")
    func schemes() throws {
        let page = ReportPage.html(of: .sample())
        let parts = page.components(separatedBy: "@media (prefers-color-scheme: dark)")
        try #require(parts.count == 2)
        func names(_ text: String) -> Set<String> {
            Set(text.matches(of: /(--[a-z0-9]+):/).map { String($0.1) })
        }
        #expect(names(parts[0]) == names(parts[1]))
        let used = Set(page.matches(of: /var\((--[a-z0-9]+)\)/).map { String($0.1) })
        #expect(used.isSubset(of: names(parts[0])))
    }
}
