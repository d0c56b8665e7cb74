public import PostgresWAL
public import ShardIdentity
private import Synchronization

/// A store in memory: for tests, benches, and whoever needs nothing to survive.
///
/// Versions of a key are a list from the newest to the oldest. The bytes of a commit stay together in the piece they
/// came in, so a commit costs one copy and a few steps for each value.
public final class InMemoryStore: VersionedStore {
    private let content = Mutex(Content())

    /// Makes an empty store.
    public init() {}

    /// The state record of the last commit; nil in a store that was never written to.
    public func readState() -> [UInt8]? {
        content.withLock { $0.state }
    }

    /// Writes values and replaces the state record.
    public func commit(_ batch: borrowing StoreBatch, state: [UInt8]) {
        content.withLock { content in
            content.add(batch)
            content.state = state
        }
    }

    /// Does nothing: there is nothing more durable than this memory.
    ///
    /// - Returns: the state record of the last commit.
    public func flush() -> [UInt8]? { readState() }

    /// Walks over the versions of a key from the newest at or below `lsn` to older ones, until `visit` gives false.
    public func visitVersions(of key: Key, atOrBelow lsn: LSN, _ visit: (LSN, RawSpan) -> Bool) {
        guard let compact = CompactKey(key) else { return }
        content.withLock { content in
            var index = content.newest[compact] ?? Version.none
            while index != Version.none {
                let version = content.versions[Int(index)]
                if version.lsn <= lsn, !content.visit(version, { visit(version.lsn, $0) }) { return }
                index = version.previous
            }
        }
    }

    /// Walks over the keys of a range in order, each with its newest version at or below `lsn`, until `visit` gives
    /// false.
    public func visitNewest(in range: Range<Key>, atOrBelow lsn: LSN, _ visit: (Key, LSN, RawSpan) -> Bool) {
        content.withLock { content in
            let keys = content.newest.keys.map { Key($0) }.filter(range.contains).sorted()
            for key in keys {
                guard let compact = CompactKey(key) else { continue }
                var index = content.newest[compact] ?? Version.none
                while index != Version.none {
                    let version = content.versions[Int(index)]
                    index = version.previous
                    guard version.lsn <= lsn else { continue }
                    if !content.visit(version, { visit(key, version.lsn, $0) }) { return }
                    break
                }
            }
        }
    }

    /// The number of versions of all keys.
    public var versionCount: Int {
        content.withLock { $0.versions.count }
    }
}

/// One version of a key.
private struct Version {
    let lsn: LSN
    /// The piece that its bytes are in, and where.
    var piece: UInt32
    var offset: UInt32
    var length: UInt32
    /// The next older version.
    var previous: UInt32

    static let none = UInt32.max
}

private struct Content {
    var state: [UInt8]?
    var newest: [CompactKey: UInt32] = [:]
    var versions: [Version] = []
    private var pieces: [[UInt8]] = []

    func visit(_ version: Version, _ body: (RawSpan) -> Bool) -> Bool {
        let piece = pieces[Int(version.piece)]
        let start = Int(version.offset)
        return body(piece.span.bytes.extracting(start..<start + Int(version.length)))
    }

    mutating func add(_ batch: borrowing StoreBatch) {
        guard !batch.entries.isEmpty else { return }
        precondition(versions.count + batch.entries.count < Int(Version.none), "more versions than can be numbered")
        precondition(batch.bytes.byteCount <= Int(UInt32.max), "a commit of more than 4 GiB")
        let piece = UInt32(pieces.count)
        pieces.append(batch.bytes.array)
        // Neighbouring values mostly belong to the same page: its place is looked up once.
        var lastKey: CompactKey?
        var head = Version.none
        for entry in batch.entries {
            if entry.key != lastKey {
                if let lastKey { newest[lastKey] = head }
                head = newest[entry.key] ?? Version.none
                lastKey = entry.key
            }
            let version = Version(
                lsn: entry.lsn,
                piece: piece,
                offset: UInt32(entry.offset),
                length: UInt32(entry.length),
                previous: head
            )
            if head == Version.none || versions[Int(head)].lsn < entry.lsn {
                head = UInt32(versions.count)
                versions.append(version)
            } else {
                head = insert(version, below: head)
            }
        }
        if let lastKey { newest[lastKey] = head }
    }

    /// Puts a version that is not the newest into the list that begins at `head`; gives where the list begins then.
    private mutating func insert(_ version: Version, below head: UInt32) -> UInt32 {
        var version = version
        var next = Version.none
        var index = head
        while index != Version.none, versions[Int(index)].lsn > version.lsn {
            next = index
            index = versions[Int(index)].previous
        }
        if index != Version.none, versions[Int(index)].lsn == version.lsn {
            version.previous = versions[Int(index)].previous
            versions[Int(index)] = version
            return head
        }
        version.previous = index
        let place = UInt32(versions.count)
        versions.append(version)
        if next == Version.none { return place }
        versions[Int(next)].previous = place
        return head
    }
}
