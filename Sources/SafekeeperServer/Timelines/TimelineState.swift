package import NIOCore
package import PostgresWAL
package import ReplicationProtocol

/// One timeline's acceptor together with its storage.
///
/// Every call blocks until what it did is where it has to be. Not safe to use from several tasks at once: a timeline's
/// actor owns it, on a thread that may block; a simulation owns many of them.
///
/// After an error it can be used like before: what was promised is still kept, and what failed can be tried again. The
/// connection that the message came from is of no use any more.
package final class TimelineState {
    /// What applies to all timelines of a safekeeper.
    package struct Settings: Sendable {
        /// The safekeeper's number.
        package var node: SafekeeperID
        /// How space for a new segment is taken.
        package var allocation: SegmentAllocation
        /// Whether to leave out all synchronization; for tests only.
        package var noSync: Bool
        /// Who is told how long things take.
        package var observer: (any StorageObserver)?

        package init(node: SafekeeperID, allocation: SegmentAllocation = .sparse, noSync: Bool = false) {
            self.node = node
            self.allocation = allocation
            self.noSync = noSync
        }
    }

    /// The timeline's WAL.
    package let store: WALStore
    /// Where the WAL that was written last is kept in memory, if anywhere.
    package var tail: WALTail?
    private let controlFile: ControlFileStore
    private var acceptor: Acceptor

    /// Loads a timeline and looks for the end of its WAL.
    ///
    /// - Parameters:
    ///   - directory: its folder.
    ///   - fileSystem: where.
    ///   - settings: what applies to all timelines.
    /// - Throws: ``TimelineStateError`` if the control file or the WAL can't be read, or they contradict one another.
    ///
    /// Source: `safekeeper-core.md` §2.4, §4.2.
    package init(
        loading directory: String,
        of fileSystem: any FileSystem,
        settings: Settings
    ) throws(TimelineStateError) {
        do throws(ControlFileError) {
            controlFile = try ControlFileStore.load(
                from: directory,
                of: fileSystem,
                noSync: settings.noSync,
                observer: settings.observer
            )
        } catch {
            throw .controlFile(error)
        }
        let control = controlFile.persisted
        if case .offloaded(let flushLSN) = control.eviction { throw .offloaded(flushLSN: flushLSN) }
        let server = try Self.check(control.server)
        let files = SegmentFiles(
            directory: directory,
            of: fileSystem,
            segmentSize: server.segmentSize,
            allocation: settings.allocation,
            noSync: settings.noSync,
            observer: settings.observer
        )
        do throws(WALStoreError) {
            store = try WALStore(opening: files, version: server.version, commitLSN: control.commitLSN)
        } catch {
            throw .wal(error)
        }
        acceptor = Acceptor(node: settings.node)
    }

    /// Makes the files of a new timeline: those of its control file.
    ///
    /// - Parameters:
    ///   - contents: what the control file is to say.
    ///   - directory: the timeline's folder, which is there and empty.
    ///   - fileSystem: where.
    ///   - settings: what applies to all timelines.
    /// - Throws: ``TimelineStateError`` if no timeline can be as `contents` says, or the disk refuses.
    package static func create(
        _ contents: ControlFile,
        in directory: String,
        of fileSystem: any FileSystem,
        settings: Settings
    ) throws(TimelineStateError) {
        _ = try check(contents.server)
        do throws(ControlFileError) {
            _ = try ControlFileStore.create(
                contents,
                in: directory,
                of: fileSystem,
                noSync: settings.noSync,
                observer: settings.observer
            )
        } catch {
            throw .controlFile(error)
        }
    }

    private static func check(
        _ server: ControlFile.Server
    ) throws(TimelineStateError) -> (version: PostgresMajorVersion, segmentSize: WALSegmentSize) {
        guard let version = PostgresMajorVersion(serverVersionNumber: Int(server.versionNumber)) else {
            throw .serverVersion(server.versionNumber)
        }
        guard let segmentSize = WALSegmentSize(bytes: UInt64(server.segmentSize)) else {
            throw .segmentSize(server.segmentSize)
        }
        return (version, segmentSize)
    }
}

// MARK: - What is there

extension TimelineState {
    /// The control file as it is on disk.
    package var persisted: ControlFile { controlFile.persisted }

    /// The control file with the values that run ahead of what is on disk.
    package var control: ControlFile { controlFile.current }

    /// How far the WAL has got.
    package var positions: WALPositions { store.positions }

    /// The end of the durable records; the timeline's start before there are any.
    package var flushLSN: LSN { max(positions.flushRecordLSN, persisted.timelineStartLSN) }

    /// The position up to which WAL is known to be committed, and is here.
    package var commitLSN: LSN { controlFile.current.commitLSN }

    /// The term of the last WAL that is here.
    package var lastLogTerm: Term { persisted.termHistory.lastLogTerm(at: flushLSN) }

    /// The proposer whose WAL is being accepted; nil since the start, or a failed preparation.
    package var leader: Acceptor.Leader? { acceptor.leader }

    private var view: AcceptorView {
        AcceptorView(
            control: controlFile.current,
            persistedCommitLSN: controlFile.persisted.commitLSN,
            positions: store.positions
        )
    }
}

// MARK: - Messages

extension TimelineState {
    /// Takes a proposer's message.
    ///
    /// WAL is written and not made durable, except where a segment is full.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - wal: for an append request, the bytes from its begin to its end.
    /// - Returns: the answer; nil if there is none.
    /// - Throws: ``AcceptorError`` if it is refused or the disk fails.
    package func process(_ message: ProposerMessage, wal: RawSpan) throws(AcceptorError) -> AcceptorMessage? {
        acceptor.begin(message)
        return try finish { begin throws(WALStoreError) in
            try store.write(wal, at: begin)
            tail?.append(wal, at: begin)
        }
    }

    /// Takes append requests that were put together to one, and their WAL where it lies.
    ///
    /// - Parameters:
    ///   - request: the request for all of it.
    ///   - wal: the bytes from its begin to its end, in pieces that are not empty.
    /// - Returns: the answer; nil if there is none.
    /// - Throws: as ``process(_:wal:)-(ProposerMessage,_)``.
    package func process(_ request: AppendRequest, wal: [ByteBuffer]) throws(AcceptorError) -> AcceptorMessage? {
        acceptor.begin(.append(request))
        return try finish { begin throws(WALStoreError) in
            try store.write(wal, at: begin)
            var position = begin
            for piece in wal {
                tail?.append(piece.readableBytesSpan, at: position)
                position += UInt64(piece.readableBytes)
            }
        }
    }

    /// Makes all whole records durable.
    ///
    /// - Returns: how far the WAL is.
    /// - Throws: ``AcceptorError`` if the disk fails.
    package func flush() throws(AcceptorError) -> AppendResponse {
        acceptor.beginFlush()
        let answer = try finish { _ in preconditionFailure("a flush wants WAL to be written") }
        guard case .appendResponse(let response)? = answer else {
            preconditionFailure("a flush ends without an append response")
        }
        return response
    }

    private func finish(
        _ write: (LSN) throws(WALStoreError) -> Void
    ) throws(AcceptorError) -> AcceptorMessage? {
        do throws(AcceptorError) {
            return try perform(write)
        } catch {
            // A first election that failed: the next leader may say that the timeline begins elsewhere.
            if !persisted.commitLSN.isValid { store.forget() }
            throw error
        }
    }

    private func perform(_ write: (LSN) throws(WALStoreError) -> Void) throws(AcceptorError) -> AcceptorMessage? {
        var answer: AcceptorMessage?
        while let action = try acceptor.next(view) {
            switch action {
            case .reply(let message): answer = message
            case .persist(let control): try persist(control)
            case .advance(let commit, let peerHorizon):
                controlFile.overlay.commitLSN = commit
                controlFile.overlay.peerHorizonLSN = peerHorizon
            case .flush: try change { store throws(WALStoreError) in try store.flush() }
            case .truncate(let end):
                tail?.truncate(to: end)
                try change { store throws(WALStoreError) in try store.truncate(to: end) }
            case .write(let begin): try change { _ throws(WALStoreError) in try write(begin) }
            case .adoptSystemIdentifier(let identifier, let localStart):
                try change { store throws(WALStoreError) in
                    try store.adopt(systemIdentifier: identifier, localStart: localStart)
                }
            case .initializeFirstSegment(let start, let identifier):
                try change { store throws(WALStoreError) in
                    try store.initializeFirstSegment(at: start, systemIdentifier: identifier)
                }
            }
        }
        return answer
    }

    private func change(_ body: (WALStore) throws(WALStoreError) -> Void) throws(AcceptorError) {
        do throws(WALStoreError) {
            try body(store)
        } catch {
            throw .store(error)
        }
    }

    private func persist(_ control: ControlFile) throws(AcceptorError) {
        do throws(ControlFileError) {
            try controlFile.change { $0 = control }
        } catch {
            throw .controlFile(error)
        }
    }
}

// MARK: - Changes that no proposer asks for

extension TimelineState {
    /// Stores the values that run ahead of what is on disk.
    package func flushControlFile() throws(ControlFileError) {
        try controlFile.flush()
    }

    /// Takes over a membership of a higher generation; any other is passed over.
    ///
    /// - Parameter membership: the new configuration.
    /// - Returns: the configuration before and the one now in force.
    /// - Throws: ``AcceptorError`` if this safekeeper is not in a newer one, or the disk fails.
    ///
    /// Source: `safekeeper-core.md` §3.8.
    package func switchMembership(
        to membership: MembershipConfiguration
    ) throws(AcceptorError) -> (previous: MembershipConfiguration, current: MembershipConfiguration) {
        let previous = persisted.membership
        guard membership.generation > previous.generation else { return (previous, previous) }
        guard membership.contains(acceptor.node) else { throw .notAMember(membership, node: acceptor.node) }
        var control = control
        control.membership = membership
        try persist(control)
        return (previous, membership)
    }

    /// Raises the term, so that no proposer of a lower one can write any more.
    ///
    /// - Parameter term: the term; the next one if nil, and nothing happens if it isn't above the own one.
    /// - Returns: the term before and the one now in force.
    /// - Throws: ``AcceptorError`` if the disk fails.
    package func bumpTerm(to term: Term?) throws(AcceptorError) -> (previous: Term, current: Term) {
        let previous = persisted.term
        let wanted = max(previous, term ?? previous.next ?? previous)
        guard wanted > previous else { return (previous, previous) }
        var control = control
        control.term = wanted
        try persist(control)
        return (previous, wanted)
    }

    /// Takes over what others know, where it is ahead; kept in memory and stored some time later.
    ///
    /// - Parameters:
    ///   - backup: the end of the last whole segment that was offloaded.
    ///   - remoteConsistent: up to where pageservers have made data durable remotely.
    ///   - peerHorizon: the lowest position that some safekeeper may still need from the proposer.
    package func raise(backup: LSN = .invalid, remoteConsistent: LSN = .invalid, peerHorizon: LSN = .invalid) {
        controlFile.overlay.backupLSN = max(controlFile.overlay.backupLSN, backup)
        controlFile.overlay.remoteConsistentLSN = max(controlFile.overlay.remoteConsistentLSN, remoteConsistent)
        controlFile.overlay.peerHorizonLSN = max(controlFile.overlay.peerHorizonLSN, peerHorizon)
    }
}

/// A timeline that can't be made or loaded.
package enum TimelineStateError: Error, Hashable, Sendable {
    /// Its control file can't be used.
    case controlFile(ControlFileError)
    /// Its WAL can't be read.
    case wal(WALStoreError)
    /// Its server has a version that is not known.
    case serverVersion(UInt32)
    /// Its segment size is not one that PostgreSQL has.
    case segmentSize(UInt32)
    /// Its WAL is in remote storage only.
    case offloaded(flushLSN: LSN)
}

extension TimelineStateError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .controlFile(let error): "\(error)"
        case .wal(let error): "\(error)"
        case .serverVersion(let version):
            version == 0 ? "pg_version is unknown" : "pg_version \(version) is not one of PostgreSQL 14 to 17"
        case .segmentSize(let size):
            size == 0 ? "wal_seg_size is zero" : "wal_seg_size \(size) is not a power of two from 1 MiB to 1 GiB"
        case .offloaded(let flushLSN): "timeline is offloaded at \(flushLSN): its WAL is not on this disk"
        }
    }
}
