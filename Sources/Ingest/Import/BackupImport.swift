public import PostgresWAL
internal import ShardIdentity

/// Fills empty stores from a base backup: what a server has becomes the first version of everything.
///
/// The stores may be those of all shards or of some: the backup is read once, and each shard takes what it keeps. Memory
/// is bounded: pages go to the stores as they come, only directories and sizes wait for the end.
///
/// A backup of a running server is ingested from where it began, and its files may be newer than that. Until the WAL
/// says that the backup had ended (``ShardPositions/isInBackup``) what is read is no state that the server was ever in;
/// after that it is exact.
///
/// An import that fails leaves stores that can't be opened: delete them.
///
/// Source: `ingest.md` §3.10.
public struct BackupImport {
    private let source: BackupSource
    private let backup: BackupDescription
    private var writers: [WALIngest.Box]
    private var sizes: [RelationTag: UInt32] = [:]
    private var relationMaps: [DatabaseLocator: [UInt8]] = [:]
    private var slruSizes: [SLRUSegment: UInt32] = [:]
    private var preparedTransactions: Set<UInt64> = []
    private let chunk: Chunk

    /// Imports a backup and makes the stores durable.
    ///
    /// - Parameters:
    ///   - source: the backup.
    ///   - targets: the shards, of one version, and an empty store for each.
    ///   - options: how much is gathered before it is written.
    /// - Returns: the LSN of everything imported, from which on WAL has to be ingested.
    /// - Throws: ``ImportError``.
    @discardableResult
    public static func run(
        _ source: BackupSource,
        into targets: [(shard: TimelineShard, store: any VersionedStore)],
        options: IngestOptions = IngestOptions()
    ) throws(ImportError) -> LSN {
        guard let version = targets.first?.shard.version else { return .invalid }
        let backup = try BackupDescription(source, version: version)
        var run = try BackupImport(source, backup, targets, options)
        try run.importFiles()
        try run.finish()
        return backup.start
    }

    private init(
        _ source: BackupSource,
        _ backup: BackupDescription,
        _ targets: [(shard: TimelineShard, store: any VersionedStore)],
        _ options: IngestOptions
    ) throws(ImportError) {
        self.source = source
        self.backup = backup
        chunk = Chunk()
        writers = []
        var options = options
        options.maximumPendingBytes = max(options.maximumPendingBytes / targets.count, 256 << 10)
        for (shard, store) in targets {
            guard shard.version == targets[0].shard.version else {
                throw ImportError(source.path, .otherVersion(found: "\(targets[0].shard.version.rawValue)"))
            }
            do throws(IngestFault) {
                writers.append(try WALIngest.Box(importing: shard, into: store, backup, options))
            } catch {
                throw ImportError(source.path, .ingest(error))
            }
        }
    }

    // MARK: - Files

    private mutating func importFiles() throws(ImportError) {
        try source.visitFiles { name, file throws(ImportError) in
            switch try DataFile(name, path: file.path) {
            case .relation(let relation, let segment): try importRelation(relation, segment, file)
            case .slru(let kind, let segment): try importSegment(SLRUSegment(kind: kind, number: segment), file)
            case .relationMap(let database): relationMaps[database] = try file.content(atMost: 1 << 16)
            case .preparedTransaction(let xid): try importPreparedTransaction(xid, file)
            case .version, .controlFile, .backupLabel, .previousRecord, .other: break
            }
        }
    }

    private mutating func importRelation(
        _ relation: RelationTag,
        _ segment: UInt32,
        _ file: BackupFile
    ) throws(ImportError) {
        let first = segment * UInt32(DataFile.blocksPerSegment)
        let blocks = try file.blockCount(atMost: DataFile.blocksPerSegment)
        sizes[relation] = max(sizes[relation] ?? 0, first + blocks)
        try chunk.visitPages(of: file) { block, page throws(ImportError) in
            try put(page, .relationBlock(relation, block: first + block), file)
        }
    }

    private mutating func importSegment(_ segment: SLRUSegment, _ file: BackupFile) throws(ImportError) {
        slruSizes[segment] = try file.blockCount(atMost: Int(SLRUPage.pagesPerSegment))
        try chunk.visitPages(of: file) { block, page throws(ImportError) in
            try put(page, .slruBlock(segment.kind, segment: segment.number, block: block), file)
        }
    }

    /// Takes the state of a prepared transaction without the checksum at its end: so WAL has it, and so it is kept.
    private mutating func importPreparedTransaction(_ xid: UInt64, _ file: BackupFile) throws(ImportError) {
        let content = try file.content(atMost: 1 << 30)
        guard content.count >= 4 else { throw ImportError(file.path, .size(content.count)) }
        let state = content.span.bytes.extracting(first: content.count - 4)
        guard state.crc32c == content.span.bytes.littleEndian(at: content.count - 4, as: UInt32.self) else {
            throw ImportError(file.path, .checksum)
        }
        preparedTransactions.insert(xid)
        try put(state, .twoPhaseFile(xid: xid), file)
    }

    /// Gives a value to the shards that keep it.
    private func put(_ image: RawSpan, _ key: Key, _ file: BackupFile) throws(ImportError) {
        for writer in writers {
            do throws(IngestFault) {
                try writer.ingest.importValue(image, key)
            } catch {
                throw ImportError(file.path, .ingest(error))
            }
        }
    }

    // MARK: - The end

    private func finish() throws(ImportError) {
        for writer in writers {
            do throws(IngestFault) {
                try writer.ingest.finishImport(
                    backup,
                    sizes: sizes,
                    relationMaps: relationMaps,
                    slruSizes: slruSizes,
                    preparedTransactions: preparedTransactions
                )
            } catch {
                throw ImportError(source.path, .ingest(error))
            }
        }
    }
}

extension BackupFile {
    /// The number of pages in the file.
    fileprivate func blockCount(atMost limit: Int) throws(ImportError) -> UInt32 {
        guard size % RelationPage.size == 0, size / RelationPage.size <= limit else {
            throw ImportError(path, .size(size))
        }
        return UInt32(size / RelationPage.size)
    }
}

/// A buffer for reading files in, some pages at a time.
private final class Chunk {
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 64 * RelationPage.size,
        alignment: RelationPage.size
    )

    deinit { buffer.deallocate() }

    func visitPages(
        of file: BackupFile,
        _ visit: (UInt32, RawSpan) throws(ImportError) -> Void
    ) throws(ImportError) {
        var offset = 0
        while offset < file.size {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, file.size - offset)])
            try file.read(into: part, at: offset)
            for start in stride(from: 0, to: part.count, by: RelationPage.size) {
                let page = UnsafeRawBufferPointer(rebasing: part[start..<start + RelationPage.size])
                try visit(UInt32((offset + start) / RelationPage.size), RawSpan(_unsafeBytes: page))
            }
            offset += part.count
        }
    }
}
