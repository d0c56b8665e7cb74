internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

extension ControlFile {
    /// The longest file that is read: far more than any membership or list of partial segments takes.
    package static let maximumFileSize = 1 << 20

    /// Magic number, version and checksum: bytes in the shortest file there can be.
    private static let frameSize = 12

    /// Reads a file of any version from 1 to 10; what an old version doesn't say gets the value its upgrade gives.
    ///
    /// - Parameter file: the whole file.
    /// - Throws: ``ControlFileError`` that says what is wrong with it.
    ///
    /// Source: `safekeeper-core.md` §2.1 to §2.4.
    package init(decoding file: RawSpan) throws(ControlFileError) {
        guard file.byteCount >= Self.frameSize, file.byteCount <= Self.maximumFileSize else {
            throw .size(
                found: UInt64(file.byteCount),
                minimum: Self.frameSize,
                maximum: Self.maximumFileSize
            )
        }
        let body = file.extracting(droppingLast: 4)
        let found: UInt32 = file.littleEndian(at: file.byteCount - 4)
        let computed = body.crc32c
        guard found == computed else { throw .checksum(found: found, computed: computed) }
        let magic: UInt32 = body.littleEndian(at: 0)
        guard magic == Self.magic else { throw .magic(found: magic) }
        let version: UInt32 = body.littleEndian(at: 4)
        var reader = ControlFileReader(body, from: 8)
        switch version {
        case 1...3: self = try Self(readingVersion1To3: version, from: &reader)
        case 4...10: self = try Self(readingVersion4To10: version, from: &reader)
        default: throw .version(version)
        }
        guard reader.remaining == 0 else { throw .trailingBytes(count: reader.remaining) }
    }
}

// MARK: - Versions 4 to 10

extension ControlFile {
    private init(readingVersion4To10 version: UInt32, from reader: inout ControlFileReader) throws(ControlFileError) {
        let tenantID = TenantID(bits: try reader.id("tenant_id"))
        let timelineID = TimelineID(bits: try reader.id("timeline_id"))
        let membership = version == 10 ? try reader.membership() : .none
        let term = Term(try reader.integer("term"))
        let history = try reader.termHistory()
        let server = Server(
            versionNumber: try reader.integer("pg_version"),
            systemIdentifier: try reader.integer("system_id"),
            segmentSize: try reader.integer("wal_seg_size")
        )
        self.init(tenantID: tenantID, timelineID: timelineID, server: server)
        self.membership = membership
        self.term = term
        termHistory = history
        proposerID = try reader.id("proposer_uuid")
        if version >= 5 {
            timelineStartLSN = try reader.lsn("timeline_start_lsn")
            localStartLSN = try reader.lsn("local_start_lsn")
        }
        commitLSN = try reader.lsn("commit_lsn")
        backupLSN = try reader.lsn("backup_lsn")
        peerHorizonLSN = try reader.lsn("peer_horizon_lsn")
        remoteConsistentLSN = try reader.lsn("remote_consistent_lsn")
        if version <= 9 { try reader.skipPeers() }
        if version >= 8 { partialSegments = try reader.partialSegments() }
        if version >= 9 { eviction = try reader.eviction() }
        if version == 10 { creation = try reader.timestamp("creation_ts") }
        upgrade(from: version)
    }

    /// What an upgrade changes besides filling in what wasn't there.
    private mutating func upgrade(from version: UInt32) {
        if version == 4 {
            backupLSN = .invalid
            remoteConsistentLSN = .invalid
        }
        if version == 5 && !timelineStartLSN.isValid {
            timelineStartLSN = LSN(1)
            localStartLSN = LSN(1)
        }
        // Version 7 is the first that always says the server's version.
        if (5...6).contains(version) && server.versionNumber == 0 { server.versionNumber = 140_005 }
    }
}

// MARK: - Versions 1 to 3

extension ControlFile {
    private init(readingVersion1To3 version: UInt32, from reader: inout ControlFileReader) throws(ControlFileError) {
        let term = Term(try reader.integer("term"))
        let history = version == 1 ? try reader.epoch() : try reader.termHistory()
        let versionNumber: UInt32 = try reader.integer("pg_version")
        let systemIdentifier: UInt64 = try reader.integer("system_id")
        let tenantID = TenantID(bits: version == 3 ? try reader.id("tenant_id") : try reader.rawID("tenant_id"))
        let timelineID = TimelineID(
            bits: version == 3 ? try reader.id("timeline_id") : try reader.rawID("timeline_id")
        )
        let segmentSize: UInt32 = try reader.integer("wal_seg_size")
        self.init(
            tenantID: tenantID,
            timelineID: timelineID,
            server: Server(
                versionNumber: versionNumber,
                systemIdentifier: systemIdentifier,
                segmentSize: segmentSize
            )
        )
        self.term = term
        termHistory = history
        proposerID = version == 3 ? try reader.id("proposer_uuid") : try reader.rawID("proposer_uuid")
        commitLSN = try reader.lsn("commit_lsn")
        peerHorizonLSN = try reader.lsn("truncate_lsn")
        _ = try reader.lsn("wal_start_lsn")
    }
}

// MARK: - Composite fields

extension ControlFileReader {
    fileprivate mutating func membership() throws(ControlFileError) -> MembershipConfiguration {
        let start = offset
        let generation = Generation(try integer("generation"))
        let members = try members("members")
        let tagOffset = offset
        let tag: UInt8 = try integer("new_members")
        guard tag <= 1 else { throw .invalid(field: "new_members", offset: tagOffset, found: "option tag \(tag)") }
        let newMembers = tag == 1 ? try self.members("new_members") : nil
        if let newMembers, newMembers.isEmpty {
            throw .invalid(field: "new_members", offset: tagOffset, found: "a set without members")
        }
        do throws(MembershipError) {
            return try MembershipConfiguration(generation: generation, members: members, newMembers: newMembers)
        } catch {
            throw .invalid(field: "mconf", offset: start, found: "\(error)")
        }
    }

    private mutating func members(_ field: String) throws(ControlFileError) -> MemberSet {
        let start = offset
        var members: [(id: UInt64, host: String, port: UInt16)] = []
        for _ in 0..<(try count(field, itemSize: 18)) {
            members.append((try integer(field), try text(field), try integer(field)))
        }
        do throws(MembershipError) {
            return try MemberSet(
                members.map { (member) throws(MembershipError) in
                    try SafekeeperMember(id: SafekeeperID(member.id), host: member.host, port: member.port)
                }
            )
        } catch {
            throw .invalid(field: field, offset: start, found: "\(error)")
        }
    }

    fileprivate mutating func termHistory() throws(ControlFileError) -> TermHistory {
        var entries: [TermLSN] = []
        let start = offset
        for _ in 0..<(try count("term_history", itemSize: 16)) {
            entries.append(TermLSN(term: Term(try integer("term_history")), lsn: try lsn("term_history")))
        }
        return try history(entries, at: start)
    }

    /// What version 1 had for a history: the term of the last WAL.
    fileprivate mutating func epoch() throws(ControlFileError) -> TermHistory {
        let start = offset
        return try history([TermLSN(term: Term(try integer("epoch")), lsn: .invalid)], at: start)
    }

    private func history(_ entries: [TermLSN], at start: Int) throws(ControlFileError) -> TermHistory {
        do throws(TermHistoryError) {
            return try TermHistory(entries)
        } catch {
            throw .invalid(field: "term_history", offset: start, found: "\(error)")
        }
    }

    /// A node's number and four of its positions, of which nothing was ever used.
    fileprivate mutating func skipPeers() throws(ControlFileError) {
        for _ in 0..<(try count("peers", itemSize: 40)) {
            for _ in 0..<5 { _ = try integer("peers", as: UInt64.self) }
        }
    }

    fileprivate mutating func partialSegments() throws(ControlFileError) -> [ControlFile.PartialSegment] {
        var segments: [ControlFile.PartialSegment] = []
        for _ in 0..<(try count("partial_backup", itemSize: 36)) {
            let start = offset
            let variant: UInt32 = try integer("partial_backup")
            guard let status = ControlFile.PartialSegment.Status(rawValue: variant) else {
                throw .invalid(field: "partial_backup", offset: start, found: "status \(variant)")
            }
            segments.append(
                .init(
                    status: status,
                    name: try text("partial_backup"),
                    commitLSN: try lsn("partial_backup"),
                    flushLSN: try lsn("partial_backup"),
                    lastLogTerm: Term(try integer("partial_backup"))
                )
            )
        }
        return segments
    }

    fileprivate mutating func eviction() throws(ControlFileError) -> ControlFile.Eviction {
        let start = offset
        let variant: UInt32 = try integer("eviction_state")
        switch variant {
        case 0: return .present
        case 1: return .offloaded(flushLSN: try lsn("eviction_state"))
        default: throw .invalid(field: "eviction_state", offset: start, found: "variant \(variant)")
        }
    }

    fileprivate mutating func timestamp(_ field: String) throws(ControlFileError) -> ControlFile.Timestamp {
        let seconds: UInt64 = try integer(field)
        let start = offset
        let nanoseconds: UInt32 = try integer(field)
        guard nanoseconds < 1_000_000_000 else {
            throw .invalid(field: field, offset: start, found: "\(nanoseconds) nanoseconds")
        }
        return .init(seconds: seconds, nanoseconds: nanoseconds)
    }
}
