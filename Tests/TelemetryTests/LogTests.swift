import Glibc
import Logging
import Telemetry
import Testing

@Suite("Logs")
struct LogTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_735_689_600_000_001, "2025-01-01T00:00:00.000001Z"),
        (1_709_210_096_123_456, "2024-02-29T12:34:56.123456Z"),
    ])
    func times(microseconds: Int64, text: String) {
        #expect("\(LogTime(microseconds: microseconds))" == text)
    }

    private static let time = LogTime(microseconds: 1_735_689_600_000_001)

    @Test(
        arguments: [
            (Logger.Level.info, [:], "hello", "2025-01-01T00:00:00.000001Z  INFO hello\n"),
            (.critical, [:], "a\nb\u{1B}\r\"", #"2025-01-01T00:00:00.000001Z ERROR a\nb\u001b\r""# + "\n"),
            (
                .warning, ["ttid": "00/11", "cid": "3"], "slow",
                "2025-01-01T00:00:00.000001Z  WARN port{cid=3 ttid=00/11}: slow\n"
            ),
        ] as [(Logger.Level, Logger.Metadata, String, String)]
    )
    func plain(level: Logger.Level, fields: Logger.Metadata, message: String, line: String) {
        #expect(LogFormat.plain.line(Self.time, level, area: "port", fields: fields, message: message) == line)
    }

    @Test func json() {
        let line = LogFormat.json.line(
            Self.time,
            .debug,
            area: "port",
            fields: ["a\"": "b\\\u{7}"],
            message: "\"quoted\"\n"
        )
        #expect(
            line == #"{"timestamp":"2025-01-01T00:00:00.000001Z","level":"DEBUG","#
                + #""fields":{"message":"\"quoted\"\n"},"span":{"name":"port","a\"":"b\\\u0007"}}"# + "\n"
        )
    }

    @Test func levels() throws {
        let levels = try #require(LogLevels("warn,http=debug,port=trace"))
        #expect(levels["anything"] == .warning && levels["http"] == .debug && levels["port"] == .trace)
        #expect("\(levels)" == "warn,http=debug,port=trace")
        #expect(LogLevels("error") == LogLevels(general: .error))
        for text in ["", "loud", "info,", "http=", "=info", "info=http", "INFO", "http=info=debug"] {
            #expect(LogLevels(text) == nil, "\(text)")
        }
    }

    @Test func eventsReachTheDescriptorAndAreCounted() async throws {
        let pipe = try Pipe()
        let registry = PrometheusRegistry()
        let sink = LogSink(descriptor: pipe.input)
        let output = LogOutput(
            to: sink,
            format: .plain,
            levels: try #require(LogLevels("info,quiet=error")),
            metrics: registry
        )
        var logger = output.logger("port")
        logger[metadataKey: "cid"] = "1"
        logger.info("one", metadata: ["b": "2"])
        logger.debug("not logged")
        output.logger("quiet").warning("not logged either")
        logger.critical("bad")
        sink.flush()
        let lines = pipe.read().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix("  INFO port{b=2 cid=1}: one") == true)
        #expect(lines.last?.hasSuffix(" ERROR port{cid=1}: bad") == true)
        let parsed = try #require(ParsedExposition(await registry.exposition()))
        func count(_ level: String) -> String? { parsed["libmetrics_tracing_event_count", ["level": level]] }
        #expect(count("info") == "1" && count("critical") == "1" && count("error") == "1" && count("debug") == "0")
    }

    @Test func aReaderThatIsStuckStopsNobodyAndIsToldWhatItMissed() throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.input)
        let line = String(repeating: "x", count: 1023) + "\n"
        // More than the pipe and the sink hold together: the rest is dropped, nobody waits.
        let handed = LogSink.capacity / 1024 + 1000
        for _ in 0..<handed { sink.write(line) }
        pipe.startReading()
        sink.flush()
        sink.write("end\n")
        sink.flush()
        let lines = pipe.finishReading().split(separator: "\n")
        let written = lines.count { $0 == line.dropLast() }
        let dropped = lines.compactMap { $0.hasSuffix("fast enough") ? Int($0.prefix { $0.isNumber }) : nil }
        #expect(written < handed && written >= LogSink.capacity / 1024)
        #expect(dropped.reduce(0, +) + written == handed)
        #expect(lines.last == "end")
    }
}

/// A pipe of the system's.
private final class Pipe {
    let input: Int32
    private let output: Int32
    private var reader: pthread_t = 0
    private let collected = UnsafeMutablePointer<[UInt8]>.allocate(capacity: 1)

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(Glibc.pipe(&ends) == 0)
        output = ends[0]
        input = ends[1]
        collected.initialize(to: [])
    }

    deinit {
        close(output)
        collected.deinitialize(count: 1).deallocate()
    }

    /// What is there, at most 64 KiB.
    func read() -> String {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(output, &bytes, bytes.count)
        close(input)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    /// Reads on a thread of its own until the input is closed.
    func startReading() {
        let context = UnsafeMutablePointer<(Int32, UnsafeMutablePointer<[UInt8]>)>.allocate(capacity: 1)
        context.initialize(to: (output, collected))
        pthread_create(
            &reader,
            nil,
            { argument in
                guard let context = argument?.assumingMemoryBound(to: (Int32, UnsafeMutablePointer<[UInt8]>).self)
                else { return nil }
                defer { context.deallocate() }
                var bytes = [UInt8](repeating: 0, count: 64 << 10)
                while true {
                    let count = Glibc.read(context.pointee.0, &bytes, bytes.count)
                    if count <= 0 { return nil }
                    context.pointee.1.pointee.append(contentsOf: bytes.prefix(count))
                }
            },
            context
        )
    }

    /// Everything that was read.
    func finishReading() -> String {
        close(input)
        pthread_join(reader, nil)
        return String(decoding: collected.pointee, as: UTF8.self)
    }
}
