import Logging
import Synchronization

/// Log lines in memory.
final class LogBook: Sendable {
    struct Line: Hashable, Sendable {
        let level: Logger.Level
        let message: String
        let timeline: String?
    }

    private let storage = Mutex<[Line]>([])

    var lines: [Line] { storage.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(book: self) } }

    private struct Handler: LogHandler {
        let book: LogBook
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let timeline = (event.metadata?["ttid"] ?? metadata["ttid"]).map { "\($0)" }
            let line = Line(level: event.level, message: "\(event.message)", timeline: timeline)
            book.storage.withLock { $0.append(line) }
        }
    }
}
