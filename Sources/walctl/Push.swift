import ArgumentParser
import Dispatch
import Glibc
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import WalProposer

struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a PostgreSQL server's WAL durable on a quorum of safekeepers.",
        discussion: """
            The server is any unmodified PostgreSQL 14 to 17; it needs wal_level = replica, a free walsender and a role \
            that may replicate, as for pg_receivewal. WAL goes to all safekeepers, and is durable once a majority has it \
            on disk. The command runs until SIGTERM or SIGINT, which end it with status 0. It keeps no state: start it \
            again, anywhere, and it goes on where the safekeepers are. A server or safekeepers that are away are waited \
            for. What needs somebody to look ends it with status 1 and an error that names both sides: a different \
            server, a promoted one, missing WAL, a server behind the safekeepers.

            For COMMIT to return only when a majority has it, set on the server
              synchronous_standby_names = 'walproposer'
            (or the application_name in --from). With a slot the server keeps WAL while nobody pushes it; without one \
            wal_keep_size should be generous.

            The first time, --create makes the slot, and the timeline on the safekeepers. It begins at the server's last \
            checkpoint, or at --start: for a pageserver that imports a base backup, the backup's START WAL LOCATION.

            Example:
              walctl push --from 'host=db1 user=replicator' --slot safekeepers --create \\
                --safekeepers sk1:5454,sk2:5454,sk3:5454 \\
                --tenant 0123456789abcdef0123456789abcdef --timeline 00112233445566778899aabbccddeeff

            Each line shows how far WAL is durable on a quorum, the rate, how far that is behind the server, and each \
            safekeeper's lag.
            """
    )

    @Option(help: "How to connect to the server, as in primary_conninfo: key=value pairs or a URI.")
    var from: String

    @Option(help: ArgumentHelp("The safekeepers, 1 to 9.", valueName: "host:port,…"))
    var safekeepers: String

    @Option(help: "The tenant: 32 hexadecimal digits.")
    var tenant: String

    @Option(help: "The timeline: 32 hexadecimal digits.")
    var timeline: String

    @Option(help: "A physical replication slot to use.")
    var slot: String?

    @Flag(help: "Make the timeline, and the slot, where they are not there yet.")
    var create = false

    @Option(help: "Where a new timeline begins: the start of a record. A timeline that is there has to start here.")
    var start: String?

    @Option(
        name: .customLong("protocol-2"),
        help: ArgumentHelp("Those safekeepers that are from before 2025.", valueName: "host:port,…")
    )
    var oldSafekeepers: String?

    @Option(help: "A file with the token that safekeepers ask for.")
    var tokenFile: String?

    func run() async throws {
        let push = try WALPush(try pushConfiguration())
        let work = Task { try await push.run() }
        signal(SIGPIPE, SIG_IGN)
        let signals = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        defer { for source in signals { source.cancel() } }
        let printer = Task { await PushStatusPrinter(push).run() }
        let result = await work.result
        printer.cancel()
        await printer.value
        try result.get()
    }

    private func pushConfiguration() throws -> WALPushConfiguration {
        guard let tenantID = TenantID(tenant) else { throw ValidationError("'\(tenant)' is no tenant") }
        guard let timelineID = TimelineID(timeline) else { throw ValidationError("'\(timeline)' is no timeline") }
        let list = try SafekeeperList(safekeepers)
        let old = try oldSafekeepers.map { Set(try SafekeeperList($0).endpoints) } ?? []
        if let unknown = old.subtracting(list.endpoints).min() {
            throw ValidationError("\(unknown) is not among the safekeepers")
        }
        var configuration = WALPushConfiguration(
            source: from,
            slot: slot,
            safekeepers: list.endpoints.map { .init(address: $0, protocolVersion: old.contains($0) ? .v2 : .v3) },
            generation: list.generation,
            tenant: tenantID,
            timeline: timelineID,
            creates: create
        )
        if let start {
            guard let lsn = LSN(start), lsn.isValid else { throw ValidationError("'\(start)' is no LSN") }
            configuration.startLSN = lsn
        }
        if let tokenFile { configuration.token = try Self.token(in: tokenFile) }
        return configuration
    }

    /// The first line of a file; tokens have no place in arguments, which everybody can see.
    private static func token(in path: String) throws -> String {
        guard let file = fopen(path, "re") else {
            throw ValidationError("\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 16_384)
        _ = fgets(&line, Int32(line.count), file)
        let bytes = line.prefix { $0 != 0 && $0 != 10 && $0 != 13 }.map { UInt8(bitPattern: $0) }
        guard !bytes.isEmpty else { throw ValidationError("\(path) has no token in its first line") }
        return String(decoding: bytes, as: UTF8.self)
    }
}
