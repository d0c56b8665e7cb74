internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// How values look in the JSON of the management API.
///
/// Source: `safekeeper-operations.md` §0, §1.3.
enum JSONForms {
    /// An object, its members in the order given.
    static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { JSONValue.Member(name: $0.key, value: $0.value) })
    }

    static func lsn(_ lsn: LSN) -> JSONValue { .string("\(lsn)") }

    static func number(_ number: some FixedWidthInteger) -> JSONValue { .integer(Int128(number)) }

    static func timeline(_ id: TenantTimelineID) -> JSONValue {
        object(["tenant_id": .string("\(id.tenant)"), "timeline_id": .string("\(id.timeline)")])
    }

    static func membership(_ configuration: MembershipConfiguration) -> JSONValue {
        object([
            "generation": number(configuration.generation.rawValue),
            "members": members(configuration.members),
            "new_members": configuration.newMembers.map(members) ?? .null,
        ])
    }

    private static func members(_ set: MemberSet) -> JSONValue {
        .array(
            set.members.map { member in
                object([
                    "id": number(member.id.rawValue), "host": .string(member.host), "pg_port": number(member.port),
                ])
            }
        )
    }

    static func history(_ history: TermHistory) -> JSONValue {
        .array(history.entries.map { object(["term": number($0.term.rawValue), "lsn": lsn($0.lsn)]) })
    }

    static func server(_ server: ControlFile.Server) -> JSONValue {
        object([
            "pg_version": number(server.versionNumber),
            "system_id": number(server.systemIdentifier),
            "wal_seg_size": number(server.segmentSize),
        ])
    }

    /// A membership as messages have it: `gen=2, members=([id=1, ep=sk1:5454]), new_members=none`.
    static func text(_ configuration: MembershipConfiguration) -> String {
        func text(_ set: MemberSet) -> String {
            "(\(set.members.map { "[id=\($0.id), ep=\($0.host):\($0.port)]" }.joined(separator: ", ")))"
        }
        let newMembers = configuration.newMembers.map(text) ?? "none"
        return "gen=\(configuration.generation), members=\(text(configuration.members)), new_members=\(newMembers)"
    }
}
