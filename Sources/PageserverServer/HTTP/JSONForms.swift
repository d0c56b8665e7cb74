internal import PostgresWAL
internal import ReplicationProtocol

/// How values look in JSON.
enum JSONForms {
    /// An object, its members in the order given.
    static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { JSONValue.Member(name: $0.key, value: $0.value) })
    }

    static func lsn(_ lsn: LSN?) -> JSONValue { lsn.map { .string("\($0)") } ?? .null }

    static func number(_ number: some FixedWidthInteger) -> JSONValue { .integer(Int128(number)) }
}
