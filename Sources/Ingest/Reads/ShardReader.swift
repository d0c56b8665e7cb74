internal import InterpretedWAL
public import PostgresWAL
public import ShardIdentity

/// Reads what a shard holds as it was at any LSN up to the last record, on any thread.
///
/// All calls may block. Blocks of relations are on the shard that owns them, all else is complete on shard zero.
///
/// Source: `ingest.md` §4.
public struct ShardReader: Sendable {
    let store: any VersionedStore
    /// What is read.
    public let shard: TimelineShard
    private let watch: PositionWatch

    init(store: any VersionedStore, shard: TimelineShard, watch: PositionWatch) {
        self.store = store
        self.shard = shard
        self.watch = watch
    }

    /// The newest LSN that can be read.
    public var lastRecordLSN: LSN { watch.positions.lastRecordLSN }

    func check(_ lsn: LSN) throws(ReadError) {
        let positions = watch.positions
        guard lsn <= positions.lastRecordLSN else {
            throw .notYetThere(lsn: lsn, lastRecordLSN: positions.lastRecordLSN)
        }
        guard lsn >= positions.initialLSN else { throw .tooOld(lsn: lsn, initialLSN: positions.initialLSN) }
    }

    func checkIsKept(_ key: Key) throws(ReadError) {
        guard !shard.identity.isDisposable(key) else { throw .foreignKey(key) }
    }
}

// MARK: - Versions

extension ShardReader {
    /// All versions of a key in a range of LSNs, newest first.
    ///
    /// Pages that came with a copied database begin with a reference to the page they were copied from.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - lsns: the LSNs, both included.
    /// - Returns: LSN and stored bytes of each.
    /// - Throws: ``ReadError``.
    public func versions(of key: Key, in lsns: ClosedRange<LSN>) throws(ReadError) -> [(lsn: LSN, bytes: [UInt8])] {
        try check(lsns.upperBound)
        try checkIsKept(key)
        var versions: [(lsn: LSN, bytes: [UInt8])] = []
        try visit(key, lsns.upperBound) { lsn, bytes in
            guard lsn >= lsns.lowerBound else { return false }
            versions.append((lsn, bytes.array))
            return true
        }
        return versions
    }

    /// The last image of a page and the changes behind it.
    ///
    /// - Parameters:
    ///   - key: a relation's or an SLRU's block; whether that is inside of its relation is not looked at.
    ///   - lsn: the page's state as of this LSN.
    /// - Returns: the history; without base and changes if nothing is stored.
    /// - Throws: ``ReadError``.
    public func history(of key: Key, at lsn: LSN) throws(ReadError) -> PageHistory {
        try check(lsn)
        try checkIsKept(key)
        var versions: [StoredVersion] = []
        var next: (key: Key, lsn: LSN)? = (key, lsn)
        // A copy leads to an older LSN, so this comes to an end.
        while let (key, lsn) = next {
            next = nil
            var isReadable = true
            try visit(key, lsn) { lsn, bytes in
                switch try? StoredForm(decoding: bytes) {
                case .value(let value):
                    versions.append(StoredVersion(key: key, lsn: lsn, value: value))
                    return !value.startsFreshPage
                case .first(let value):
                    versions.append(StoredVersion(key: key, lsn: lsn, value: value))
                    return false
                case .copy(of: let source, atOrBelow: let sourceLSN) where sourceLSN < lsn:
                    next = (source, sourceLSN)
                    return false
                default:
                    isReadable = false
                    return false
                }
            }
            guard isReadable else { throw .unreadable(key, lsn: lsn) }
        }
        return PageHistory(key: key, lsn: lsn, newestFirst: versions)
    }

    func visit(_ key: Key, _ lsn: LSN, _ body: (LSN, RawSpan) -> Bool) throws(ReadError) {
        do throws(StoreError) {
            try store.visitVersions(of: key, atOrBelow: lsn, body)
        } catch {
            throw .store(error)
        }
    }

    /// The newest image of a key that is not a block; nil if there is none.
    func image(_ key: Key, at lsn: LSN) throws(ReadError) -> [UInt8]? {
        try check(lsn)
        try checkIsKept(key)
        do throws(IngestFault) {
            return try store.image(of: key, atOrBelow: lsn)
        } catch {
            if case .store(let error) = error { throw .store(error) }
            throw .unreadable(key, lsn: lsn)
        }
    }

    func existingImage(_ key: Key, at lsn: LSN) throws(ReadError) -> [UInt8] {
        guard let image = try image(key, at: lsn) else { throw .missing(key, lsn: lsn) }
        return image
    }

    func decode<Content>(
        _ key: Key,
        at lsn: LSN,
        _ decode: ([UInt8]) throws -> Content
    ) throws(ReadError) -> Content {
        let bytes = try existingImage(key, at: lsn)
        do {
            return try decode(bytes)
        } catch {
            throw .unreadable(key, lsn: lsn)
        }
    }

    /// The newest images of all keys of a range, in order.
    func images(in range: Range<Key>, at lsn: LSN) throws(ReadError) -> [(key: Key, bytes: [UInt8])] {
        try check(lsn)
        var images: [(key: Key, bytes: [UInt8])] = []
        var unreadable: Key?
        do throws(StoreError) {
            try store.visitNewest(in: range, atOrBelow: lsn) { key, _, bytes in
                guard let content = StoredForm.imageContent(of: bytes) else {
                    unreadable = key
                    return false
                }
                images.append((key, content.array))
                return true
            }
        } catch {
            throw .store(error)
        }
        if let unreadable { throw .unreadable(unreadable, lsn: lsn) }
        return images
    }
}
