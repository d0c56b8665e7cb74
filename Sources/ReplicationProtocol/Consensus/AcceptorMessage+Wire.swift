public import InterpretedWAL
import PostgresWAL

// MARK: - Decoding

extension AcceptorMessage {
    /// Decodes the payload of one CopyData; no byte may follow the message.
    ///
    /// Source: `safekeeper-core.md` §1.5.
    public init(decoding bytes: RawSpan, version: ConsensusProtocolVersion) throws(ConsensusMessageError) {
        self = try decodeConsensusMessage(bytes, version) { (tag, reader) throws(FieldFault) -> AcceptorMessage? in
            switch tag {
            case UInt8(ascii: "g"):
                return .greeting(try AcceptorGreeting(from: &reader, version))
            case UInt8(ascii: "v"):
                return .voteResponse(try VoteResponse(from: &reader, version))
            case UInt8(ascii: "a"):
                var response = try AppendResponse(from: &reader, version)
                if reader.remaining > 0 {
                    var rest = WireReader(bytes, offset: reader.offset)
                    response.pageserver = try PageserverFeedback(from: &rest)
                }
                return .appendResponse(response)
            default:
                return nil
            }
        }
    }
}

extension AcceptorGreeting {
    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        switch version {
        case .v2:
            term = try reader.readTerm()
            node = SafekeeperID(try reader.read("node_id"))
            membership = .none
        case .v3:
            node = SafekeeperID(try reader.read("node_id"))
            membership = try reader.readMembership(version)
            term = try reader.readTerm()
        }
        try reader.finish(after: version == .v2 ? "node_id" : "term")
    }
}

extension VoteResponse {
    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        generation = try reader.readGeneration(version)
        term = try reader.readTerm()
        switch version {
        case .v2:
            let given: UInt64 = try reader.read("vote_given")
            guard given <= 1 else {
                throw FieldFault(field: "vote_given", .invalidValue("\(given), expected 0 or 1"))
            }
            voteGiven = given == 1
        case .v3:
            voteGiven = try reader.readFlag("vote_given")
        }
        flush = try reader.readLSN("flush_lsn")
        truncate = try reader.readLSN("truncate_lsn")
        history = try reader.readTermHistory()
        timelineStart = version == .v2 ? try reader.readLSN("timeline_start_lsn") : .invalid
        try reader.finish(after: "term_history")
    }
}

extension AppendResponse {
    /// Reads the fixed part.
    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        generation = try reader.readGeneration(version)
        term = try reader.readTerm()
        flush = try reader.readLSN("flush_lsn")
        commit = try reader.readLSN("commit_lsn")
        standby = StandbyHorizons(
            time: PostgresTimestamp(microseconds: try reader.read("hs_feedback.ts")),
            xmin: try reader.read("hs_feedback.xmin"),
            catalogXmin: try reader.read("hs_feedback.catalog_xmin")
        )
        pageserver = nil
    }
}

// MARK: - Encoding

extension AcceptorMessage {
    /// Appends the message; protocol 2 leaves out generation and membership.
    public func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        switch self {
        case .greeting(let greeting): greeting.encode(into: &buffer, version: version)
        case .voteResponse(let response): response.encode(into: &buffer, version: version)
        case .appendResponse(let response): response.encode(into: &buffer, version: version)
        }
    }
}

extension AcceptorGreeting {
    fileprivate func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "g"), version)
        switch version {
        case .v2:
            buffer.append(term.rawValue, .little)
            buffer.append(node.rawValue, .little)
        case .v3:
            buffer.append(bigEndian: node.rawValue)
            buffer.append(membership)
            buffer.append(bigEndian: term.rawValue)
        }
    }
}

extension VoteResponse {
    fileprivate func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "v"), version)
        buffer.append(generation, version)
        buffer.append(term.rawValue, version.byteOrder)
        switch version {
        case .v2: buffer.append(UInt64(voteGiven ? 1 : 0), .little)
        case .v3: buffer.append(voteGiven ? 1 : 0)
        }
        buffer.append(flush.rawValue, version.byteOrder)
        buffer.append(truncate.rawValue, version.byteOrder)
        buffer.append(history, version.byteOrder)
        if version == .v2 { buffer.append(timelineStart.rawValue, .little) }
    }
}

extension AppendResponse {
    fileprivate func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "a"), version)
        buffer.append(generation, version)
        for value in [term.rawValue, flush.rawValue, commit.rawValue] { buffer.append(value, version.byteOrder) }
        buffer.append(standby.time.microseconds, version.byteOrder)
        buffer.append(standby.xmin, version.byteOrder)
        buffer.append(standby.catalogXmin, version.byteOrder)
        pageserver?.encode(into: &buffer)
    }
}
