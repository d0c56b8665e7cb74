package import PostgresWAL

/// A timeline's control file on disk, with the values that run ahead of it in memory.
///
/// Writing replaces the file as a whole: `safekeeper.control.partial` is written and made durable, then renamed over
/// `safekeeper.control`, then the folder is made durable. Only after all of that does ``persisted`` change. After a crash
/// the file is the old one or the new one; a leftover `.partial` means nothing.
///
/// A file of zeros beside it, `safekeeper.control.reserve`, keeps space: when the disk is full it is given up for the
/// new control file, so that votes and terms can still be stored, and made again at the first write with space left.
///
/// Not safe to use from several tasks at once: a timeline's actor owns it. Source: `safekeeper-core.md` §2.4, §2.5.
package final class ControlFileStore {
    /// The values that are known earlier than they are stored.
    ///
    /// Losing them in a crash is harmless: they are learned again.
    package struct Overlay: Hashable, Sendable {
        /// See ``ControlFile/commitLSN``.
        package var commitLSN: LSN
        /// See ``ControlFile/backupLSN``.
        package var backupLSN: LSN
        /// See ``ControlFile/peerHorizonLSN``.
        package var peerHorizonLSN: LSN
        /// See ``ControlFile/remoteConsistentLSN``.
        package var remoteConsistentLSN: LSN
        /// See ``ControlFile/proposerID``.
        package var proposerID: UInt128
    }

    /// What is on disk.
    package private(set) var persisted: ControlFile
    /// What would be on disk if the values that run ahead were stored now.
    package private(set) var current: ControlFile

    private let fileSystem: any FileSystem
    private let directory: String
    private let noSync: Bool
    private let observer: (any StorageObserver)?
    private var hasReserve: Bool

    /// The file's name in the timeline's folder.
    package static let fileName = "safekeeper.control"
    /// Bytes that are kept for the control file on a full disk.
    package static let reserveSize = 64 << 10

    private init(
        _ contents: ControlFile,
        directory: String,
        fileSystem: any FileSystem,
        noSync: Bool,
        observer: (any StorageObserver)?,
        hasReserve: Bool
    ) {
        persisted = contents
        current = contents
        self.directory = directory
        self.fileSystem = fileSystem
        self.noSync = noSync
        self.observer = observer
        self.hasReserve = hasReserve
    }

    /// Makes a timeline's first control file.
    ///
    /// - Parameters:
    ///   - contents: what it says.
    ///   - directory: the timeline's folder, which is there.
    ///   - fileSystem: where.
    ///   - noSync: whether to leave out all synchronization.
    ///   - observer: who is told how long things take.
    /// - Returns: the file, with nothing that runs ahead of it.
    /// - Throws: ``ControlFileError`` if there is one already or it can't be written.
    package static func create(
        _ contents: ControlFile,
        in directory: String,
        of fileSystem: any FileSystem,
        noSync: Bool = false,
        observer: (any StorageObserver)? = nil
    ) throws(ControlFileError) -> ControlFileStore {
        let path = directory + "/" + fileName
        let existing: OpenFile?
        do throws(StorageError) {
            existing = try fileSystem.openIfPresent(path, .read)
        } catch {
            throw .storage(error)
        }
        if let existing {
            fileSystem.close(existing)
            throw .alreadyExists(path: path)
        }
        let store = ControlFileStore(
            contents,
            directory: directory,
            fileSystem: fileSystem,
            noSync: noSync,
            observer: observer,
            hasReserve: false
        )
        try store.replace(with: contents)
        return store
    }

    /// Loads a timeline's control file.
    ///
    /// Its name and bytes are made durable, as a process that was killed may have left them in the system's memory only.
    ///
    /// - Parameters:
    ///   - directory: the timeline's folder.
    ///   - fileSystem: where.
    ///   - noSync: whether to leave out all synchronization.
    ///   - observer: who is told how long things take.
    /// - Returns: the file, with nothing that runs ahead of it.
    /// - Throws: ``ControlFileError`` if it isn't there, can't be read or is damaged.
    package static func load(
        from directory: String,
        of fileSystem: any FileSystem,
        noSync: Bool = false,
        observer: (any StorageObserver)? = nil
    ) throws(ControlFileError) -> ControlFileStore {
        let bytes = try read(directory + "/" + fileName, of: fileSystem, noSync: noSync)
        let contents = try ControlFile(decoding: bytes.span.bytes)
        let hasReserve: Bool
        do throws(StorageError) {
            if !noSync { try fileSystem.synchronizeDirectory(directory) }
            hasReserve = try fileSystem.list(directory).contains(reserveName)
        } catch {
            throw .storage(error)
        }
        return ControlFileStore(
            contents,
            directory: directory,
            fileSystem: fileSystem,
            noSync: noSync,
            observer: observer,
            hasReserve: hasReserve
        )
    }

    private static func read(
        _ path: String,
        of fileSystem: any FileSystem,
        noSync: Bool
    ) throws(ControlFileError) -> [UInt8] {
        do throws(StorageError) {
            return try fileSystem.with(path, .read) { (file) throws(StorageError) in
                if !noSync { try fileSystem.synchronize(file) }
                let length = try fileSystem.length(of: file)
                // One byte too many is enough for the decoder to refuse the file.
                let size = Int(min(length, UInt64(ControlFile.maximumFileSize) + 1))
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
                defer { buffer.deallocate() }
                return Array(buffer[..<(try fileSystem.read(into: buffer, from: file, at: 0))])
            }
        } catch {
            throw .storage(error)
        }
    }
}

// MARK: - Changes

extension ControlFileStore {
    /// The values that run ahead.
    package var overlay: Overlay {
        get { Overlay(current) }
        set {
            current.commitLSN = newValue.commitLSN
            current.backupLSN = newValue.backupLSN
            current.peerHorizonLSN = newValue.peerHorizonLSN
            current.remoteConsistentLSN = newValue.remoteConsistentLSN
            current.proposerID = newValue.proposerID
        }
    }

    /// Changes the state and stores it, together with the values that run ahead.
    ///
    /// - Parameter edit: edits the state; nothing is written if it is then as on disk.
    /// - Throws: ``ControlFileError``, also for a state too big to be loaded again; memory is then as before, and the
    ///   disk has the old or the new state.
    package func change(_ edit: (inout ControlFile) -> Void) throws(ControlFileError) {
        var contents = current
        edit(&contents)
        if contents != persisted {
            try replace(with: contents)
            persisted = contents
        }
        current = contents
    }

    /// Stores the values that run ahead.
    package func flush() throws(ControlFileError) {
        try change { _ in }
    }

    /// Whether there are values that run ahead.
    package var hasUnflushedValues: Bool { current != persisted }
}

extension ControlFileStore.Overlay {
    fileprivate init(_ contents: ControlFile) {
        commitLSN = contents.commitLSN
        backupLSN = contents.backupLSN
        peerHorizonLSN = contents.peerHorizonLSN
        remoteConsistentLSN = contents.remoteConsistentLSN
        proposerID = contents.proposerID
    }
}

// MARK: - Writing

extension ControlFileStore {
    private static let partialName = fileName + ".partial"
    private static let reserveName = fileName + ".reserve"

    private func replace(with contents: ControlFile) throws(ControlFileError) {
        let bytes = contents.encoded()
        // A file that would be refused at the next start must not replace one that isn't.
        guard bytes.count <= ControlFile.maximumFileSize else {
            throw .size(found: UInt64(bytes.count), minimum: 0, maximum: ControlFile.maximumFileSize)
        }
        let start = ContinuousClock.now
        do throws(StorageError) {
            do throws(StorageError) {
                try write(bytes)
            } catch {
                guard error.isOutOfSpace && hasReserve else { throw error }
                try fileSystem.unlinkIfPresent(directory + "/" + Self.reserveName)
                hasReserve = false
                try write(bytes)
            }
        } catch {
            throw .storage(error)
        }
        observer?.storedControlFile(in: ContinuousClock.now - start)
        if !hasReserve { makeReserve() }
    }

    private func write(_ bytes: [UInt8]) throws(StorageError) {
        let partial = directory + "/" + Self.partialName
        try fileSystem.with(partial, .create) { (file) throws(StorageError) in
            try fileSystem.write(bytes.span.bytes, to: file, at: 0)
            if !noSync { try fileSystem.synchronize(file) }
        }
        try fileSystem.rename(partial, to: directory + "/" + Self.fileName)
        if !noSync { try fileSystem.synchronizeDirectory(directory) }
    }

    /// Sets space aside; when there is none, the next write tries again.
    private func makeReserve() {
        let path = directory + "/" + Self.reserveName
        do throws(StorageError) {
            try fileSystem.with(path, .create) { (file) throws(StorageError) in
                try fileSystem.preallocate(file, length: UInt64(Self.reserveSize))
                if !noSync { try fileSystem.synchronize(file) }
            }
            hasReserve = true
        } catch {
            try? fileSystem.unlink(path)
        }
    }
}
