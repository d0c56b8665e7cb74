import InterpretedWAL
import PostgresWAL
import ShardIdentity

// What several messages between proposer and safekeeper have in common.

extension WireReader {
    mutating func readLSN(_ field: StaticString) throws(FieldFault) -> LSN {
        LSN(try read(field))
    }

    mutating func readTerm() throws(FieldFault) -> Term {
        Term(try read("term"))
    }

    mutating func readGeneration(_ version: ConsensusProtocolVersion) throws(FieldFault) -> Generation {
        version == .v2 ? .invalid : Generation(try read("generation"))
    }

    mutating func readTermHistory() throws(FieldFault) -> TermHistory {
        let count = try readCount("term_history", minimumElementSize: 16)
        var entries: [TermLSN] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            entries.append(TermLSN(term: try readTerm(), lsn: try readLSN("term_history.lsn")))
        }
        do {
            return try TermHistory(entries)
        } catch {
            throw FieldFault(field: "term_history", .invalidValue(error.description))
        }
    }

    mutating func readMembership(
        _ version: ConsensusProtocolVersion
    ) throws(FieldFault) -> MembershipConfiguration {
        if version == .v2 { return .none }
        let generation = Generation(try read("generation"))
        let members = try readMemberSet("members")
        let newMembers = try readMemberSet("new_members")
        do {
            return try MembershipConfiguration(generation: generation, members: members, newMembers: newMembers)
        } catch {
            throw FieldFault(field: "members", .invalidValue(error.description))
        }
    }

    private mutating func readMemberSet(_ field: StaticString) throws(FieldFault) -> MemberSet {
        // The smallest member has an id, an empty host and a port.
        let count = try readCount(field, minimumElementSize: 11)
        var members: [SafekeeperMember] = []
        members.reserveCapacity(count)
        for _ in 0..<count {
            let id = SafekeeperID(try read("node_id"))
            let host = try readCString("host")
            let port: UInt16 = try read("pg_port")
            do {
                members.append(try SafekeeperMember(id: id, host: host, port: port))
            } catch {
                throw FieldFault(field: "host", .invalidValue(error.description))
            }
        }
        do {
            return try MemberSet(members)
        } catch {
            throw FieldFault(field: "\(field)", .invalidValue(error.description))
        }
    }
}

extension OutputBuffer {
    mutating func append(tag: UInt8, _ version: ConsensusProtocolVersion) {
        switch version {
        case .v2: append(UInt64(tag), .little)
        case .v3: append(tag)
        }
    }

    mutating func append(_ generation: Generation, _ version: ConsensusProtocolVersion) {
        if version == .v3 { append(bigEndian: generation.rawValue) }
    }

    mutating func append(_ history: TermHistory, _ byteOrder: ByteOrder) {
        append(UInt32(history.entries.count), byteOrder)
        for entry in history.entries {
            append(entry.term.rawValue, byteOrder)
            append(entry.lsn.rawValue, byteOrder)
        }
    }

    mutating func append(_ membership: MembershipConfiguration) {
        append(bigEndian: membership.generation.rawValue)
        append(membership.members)
        append(membership.newMembers ?? MemberSet())
    }

    private mutating func append(_ set: MemberSet) {
        append(bigEndian: UInt32(set.count))
        for member in set.members {
            append(bigEndian: member.id.rawValue)
            append(cString: member.host)
            append(bigEndian: member.port)
        }
    }

    mutating func appendZeros(_ count: Int) {
        for _ in 0..<count { append(0) }
    }
}

/// Reads the tag of a message and makes the faults of its fields errors of the message.
func decodeConsensusMessage<Message>(
    _ bytes: RawSpan,
    _ version: ConsensusProtocolVersion,
    _ decodeFields: (UInt8, inout WireReader) throws(FieldFault) -> Message?
) throws(ConsensusMessageError) -> Message {
    guard bytes.byteCount >= version.tagSize else { throw .missingTag(available: bytes.byteCount) }
    var reader = WireReader(bytes, byteOrder: version.byteOrder)
    var tag: UInt64 = 0
    do {
        tag = version == .v2 ? try reader.read("tag") : UInt64(try reader.read("tag", as: UInt8.self))
        if let letter = UInt8(exactly: tag), let message = try decodeFields(letter, &reader) { return message }
    } catch {
        throw .invalidField(tag: UInt8(truncatingIfNeeded: tag), error)
    }
    throw .unknownTag(tag)
}
