internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

extension ControlFile {
    /// What every control file begins with.
    package static let magic: UInt32 = 0xCAFE_CEEF

    /// The version that ``encoded()`` writes.
    ///
    /// Version 10 says more than 9, but only for a timeline with a membership; older builds can read the others.
    package var encodedVersion: UInt32 { membership.generation.isValid ? 10 : 9 }

    /// The whole file, checksum included.
    ///
    /// Source: `safekeeper-core.md` §2.1, §2.2.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.appendLittleEndian(Self.magic)
        bytes.appendLittleEndian(encodedVersion)
        appendBody(to: &bytes)
        bytes.appendLittleEndian(bytes.span.bytes.crc32c)
        return bytes
    }

    private func appendBody(to bytes: inout [UInt8]) {
        let isCurrent = encodedVersion == 10
        bytes.append(tenantID.description)
        bytes.append(timelineID.description)
        if isCurrent { append(membership, to: &bytes) }
        bytes.appendLittleEndian(term.rawValue)
        bytes.appendCount(termHistory.entries.count)
        for entry in termHistory.entries {
            bytes.appendLittleEndian(entry.term.rawValue)
            bytes.append(entry.lsn)
        }
        bytes.appendLittleEndian(server.versionNumber)
        bytes.appendLittleEndian(server.systemIdentifier)
        bytes.appendLittleEndian(server.segmentSize)
        bytes.append(TenantID(bits: proposerID).description)
        bytes.append(timelineStartLSN)
        bytes.append(localStartLSN)
        bytes.append(commitLSN)
        bytes.append(backupLSN)
        bytes.append(peerHorizonLSN)
        bytes.append(remoteConsistentLSN)
        // The peers of version 9 were never filled in.
        if !isCurrent { bytes.appendCount(0) }
        appendPartialSegments(to: &bytes)
        switch eviction {
        case .present:
            bytes.appendLittleEndian(UInt32(0))
        case .offloaded(let flushLSN):
            bytes.appendLittleEndian(UInt32(1))
            bytes.append(flushLSN)
        }
        if isCurrent {
            bytes.appendLittleEndian(creation.seconds)
            bytes.appendLittleEndian(creation.nanoseconds)
        }
    }

    private func append(_ membership: MembershipConfiguration, to bytes: inout [UInt8]) {
        bytes.appendLittleEndian(membership.generation.rawValue)
        bytes.append(membership.members.members)
        guard let newMembers = membership.newMembers else {
            bytes.append(0)
            return
        }
        bytes.append(1)
        bytes.append(newMembers.members)
    }

    private func appendPartialSegments(to bytes: inout [UInt8]) {
        bytes.appendCount(partialSegments.count)
        for segment in partialSegments {
            bytes.appendLittleEndian(segment.status.rawValue)
            bytes.append(segment.name)
            bytes.append(segment.commitLSN)
            bytes.append(segment.flushLSN)
            bytes.appendLittleEndian(segment.lastLogTerm.rawValue)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendCount(_ count: Int) {
        appendLittleEndian(UInt64(count))
    }

    fileprivate mutating func append(_ lsn: LSN) {
        appendLittleEndian(lsn.rawValue)
    }

    fileprivate mutating func append(_ text: String) {
        appendCount(text.utf8.count)
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(_ members: [SafekeeperMember]) {
        appendCount(members.count)
        for member in members {
            appendLittleEndian(member.id.rawValue)
            append(member.host)
            appendLittleEndian(member.port)
        }
    }
}
