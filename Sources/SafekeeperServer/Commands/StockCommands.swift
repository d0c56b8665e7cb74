internal import PostgresWAL
internal import ReplicationProtocol

/// The commands that clients made for a stock server send before they stream: `pg_receivewal`, a hot standby.
///
/// They get the answers of a server with one PostgreSQL timeline, without replication slots of its own: a slot can be named
/// and made, and nothing depends on it. WAL is kept for whoever is connected, not for slots.
///
/// Source: PostgreSQL's documentation, "Streaming Replication Protocol".
enum StockCommands {
    /// The answer to SHOW.
    ///
    /// - Parameters:
    ///   - name: the setting, in any case.
    ///   - segmentSize: the timeline's segment size.
    /// - Returns: the messages; nil if there is no such setting.
    static func show(_ name: String, segmentSize: WALSegmentSize) -> [BackendMessage]? {
        let value: String
        switch name.lowercased() {
        case "wal_segment_size":
            let megabytes = segmentSize.bytes >> 20
            value = megabytes >= 1024 ? "\(megabytes >> 10)GB" : "\(megabytes)MB"
        case "data_directory_mode": value = "0700"
        case "server_version": value = "14.1"
        case "integer_datetimes": value = "on"
        case "client_encoding": value = "UTF8"
        case "primary_slot_name": value = ""
        default: return nil
        }
        return [.rowDescription([.text(name.lowercased())]), .dataRow([value]), .commandComplete("SHOW")]
    }

    /// The answer to CREATE_REPLICATION_SLOT: the slot is as good as made.
    ///
    /// - Parameter name: its name.
    /// - Returns: the messages.
    static func createSlot(_ name: String) -> [BackendMessage] {
        [
            .rowDescription([
                .text("slot_name"), .text("consistent_point"), .text("snapshot_name"), .text("output_plugin"),
            ]),
            .dataRow([name, "\(LSN.invalid)", nil, nil]),
            .commandComplete("CREATE_REPLICATION_SLOT"),
        ]
    }

    /// The answer to READ_REPLICATION_SLOT: as of a slot that has never been used, so that the client begins where it likes.
    static var readSlot: [BackendMessage] {
        [
            .rowDescription([.text("slot_type"), .text("restart_lsn"), .int8("restart_tli")]),
            .dataRow(["physical", nil, nil]),
            .commandComplete("READ_REPLICATION_SLOT"),
        ]
    }
}

/// A setting that is not there.
struct UnknownSetting: Error, CustomStringConvertible {
    let name: String

    var description: String { "unrecognized configuration parameter \"\(name)\"" }
}

/// A history of a PostgreSQL timeline that there is none of.
struct NoTimelineHistory: Error, CustomStringConvertible {
    let timeline: UInt32

    var description: String {
        timeline == 1
            ? "timeline 1 is the first one and has no history"
            : "requested timeline \(timeline) is not in this server's history: there is only timeline 1"
    }
}
