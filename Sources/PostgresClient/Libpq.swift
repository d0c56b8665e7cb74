internal import CLibpq

/// libpq's connection: the one place where its functions are called.
///
/// Used on one thread only. The socket is non-blocking, so only looking up a host name can block.
struct LibpqConnection: ~Copyable {
    private let raw: OpaquePointer

    /// What the connecting waits for.
    enum Connecting {
        case reading, writing, done
        case failed(String)
    }

    /// Begins to connect; nil without memory.
    ///
    /// Parameters that come later override earlier ones, and those in the connection string.
    init?(connectionString: String, parameters: [(name: String, value: String)]) {
        // With `expand_dbname` the connection string stands for the parameters in it.
        var names: [UnsafePointer<CChar>?] = []
        var values: [UnsafePointer<CChar>?] = []
        var owned: [UnsafeMutablePointer<CChar>] = []
        defer { for text in owned { text.deallocate() } }
        for (name, value) in [("dbname", connectionString)] + parameters.map({ ($0.name, $0.value) }) {
            for (text, isName) in [(name, true), (value, false)] {
                let copy = text.utf8CString
                let memory = UnsafeMutablePointer<CChar>.allocate(capacity: copy.count)
                for (index, character) in copy.enumerated() { memory[index] = character }
                owned.append(memory)
                if isName { names.append(UnsafePointer(memory)) } else { values.append(UnsafePointer(memory)) }
            }
        }
        names.append(nil)
        values.append(nil)
        guard let raw = PQconnectStartParams(names, values, 1) else { return nil }
        self.raw = raw
        PQsetNoticeProcessor(raw, { _, _ in }, nil)
    }

    deinit {
        PQfinish(raw)
    }

    /// Goes on connecting; not called again after `done` or `failed`.
    func connect() -> Connecting {
        switch PQconnectPoll(raw) {
        case PGRES_POLLING_READING: return .reading
        case PGRES_POLLING_WRITING: return .writing
        case PGRES_POLLING_OK: return PQsetnonblocking(raw, 1) == 0 ? .done : .failed(message)
        default: return .failed(message)
        }
    }

    /// Whether connecting has failed before it began.
    var isBad: Bool { PQstatus(raw) == CONNECTION_BAD }

    /// The socket, below 0 if there is none; it may change while connecting.
    var socket: Int32 { PQsocket(raw) }

    /// What libpq has to say about the last failure.
    var message: String { Self.line(PQerrorMessage(raw)) }

    /// The server's version, such as 150010; 0 if unknown.
    var serverVersion: Int { Int(PQserverVersion(raw)) }

    /// Sends a query; false if it could not.
    func send(query: String) -> Bool { PQsendQuery(raw, query) == 1 }

    /// Whether another answer would have to be waited for.
    var isBusy: Bool { PQisBusy(raw) == 1 }

    /// Reads what has arrived; false if the connection is lost.
    func consumeInput() -> Bool { PQconsumeInput(raw) == 1 }

    /// Sends what is waiting to be sent; true if something is left, nil if the connection is lost.
    func flush() -> Bool? {
        switch PQflush(raw) {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// Puts a message into libpq's buffer; false if the connection is lost.
    func put(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { PQputCopyData(raw, $0.baseAddress, Int32($0.count)) == 1 }
        }
    }

    /// Tells the other side that no more messages come; false if the connection is lost.
    func putEnd() -> Bool { PQputCopyEnd(raw, nil) == 1 }

    /// What a COPY has for us.
    enum Copied {
        case data(CopyData)
        case nothingYet, ended
        case failed(String)
    }

    /// Takes the next message of a COPY.
    func copied() -> Copied {
        var memory: UnsafeMutablePointer<CChar>?
        let count = PQgetCopyData(raw, &memory, 1)
        switch count {
        case 0: return .nothingYet
        case -1: return .ended
        default:
            guard count > 0, let memory else { return .failed(message) }
            return .data(CopyData(owning: memory, count: Int(count)))
        }
    }

    /// One of the answers to a query.
    enum Answer {
        case rows(PostgresResult)
        case copyBoth
        /// The other side has ended its part of a COPY and waits for ours.
        case copyIn
        case failed(PostgresClientError)
    }

    /// Takes the next answer; nil after the last one.
    ///
    /// May wait unless ``isBusy`` is false.
    func nextAnswer() -> Answer? {
        guard let result = PQgetResult(raw) else { return nil }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK: return .rows(Self.rows(of: result))
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            return .rows(PostgresResult(commandTag: Self.text(PQcmdStatus(result))))
        case PGRES_COPY_BOTH: return .copyBoth
        case PGRES_COPY_IN: return .copyIn
        case PGRES_FATAL_ERROR: return .failed(Self.error(of: result))
        case let status: return .failed(.unexpectedAnswer(Self.text(PQresStatus(status))))
        }
    }

    private static func rows(of result: OpaquePointer) -> PostgresResult {
        let (rowCount, columnCount) = (PQntuples(result), PQnfields(result))
        let rows = (0..<rowCount).map { row in
            (0..<columnCount).map { column -> String? in
                PQgetisnull(result, row, column) == 1 ? nil : text(PQgetvalue(result, row, column))
            }
        }
        return PostgresResult(
            columns: (0..<columnCount).map { text(PQfname(result, $0)) },
            rows: rows,
            commandTag: text(PQcmdStatus(result))
        )
    }

    private static func error(of result: OpaquePointer) -> PostgresClientError {
        // Code 0 of `PG_DIAG_SQLSTATE` and `PG_DIAG_MESSAGE_PRIMARY`: letters of the ErrorResponse's fields.
        let primary = PQresultErrorField(result, Int32(UInt8(ascii: "M")))
        let code = PQresultErrorField(result, Int32(UInt8(ascii: "C")))
        // Without fields it is libpq's own, about a connection that is lost.
        guard let primary else { return .connectionLost(message: line(PQresultErrorMessage(result))) }
        return .server(message: text(primary), sqlState: code.map { String(cString: $0) })
    }

    private static func text(_ text: UnsafePointer<CChar>?) -> String {
        text.map { String(cString: $0) } ?? ""
    }

    /// libpq's own messages have several lines, with spaces at the front: as one line.
    private static func line(_ message: UnsafePointer<CChar>?) -> String {
        text(message).split(whereSeparator: \.isNewline)
            .map { $0.drop(while: \.isWhitespace) }.joined(separator: " ")
    }
}
