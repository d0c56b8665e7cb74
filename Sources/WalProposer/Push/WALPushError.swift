public import PostgresClient
public import PostgresWAL

/// Why WAL is not pushed any more, or never was.
///
/// All of these need somebody to look: what mends itself, such as a server that restarts, is waited for instead.
public enum WALPushError: Error, Hashable, Sendable {
    /// The configuration makes no sense.
    case configuration(ProposerConfigurationError)
    /// The server could not be asked what it is when the work began.
    case sourceUnavailable(PostgresClientError)
    /// The server has answered something else than was expected.
    case unexpectedAnswer(command: String, answer: String)
    /// The server's version is not one of 14 to 17; its `server_version_num`.
    case unsupportedVersion(Int)
    /// The server is on another PostgreSQL timeline than 1: it was promoted or recovered to a point in time.
    case postgresTimeline(UInt32, systemID: UInt64)
    /// The server is not the one that it was: its system identifier and that of before.
    case differentServer(found: UInt64, expected: UInt64)
    /// A safekeeper has WAL of another server: its system identifier and the server's.
    case differentSystem(safekeeper: String, found: UInt64, server: UInt64)
    /// The server's major version or segment size has changed: what they are, and were.
    case changedServer(found: String, expected: String)
    /// The server's WAL ends before what was received of it: it has lost WAL.
    case serverLostWAL(end: LSN, received: LSN)
    /// The server does not have the WAL that the safekeepers need next; with its own words.
    case walMissing(from: LSN, server: String)
    /// The server's WAL goes on elsewhere than it ended.
    case gapInWAL(expected: LSN, found: LSN)
    /// The server's WAL is another one than what was received of it before.
    case differentWAL(at: LSN)
    /// The replication slot can't be used or made; with the server's words.
    case slot(String, server: String)
    /// It was not possible to find out where the timeline could start.
    case noStart(String)
    /// The timeline starts elsewhere than was asked for.
    case differentStart(found: LSN, expected: LSN)
    /// The safekeepers can't be led.
    case proposer(ProposerError)
}

extension WALPushError: CustomStringConvertible {
    /// What happened, in words.
    public var description: String {
        switch self {
        case .configuration(let error): "\(error)"
        case .sourceUnavailable(let error): "could not connect to the server: \(error)"
        case .unexpectedAnswer(let command, let answer): "the server answers \(command) with \(answer)"
        case .unsupportedVersion(let number):
            "the server's version is \(number), but PostgreSQL 14 to 17 (140000 to 179999) are supported"
        case .postgresTimeline(let timeline, let system):
            "the server (system identifier \(system)) is on PostgreSQL timeline \(timeline), but safekeepers keep "
                + "timeline 1: it was promoted or recovered to a point in time"
        case .differentServer(let found, let expected):
            "the server has system identifier \(found), but WAL was pushed of system identifier \(expected)"
        case .differentSystem(let safekeeper, let found, let server):
            "safekeeper \(safekeeper) has WAL of system identifier \(found), but the server has \(server)"
        case .changedServer(let found, let expected): "the server now has \(found), but had \(expected)"
        case .serverLostWAL(let end, let received):
            "the server's WAL ends at \(end), but WAL up to \(received) was received of it: it has lost WAL that "
                + "safekeepers have"
        case .walMissing(let start, let server):
            "the safekeepers need WAL from \(start) on, which the server does not have: \(server)"
        case .gapInWAL(let expected, let found): "the server sends WAL at \(found), expected at \(expected)"
        case .differentWAL(let position):
            "the server's WAL differs at \(position) from what was received of it before: it has lost WAL that "
                + "safekeepers have, and has written another one"
        case .slot(let name, let server): "replication slot \(name): \(server)"
        case .noStart(let reason): "could not find out where the timeline can start: \(reason)"
        case .differentStart(let found, let expected):
            "the timeline starts at \(found) on the safekeepers, but \(expected) was asked for"
        case .proposer(let error): "\(error)"
        }
    }
}
