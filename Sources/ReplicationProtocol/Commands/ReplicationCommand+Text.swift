import PostgresWAL

extension ReplicationCommand: CustomStringConvertible {
    /// The text that a client sends.
    public var description: String {
        switch self {
        case .startWALPush(let options): options.commandText
        case .startReplication(let request): request.commandText
        case .identifySystem: "IDENTIFY_SYSTEM"
        case .timelineStatus: "TIMELINE_STATUS"
        case .setDateStyle: "SET datestyle TO 'ISO'"
        case .show(let name): "SHOW \(name)"
        case .timelineHistory(let number): "TIMELINE_HISTORY \(number)"
        case .createReplicationSlot(let name, let isTemporary, let reservesWAL):
            "CREATE_REPLICATION_SLOT \"\(name)\"\(isTemporary ? " TEMPORARY" : "") PHYSICAL"
                + (reservesWAL ? " RESERVE_WAL" : "")
        case .readReplicationSlot(let name): "READ_REPLICATION_SLOT \"\(name)\""
        }
    }
}

extension WALPushOptions {
    fileprivate var commandText: String {
        "START_WAL_PUSH (proto_version '\(protocolNumber)', allow_timeline_creation '\(allowsTimelineCreation)')"
    }
}

extension StartReplication {
    fileprivate var commandText: String {
        var text = "START_REPLICATION"
        if let slot { text += " SLOT \(slot)" }
        if namesPhysical { text += " PHYSICAL" }
        text += " \(start)"
        if let term { text += " (term='\(term)')" }
        if let timeline { text += " TIMELINE \(timeline)" }
        return text
    }
}
