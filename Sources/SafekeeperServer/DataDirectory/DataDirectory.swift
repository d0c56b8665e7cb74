internal import BlockingExecution
package import ReplicationProtocol
internal import ShardIdentity

/// A safekeeper's data directory, apart from what is inside the timelines' folders.
///
/// | name | holds |
/// |---|---|
/// | `safekeeper.pid` | the lock, see ``DataDirectoryLock`` |
/// | `safekeeper.id` | the safekeeper's number |
/// | `tmp` | folders of timelines that are being made or removed |
/// | `tombstones` | what was deleted, see ``Tombstones`` |
/// | `<tenant>/<timeline>` | a timeline |
///
/// The actor has a thread of its own, as all it does may block.
///
/// Source: `safekeeper-core.md` §4.1.
package actor DataDirectory {
    /// Where it is.
    package nonisolated let path: String
    nonisolated let fileSystem: any FileSystem
    nonisolated let noSync: Bool
    private let queue = BlockingQueue(label: "data directory")

    package nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - path: where it is; it is there.
    ///   - fileSystem: where.
    ///   - noSync: whether to leave out all synchronization.
    package init(path: String, of fileSystem: any FileSystem, noSync: Bool = false) {
        self.path = path
        self.fileSystem = fileSystem
        self.noSync = noSync
    }

    nonisolated func folder(of id: TenantTimelineID) -> TimelineFolder {
        TimelineFolder(id: id, dataDirectory: path, fileSystem: fileSystem, noSync: noSync)
    }

    private func synchronize(_ directory: String) throws(StorageError) {
        if !noSync { try fileSystem.synchronizeDirectory(directory) }
    }
}

// MARK: - The start

extension DataDirectory {
    /// What is there at the start.
    struct Contents: Sendable {
        var tombstones = Tombstones()
        var tenants: [TenantID] = []
        var timelines: [TenantTimelineID] = []
    }

    /// Removes what is left in `tmp`, makes all that is there durable and says what there is.
    ///
    /// Durable, because what is read from now on is told to others as something that stays.
    func open() throws(StorageError) -> Contents {
        if !noSync { try fileSystem.synchronizeFileSystem(holding: path) }
        try fileSystem.removeTree("\(path)/\(TimelineFolder.temporaryName)")
        var contents = Contents()
        for name in try fileSystem.listIfPresent(tombstonesPath) ?? [] {
            if let tombstone = Tombstones.Tombstone(fileName: name) { contents.tombstones.insert(tombstone) }
        }
        for name in try fileSystem.list(path) {
            guard let tenant = TenantID(name), "\(tenant)" == name else { continue }
            contents.tenants.append(tenant)
            contents.timelines += try timelines(of: tenant)
        }
        return contents
    }

    /// The timelines of a tenant that have a folder, whatever is in it.
    func timelines(of tenant: TenantID) throws(StorageError) -> [TenantTimelineID] {
        try (fileSystem.listIfPresent("\(path)/\(tenant)") ?? []).compactMap { name in
            guard let timeline = TimelineID(name), "\(timeline)" == name else { return nil }
            return TenantTimelineID(tenant: tenant, timeline: timeline)
        }
    }

    /// Removes a timeline that nobody has loaded.
    ///
    /// - Returns: whether there was one.
    func remove(_ id: TenantTimelineID) throws(StorageError) -> Bool {
        try folder(of: id).remove()
    }

    /// Makes a folder for a timeline that is fetched from elsewhere.
    func makeTemporary(for id: TenantTimelineID) throws(StorageError) -> String {
        try folder(of: id).makeTemporary()
    }

    /// Removes a folder that is not needed after all.
    func discard(_ temporary: String, of id: TenantTimelineID) {
        folder(of: id).discard(temporary)
    }

    /// Removes a tenant's folder, which has no timelines any more.
    func remove(_ tenant: TenantID) throws(StorageError) {
        if try fileSystem.removeTree("\(path)/\(tenant)") { try synchronize(path) }
    }
}

// MARK: - Tombstones

extension DataDirectory {
    private var tombstonesPath: String { "\(path)/\(Tombstones.Tombstone.folderName)" }

    /// Stores a tombstone.
    func insert(_ tombstone: Tombstones.Tombstone) throws(StorageError) {
        try fileSystem.makeDirectoryIfMissing(tombstonesPath)
        try synchronize(path)
        try fileSystem.with("\(tombstonesPath)/\(tombstone.fileName)", .create) { (file) throws(StorageError) in
            if !noSync { try fileSystem.synchronize(file) }
        }
        try synchronize(tombstonesPath)
    }

    /// Removes all tombstones of a timeline.
    func removeTombstones(of id: TenantTimelineID) throws(StorageError) {
        var isChanged = false
        for name in try fileSystem.listIfPresent(tombstonesPath) ?? [] {
            guard case .timeline(id, _)? = Tombstones.Tombstone(fileName: name) else { continue }
            try fileSystem.unlinkIfPresent("\(tombstonesPath)/\(name)")
            isChanged = true
        }
        if isChanged { try synchronize(tombstonesPath) }
    }
}

// MARK: - The number

extension DataDirectory {
    /// The safekeeper's number; the first one that is given is stored for good.
    ///
    /// - Parameter wanted: the number that it is to have; nil to take the stored one.
    /// - Returns: the number.
    /// - Throws: ``DataDirectoryError`` if there is another one, or none at all.
    package func claim(_ wanted: SafekeeperID?) throws(DataDirectoryError) -> SafekeeperID {
        let path = "\(path)/safekeeper.id"
        if let stored = try storedNumber(path) {
            if let wanted, wanted != stored { throw .otherNumber(stored: stored, wanted: wanted) }
            return stored
        }
        guard let wanted, wanted.isValid else { throw .noNumber }
        do throws(StorageError) {
            let temporary = path + ".partial"
            try fileSystem.with(temporary, .create) { (file) throws(StorageError) in
                try fileSystem.write(Array("\(wanted)".utf8).span.bytes, to: file, at: 0)
                if !noSync { try fileSystem.synchronize(file) }
            }
            try fileSystem.rename(temporary, to: path)
            try synchronize(self.path)
        } catch {
            throw .storage(error)
        }
        return wanted
    }

    private func storedNumber(_ path: String) throws(DataDirectoryError) -> SafekeeperID? {
        let bytes: [UInt8]?
        do throws(StorageError) {
            guard let file = try fileSystem.openIfPresent(path, .read) else { return nil }
            defer { fileSystem.close(file) }
            // The longest number has 20 digits; of anything longer this is enough to refuse it.
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 24, alignment: 8)
            defer { buffer.deallocate() }
            let count = try fileSystem.read(into: buffer, from: file, at: 0)
            bytes = Array(buffer[..<count])
        } catch {
            throw .storage(error)
        }
        guard let bytes else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        let number = UInt64(text.last == "\n" ? text.dropLast() : text[...])
        guard let number, number > 0 else { throw .unreadableNumber(path: path, text: text) }
        return SafekeeperID(number)
    }
}

/// A data directory that can't be used.
package enum DataDirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A system call failed.
    case storage(StorageError)
    /// Another process uses it.
    case locked(path: String)
    /// It belongs to another safekeeper.
    case otherNumber(stored: SafekeeperID, wanted: SafekeeperID)
    /// It has no number yet, and none was given.
    case noNumber
    /// Its number is none.
    case unreadableNumber(path: String, text: String)

    /// The message.
    package var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .locked(let path): "file is already locked: \(path)"
        case .otherNumber(let stored, let wanted):
            "safekeeper already initialized with id \(stored), can't set \(wanted)"
        case .noNumber: "safekeeper id is not specified"
        case .unreadableNumber(let path, let text): "\(path) holds no safekeeper id: \"\(text)\""
        }
    }
}
