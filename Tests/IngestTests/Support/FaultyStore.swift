import Ingest
import PostgresWAL
import ShardIdentity
import Synchronization

/// A store in memory that fails when told to, and that can lose what was not flushed.
final class FaultyStore: VersionedStore {
    /// What happens to a call.
    enum Fault {
        /// It fails and nothing has happened.
        case refused
        /// It fails although it has happened.
        case unclear
        /// It fails for want of space, and nothing has happened.
        case full
    }

    private struct Commit {
        var entries: [(key: CompactKey, lsn: LSN, bytes: [UInt8])]
        var state: [UInt8]
    }

    private struct Content {
        var commits: [Commit] = []
        var durable = 0
        var commitFault: Fault?
        var flushFault: Fault?
        var failures = 0
    }

    private let inner = InMemoryStore()
    private let content = Mutex(Content())

    init() {}

    /// What is left of a store after a crash: the durable commits, and of the others the first ones, in order.
    init(after crashed: FaultyStore, surviving extra: Int = 0) {
        let commits = crashed.content.withLock { content in
            content.commits.prefix(min(content.durable + extra, content.commits.count))
        }
        for commit in commits { apply(commit) }
        content.withLock { $0.durable = $0.commits.count }
    }

    private func apply(_ commit: Commit) {
        var batch = StoreBatch()
        for entry in commit.entries { batch.append(encoded: entry.bytes, key: entry.key, lsn: entry.lsn) }
        inner.commit(batch, state: commit.state)
        content.withLock { $0.commits.append(commit) }
    }

    var commitFault: Fault? {
        get { content.withLock { $0.commitFault } }
        set { content.withLock { $0.commitFault = newValue } }
    }

    var flushFault: Fault? {
        get { content.withLock { $0.flushFault } }
        set { content.withLock { $0.flushFault = newValue } }
    }

    var commitCount: Int { content.withLock { $0.commits.count } }
    /// How many calls have failed.
    var failures: Int { content.withLock { $0.failures } }

    private func fail(_ fault: Fault, _ operation: String) -> StoreError {
        content.withLock { $0.failures += 1 }
        switch fault {
        case .full: return .noSpace(operation: operation, message: "injected")
        case .refused, .unclear: return .failed(operation: operation, message: "injected")
        }
    }

    func readState() throws(StoreError) -> [UInt8]? { inner.readState() }

    func commit(_ batch: borrowing StoreBatch, state: [UInt8]) throws(StoreError) {
        var entries: [(key: CompactKey, lsn: LSN, bytes: [UInt8])] = []
        for entry in batch.entries { entries.append((entry.key, entry.lsn, batch.value(of: entry).array)) }
        let fault = commitFault
        if fault == nil || fault == .unclear { apply(Commit(entries: entries, state: state)) }
        if let fault { throw fail(fault, "commit") }
    }

    func flush() throws(StoreError) -> [UInt8]? {
        let fault = flushFault
        if fault == nil || fault == .unclear { content.withLock { $0.durable = $0.commits.count } }
        if let fault { throw fail(fault, "flush") }
        return inner.readState()
    }

    func visitVersions(of key: Key, atOrBelow lsn: LSN, _ visit: (LSN, RawSpan) -> Bool) throws(StoreError) {
        inner.visitVersions(of: key, atOrBelow: lsn, visit)
    }

    func visitNewest(
        in range: Range<Key>,
        atOrBelow lsn: LSN,
        _ visit: (Key, LSN, RawSpan) -> Bool
    ) throws(StoreError) {
        inner.visitNewest(in: range, atOrBelow: lsn, visit)
    }
}

/// All versions of all keys.
func dump(_ store: any VersionedStore) throws -> [Key: [String]] {
    var keys: [Key] = []
    try store.visitNewest(in: .min..<Key.max, atOrBelow: LSN(.max)) { key, _, _ in
        keys.append(key)
        return true
    }
    var dump: [Key: [String]] = [:]
    for key in keys {
        var versions: [String] = []
        try store.visitVersions(of: key, atOrBelow: LSN(.max)) { lsn, bytes in
            // Pages are long: their hash tells them apart as well.
            let content = bytes.array
            let text = content.count > 64 ? "\(content.count) bytes \(content.hashValue)" : hexText(content)
            versions.append("\(lsn) \(text)")
            return true
        }
        dump[key] = versions
    }
    return dump
}
