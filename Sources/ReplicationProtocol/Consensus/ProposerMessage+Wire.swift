public import InterpretedWAL
import PostgresWAL
import ShardIdentity

// MARK: - Decoding

extension ProposerMessage {
    /// Decodes the payload of one CopyData.
    ///
    /// The WAL of an append request is not copied; it lies at ``AppendRequest/walRange(in:)``. What follows it is ignored,
    /// and so is what follows the term of a vote request in protocol 2. After other messages no byte may follow.
    ///
    /// Source: `safekeeper-core.md` §1.4.
    public init(decoding bytes: RawSpan, version: ConsensusProtocolVersion) throws(ConsensusMessageError) {
        self = try decodeConsensusMessage(bytes, version) { (tag, reader) throws(FieldFault) -> ProposerMessage? in
            switch tag {
            case UInt8(ascii: "g"): .greeting(try ProposerGreeting(from: &reader, version))
            case UInt8(ascii: "v"): .voteRequest(try VoteRequest(from: &reader, version))
            case UInt8(ascii: "e"): .elected(try ProposerElected(from: &reader, version))
            case UInt8(ascii: "a"): .append(try AppendRequest(from: &reader, version))
            default: nil
            }
        }
        if case .append(let request) = self {
            try request.checkWAL(available: bytes.byteCount - AppendRequest.headerSize(in: version))
        }
    }
}

extension AppendRequest {
    fileprivate func checkWAL(available: Int) throws(ConsensusMessageError) {
        guard let count = end.distance(from: begin) else {
            throw .reversedRange(begin: begin.rawValue, end: end.rawValue)
        }
        guard count <= UInt64(Self.maximumWALSize) else { throw .tooMuchWAL(count: count) }
        guard count <= UInt64(available) else { throw .truncatedWAL(needed: Int(count), available: available) }
    }

    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        generation = try reader.readGeneration(version)
        term = try reader.readTerm()
        // The begin of the term, which nobody reads any more.
        if version == .v2 { try reader.skip(8, "epoch_start_lsn") }
        begin = try reader.readLSN("begin_lsn")
        end = try reader.readLSN("end_lsn")
        commit = try reader.readLSN("commit_lsn")
        truncate = try reader.readLSN("truncate_lsn")
        if version == .v2 { try reader.skip(16, "proposer_uuid") }
    }
}

extension ProposerGreeting {
    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        switch version {
        case .v2:
            try reader.skip(4, "protocol version")
            serverVersionNumber = try reader.read("pg_version")
            try reader.skip(16, "proposer_uuid")
            systemID = try reader.read("system_id")
            timeline = TimelineID(bits: try reader.readIDBits("timeline_id"))
            tenant = TenantID(bits: try reader.readIDBits("tenant_id"))
            membership = .none
            try reader.skip(4, "timeline number")
            segmentSize = try reader.read("wal_seg_size")
        case .v3:
            tenant = try TenantID(try reader.readCString("tenant_id")).orInvalid("tenant_id")
            timeline = try TimelineID(try reader.readCString("timeline_id")).orInvalid("timeline_id")
            membership = try reader.readMembership(version)
            serverVersionNumber = try reader.read("pg_version")
            systemID = try reader.read("system_id")
            segmentSize = try reader.read("wal_seg_size")
        }
        guard serverVersionNumber == 0 || Self.serverVersionNumbers.contains(serverVersionNumber) else {
            let what = "\(serverVersionNumber), expected 0 or \(Self.serverVersionNumbers)"
            throw FieldFault(field: "pg_version", .invalidValue(what))
        }
        try reader.finish(after: "wal_seg_size")
    }
}

extension VoteRequest {
    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        generation = try reader.readGeneration(version)
        term = try reader.readTerm()
        if version == .v3 { try reader.finish(after: "term") }
    }
}

extension ProposerElected {
    fileprivate init(from reader: inout WireReader, _ version: ConsensusProtocolVersion) throws(FieldFault) {
        generation = try reader.readGeneration(version)
        term = try reader.readTerm()
        startStreamingAt = try reader.readLSN("start_streaming_at")
        history = try reader.readTermHistory()
        timelineStart =
            version == .v2 ? try reader.readLSN("timeline_start_lsn") : history.entries.first?.lsn ?? .invalid
        try reader.finish(after: "term_history")
    }
}

extension WireReader {
    /// Reads 16 bytes in the order they have in texts, whatever the order of integers.
    fileprivate mutating func readIDBits(_ field: StaticString) throws(FieldFault) -> UInt128 {
        let bits: UInt128 = try read(field)
        return byteOrder == .big ? bits : bits.byteSwapped
    }
}

extension Optional {
    fileprivate func orInvalid(_ field: String) throws(FieldFault) -> Wrapped {
        guard let self else { throw FieldFault(field: field, .invalidValue("not 32 hexadecimal digits")) }
        return self
    }
}

// MARK: - Encoding

extension ProposerGreeting {
    /// Appends the message; protocol 2 leaves out the membership.
    public func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "g"), version)
        switch version {
        case .v2:
            buffer.append(version.rawValue, .little)
            buffer.append(serverVersionNumber, .little)
            buffer.appendZeros(16)
            buffer.append(systemID, .little)
            buffer.append(bigEndian: timeline.bits)
            buffer.append(bigEndian: tenant.bits)
            buffer.append(UInt32(1), .little)
            buffer.append(segmentSize, .little)
        case .v3:
            buffer.append(cString: tenant.description)
            buffer.append(cString: timeline.description)
            buffer.append(membership)
            buffer.append(bigEndian: serverVersionNumber)
            buffer.append(bigEndian: systemID)
            buffer.append(bigEndian: segmentSize)
        }
    }
}

extension VoteRequest {
    /// Appends the message; protocol 2 leaves out the generation.
    public func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "v"), version)
        buffer.append(generation, version)
        buffer.append(term.rawValue, version.byteOrder)
        if version == .v2 { buffer.appendZeros(16) }
    }
}

extension ProposerElected {
    /// Appends the message; protocol 2 leaves out the generation, protocol 3 the begin of the timeline.
    public func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "e"), version)
        buffer.append(generation, version)
        buffer.append(term.rawValue, version.byteOrder)
        buffer.append(startStreamingAt.rawValue, version.byteOrder)
        buffer.append(history, version.byteOrder)
        if version == .v2 { buffer.append(timelineStart.rawValue, .little) }
    }
}

extension AppendRequest {
    /// Appends the message with its WAL; protocol 2 leaves out the generation.
    ///
    /// Traps unless `wal` has as many bytes as there are from begin to end, and at most ``maximumWALSize``.
    public func encode(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion, wal: RawSpan) {
        let size = end.distance(from: begin)
        precondition(size == UInt64(wal.byteCount) && wal.byteCount <= Self.maximumWALSize, "WAL of the wrong size")
        encodeHeader(into: &buffer, version: version)
        buffer.append(wal)
    }

    /// Appends what precedes the WAL, for those who put the WAL behind it themselves.
    public func encodeHeader(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        buffer.append(tag: UInt8(ascii: "a"), version)
        buffer.append(generation, version)
        buffer.append(term.rawValue, version.byteOrder)
        if version == .v2 { buffer.appendZeros(8) }
        for lsn in [begin, end, commit, truncate] { buffer.append(lsn.rawValue, version.byteOrder) }
        if version == .v2 { buffer.appendZeros(16) }
    }

    /// Appends the message of a request without WAL.
    ///
    /// Traps unless it is a heartbeat.
    public func encodeHeartbeat(into buffer: inout OutputBuffer, version: ConsensusProtocolVersion) {
        encode(into: &buffer, version: version, wal: RawSpan())
    }
}
