import Foundation
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import ShardIdentity
import Synchronization
import TestFixtures

/// A proposer whose safekeeper is killed again and again, and what it knows of its timeline.
///
/// The WAL depends on the term that wrote it, so that WAL which was cut off and came back would be seen.
final class KilledWriter: @unchecked Sendable {
    static let segmentSize = WALSegmentSize(bytes: 1 << 20) ?? .standard
    static let start = LSN(0x20_0028)

    let tenant: TenantID
    let timeline: TimelineID
    /// What was sent in each term, whether it arrived or not.
    private var sent: [Term: [WALGenerator<LogicalMessageSource>.Element]] = [:]
    /// What of it is in the safekeeper's log, as far as that was known at the last election.
    private var records: [WALGenerator<LogicalMessageSource>.Element] = []
    /// Up to here the safekeeper has said that WAL is durable.
    private(set) var acknowledged = LSN.invalid
    /// Up to here WAL was told to be committed, and may never be cut again.
    private(set) var committed = LSN.invalid
    /// Elections, and how many of them cut WAL off.
    private(set) var elections = 0
    private(set) var cuts = 0
    private var random: SeededGenerator

    init(timeline: UInt128, seed: UInt64) {
        tenant = TenantID(bits: 0xA0)
        self.timeline = TimelineID(bits: timeline)
        random = SeededGenerator(seed: seed)
    }

    var id: String { "\(tenant)/\(timeline)" }

    /// Pushes WAL until the connection breaks, or `deadline`.
    func run(port: UInt16, until deadline: ContinuousClock.Instant) throws {
        let proposer = try RawProposer(port: port, tenant: tenant, timeline: timeline)
        let vote = try proposer.elect(start: Self.start, segmentSize: UInt32(Self.segmentSize.bytes)) { vote in
            guard !vote.flush.isValid || vote.flush >= acknowledged else {
                throw SafekeeperFailure(message: "\(id): acknowledged \(acknowledged), found \(vote.flush)")
            }
            rememberLog(vote)
            return cutPosition(before: vote.flush)
        }
        elections += 1
        if proposer.position < vote.flush { cuts += 1 }
        records.removeAll { $0.next > proposer.position }
        // What the vote told of, less what is cut: that the election itself arrives is not known yet.
        acknowledged = min(vote.flush, proposer.position)
        var generator = try WALGenerator(
            LogicalMessageSource(),
            version: .v16,
            segmentSize: Self.segmentSize,
            systemIdentifier: 0x0123_4567_89AB_CDEF,
            startingAt: proposer.position
        )
        let fill = UInt8(truncatingIfNeeded: proposer.term.rawValue)
        while ContinuousClock.now < deadline {
            let size = random.chance(1, in: 20) ? 300_000 : Int.random(in: 1...20_000, using: &random)
            let payload = [UInt8](repeating: fill, count: size)
            let element = generator.append(
                WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: payload)
            )
            records.append(element)
            sent[proposer.term, default: []].append(element)
            // A commit may reach the safekeeper without our knowing, so it counts before it is sent.
            committed = random.chance(1, in: 3) ? max(committed, proposer.acknowledged) : committed
            try proposer.append(element.bytes.span.bytes, commit: committed)
            if random.chance(1, in: 10) { try proposer.waitUntilDurable(element.next) }
            try proposer.takeAnswers()
            acknowledged = max(acknowledged, proposer.acknowledged)
            usleep(1_000)
        }
    }

    /// Which of what was sent is in the log that a vote tells of.
    private func rememberLog(_ vote: VoteResponse) {
        let entries = vote.history.entries
        records = entries.enumerated().flatMap { index, entry in
            let end = index + 1 < entries.count ? entries[index + 1].lsn : vote.flush
            return (sent[entry.term] ?? []).filter { $0.start >= entry.lsn && $0.next <= end }
        }
    }

    /// Now and then some of the WAL that isn't committed is replaced.
    private func cutPosition(before flush: LSN) -> LSN {
        guard random.chance(1, in: 2) else { return flush }
        let places = records.map(\.next).filter { $0 >= committed && $0 < flush }
        guard let place = places.randomElement(using: &random), place.isValid else { return flush }
        acknowledged = min(acknowledged, place)
        return place
    }

    /// Looks at the files of a safekeeper that isn't running.
    ///
    /// - Parameter directory: its data directory.
    /// - Throws: ``SafekeeperFailure`` that says what is wrong.
    func checkFiles(in directory: String) throws {
        let folder = "\(directory)/\(tenant)/\(timeline)"
        guard acknowledged.isValid || FileManager.default.fileExists(atPath: folder) else { return }
        let files = SegmentFiles(directory: folder, of: PosixFileSystem(), segmentSize: Self.segmentSize)
        let control = try ControlFileStore.load(from: folder, of: PosixFileSystem()).persisted
        guard control.timelineStartLSN.isValid else {
            if acknowledged.isValid { throw SafekeeperFailure(message: "\(id): the control file knows no WAL") }
            return
        }
        try checkLengths(files)
        let end = try files.endOfWAL(version: .v16, from: control.commitLSN)
        guard end >= acknowledged, control.commitLSN <= end else {
            throw SafekeeperFailure(
                message: "\(id): acknowledged \(acknowledged), found \(end), commit_lsn \(control.commitLSN)"
            )
        }
        try compare(files, upTo: acknowledged)
    }

    /// Every file is as long as a segment, unless it is the last one and was being cut.
    private func checkLengths(_ files: SegmentFiles) throws {
        let names = try files.list()
        for name in names {
            let path = files.directory + "/" + name.description
            let length = try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64 ?? 0
            var least = Self.segmentSize.bytes
            if name.isPartial && name.segmentNumber == names.last?.segmentNumber {
                let holdsEnd = Self.segmentSize.segmentNumber(of: acknowledged) == name.segmentNumber
                least = holdsEnd ? Self.segmentSize.offset(of: acknowledged) : 0
            }
            guard (least...Self.segmentSize.bytes).contains(length) else {
                throw SafekeeperFailure(message: "\(path) is \(length) bytes long, acknowledged \(acknowledged)")
            }
        }
    }

    private func compare(_ files: SegmentFiles, upTo end: LSN) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { buffer.deallocate() }
        var position = Self.start
        for record in records where record.next <= end {
            var offset = 0
            while offset < record.bytes.count {
                let wanted = min(record.bytes.count - offset, buffer.count)
                let count = try files.read(into: .init(rebasing: buffer[..<wanted]), at: position)
                let isEqual = record.bytes.withUnsafeBytes {
                    count > 0 && memcmp($0.baseAddress! + offset, buffer.baseAddress!, count) == 0
                }
                guard isEqual else {
                    throw SafekeeperFailure(message: "\(id): the WAL at \(position) is not what was sent")
                }
                offset += count
                position += UInt64(count)
            }
        }
    }
}
