import PostgresWAL
import ReplicationProtocol
import Testing

/// The command grammar of `replication-protocol.md` §2 and `safekeeper-core.md` §1.2.
@Suite struct ReplicationCommandTests {
    private static let start = LSN(0x149_FD18)

    private static let replication: [(String, StartReplication)] = [
        ("START_REPLICATION 0/149FD18", StartReplication(start: start, namesPhysical: false)),
        ("START_REPLICATION PHYSICAL 0/149fd18", StartReplication(start: start)),
        ("START_REPLICATION PHYSICAL 000000000/00149FD18", StartReplication(start: start)),
        ("START_REPLICATION PHYSICAL FFFFFFFF/FFFFFFFF", StartReplication(start: LSN(.max))),
        ("START_REPLICATION PHYSICAL 0/149FD18 (term='7')", StartReplication(start: start, term: Term(7))),
        (
            "START_REPLICATION SLOT \"repl_x\" 0/149FD18 TIMELINE 1",
            StartReplication(start: start, slot: "\"repl_x\"", namesPhysical: false, timeline: 1)
        ),
        (
            "START_REPLICATION SLOT s PHYSICAL 0/149FD18 (term='18446744073709551615') TIMELINE 3",
            StartReplication(start: start, slot: "s", term: Term(.max), timeline: 3)
        ),
        // Two spaces: the term is not recognised, so only committed WAL is sent.
        ("START_REPLICATION PHYSICAL 0/149FD18  (term='7')", StartReplication(start: start)),
        ("START_REPLICATION PHYSICAL 0/149FD18 (term='')", StartReplication(start: start)),
        ("START_REPLICATION PHYSICAL 0/149FD18 (term='7'", StartReplication(start: start)),
        ("START_REPLICATION PHYSICAL 0/149FD18xyz", StartReplication(start: start)),
        ("START_REPLICATION PHYSICAL 0/149FD18 TIMELINE x", StartReplication(start: start)),
    ]

    @Test(arguments: replication) func startReplication(text: String, expected: StartReplication) throws {
        #expect(try ReplicationCommand(parsing: text) == .startReplication(expected))
        let written = ReplicationCommand.startReplication(expected).description
        #expect(try ReplicationCommand(parsing: written) == .startReplication(expected))
    }

    private static let push: [(String, WALPushOptions)] = [
        ("START_WAL_PUSH", WALPushOptions()),
        ("START_WAL_PUSH ", WALPushOptions()),
        ("START_WAL_PUSH anything", WALPushOptions()),
        ("START_WAL_PUSH(proto_version '3')", WALPushOptions()),
        ("START_WAL_PUSH (proto_version '3'", WALPushOptions()),
        (
            "START_WAL_PUSH (proto_version '3', allow_timeline_creation 'false')",
            WALPushOptions(protocolNumber: 3, allowsTimelineCreation: false)
        ),
        (
            "START_WAL_PUSH \t(allow_timeline_creation true,proto_version 3 more words)",
            WALPushOptions(protocolNumber: 3)
        ),
        ("START_WAL_PUSH (proto_version ''9'', unknown (x)) rest", WALPushOptions(protocolNumber: 9)),
        ("START_WAL_PUSH (proto_version '2', proto_version '3')", WALPushOptions(protocolNumber: 3)),
    ]

    @Test(arguments: push) func startWALPush(text: String, expected: WALPushOptions) throws {
        #expect(try ReplicationCommand(parsing: text) == .startWALPush(expected))
    }

    private static let others: [(String, ReplicationCommand)] = [
        ("IDENTIFY_SYSTEM", .identifySystem),
        ("IDENTIFY_SYSTEM;", .identifySystem),
        ("TIMELINE_STATUS whatever", .timelineStatus),
        ("SET datestyle TO ISO", .setDateStyle),
        ("set DateStyle to 'ISO'", .setDateStyle),
        ("SHOW server_version", .show(name: "server_version")),
        ("show  wal_segment_size ;", .show(name: "wal_segment_size")),
        ("TIMELINE_HISTORY 12", .timelineHistory(12)),
        ("timeline_history 12;", .timelineHistory(12)),
        (
            "CREATE_REPLICATION_SLOT \"a b\" PHYSICAL",
            .createReplicationSlot(name: "a b", isTemporary: false, reservesWAL: false)
        ),
        (
            "CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL RESERVE_WAL",
            .createReplicationSlot(name: "s", isTemporary: true, reservesWAL: true)
        ),
        (
            "create_replication_slot s physical (reserve_wal)",
            .createReplicationSlot(name: "s", isTemporary: false, reservesWAL: true)
        ),
        (
            "CREATE_REPLICATION_SLOT s PHYSICAL (RESERVE_WAL false)",
            .createReplicationSlot(name: "s", isTemporary: false, reservesWAL: false)
        ),
        ("READ_REPLICATION_SLOT \"s\"", .readReplicationSlot(name: "s")),
    ]

    @Test(arguments: others) func otherCommands(text: String, expected: ReplicationCommand) throws {
        #expect(try ReplicationCommand(parsing: text) == expected)
        #expect(try ReplicationCommand(parsing: expected.description) == expected)
    }

    private static func malformed(_ command: String, _ position: Int, _ expected: String) -> ReplicationCommandError {
        .malformed(command: command, position: position, expected: expected)
    }

    private static let refused: [(String, ReplicationCommandError)] = [
        ("", .unsupported("")),
        ("SELECT 1", .unsupported("SELECT 1")),
        ("start_replication 0/1", .unsupported("start_replication 0/1")),
        ("identify_system", .unsupported("identify_system")),
        ("SET datestyle", .unsupported("SET datestyle")),
        ("START_REPLICATION", malformed("START_REPLICATION", 17, "a space and an LSN")),
        ("START_REPLICATION  0/1", malformed("START_REPLICATION  0/1", 18, "the upper half of an LSN")),
        ("START_REPLICATION 0/", malformed("START_REPLICATION 0/", 20, "the lower half of an LSN")),
        ("START_REPLICATION SLOT  0/1", malformed("START_REPLICATION SLOT  0/1", 23, "the name of a slot")),
        ("START_REPLICATION SLOT 0/1", malformed("START_REPLICATION SLOT 0/1", 26, "a space and an LSN")),
        ("START_REPLICATION LOGICAL 0/1", malformed("START_REPLICATION LOGICAL 0/1", 18, "the upper half of an LSN")),
        ("START_REPLICATION 100000000/0", .startOutOfRange(position: 18)),
        ("START_REPLICATION 0/123456789", .startOutOfRange(position: 18)),
        ("START_REPLICATION 0/1 (term='18446744073709551616')", .termOutOfRange(position: 29)),
        ("START_WAL_PUSH ()", .invalidOption(name: "", value: nil, position: 16)),
        ("START_WAL_PUSH (proto_version)", .invalidOption(name: "proto_version", value: nil, position: 29)),
        ("START_WAL_PUSH (proto_version 3,)", .invalidOption(name: "", value: nil, position: 32)),
        ("START_WAL_PUSH (proto_version '-3')", .invalidOption(name: "proto_version", value: "-3", position: 30)),
        (
            "START_WAL_PUSH (allow_timeline_creation 'TRUE')",
            .invalidOption(name: "allow_timeline_creation", value: "TRUE", position: 40)
        ),
        ("SHOW", malformed("SHOW", 4, "the name of a setting")),
        ("SHOW a b", malformed("SHOW a b", 7, "the end of the command")),
        ("SHOW \"a", malformed("SHOW \"a", 4, "the name of a setting")),
        ("TIMELINE_HISTORY x", malformed("TIMELINE_HISTORY x", 16, "the number of a timeline")),
        (
            "CREATE_REPLICATION_SLOT s LOGICAL p",
            malformed("CREATE_REPLICATION_SLOT s LOGICAL p", 25, "PHYSICAL")
        ),
        (
            "CREATE_REPLICATION_SLOT s PHYSICAL (X)",
            malformed("CREATE_REPLICATION_SLOT s PHYSICAL (X)", 36, "RESERVE_WAL")
        ),
    ]

    @Test(arguments: refused) func errors(text: String, expected: ReplicationCommandError) {
        #expect(throws: expected) { try ReplicationCommand(parsing: text) }
    }

    @Test func errorTexts() {
        let unknown = ReplicationCommandError.unsupported("SHOW server_version")
        #expect(unknown.description == "unsupported command SHOW server_version")
        let malformed = Self.malformed("START_REPLICATION  0/1", 18, "the upper half of an LSN")
        #expect(malformed.description.hasPrefix("failed to parse START_REPLICATION command START_REPLICATION  0/1"))
        let term = ReplicationCommandError.termOutOfRange(position: 29)
        #expect(term.description.hasPrefix("invalid term: number too large to fit in target type"))
    }
}
