internal import ShardIdentity

/// Where a timeline's files are, and how its folder comes and goes as a whole.
///
/// A folder is filled below `tmp` and renamed to its place, and renamed away from there before its files are removed. So
/// a folder in its place is a whole one, whenever the power goes; what is left in `tmp` is removed at the next start.
/// All calls block.
///
/// Source: `safekeeper-core.md` §4.1, §6.2.
package struct TimelineFolder: Sendable {
    /// The timeline.
    package let id: TenantTimelineID
    let dataDirectory: String
    let fileSystem: any FileSystem
    let noSync: Bool

    /// The folder for timelines that are being made or removed.
    static let temporaryName = "tmp"

    /// Its place.
    package var path: String { "\(tenantPath)/\(id.timeline)" }

    private var tenantPath: String { "\(dataDirectory)/\(id.tenant)" }
    private var temporaryRoot: String { "\(dataDirectory)/\(Self.temporaryName)" }

    /// Whether there is something in its place.
    func exists() throws(StorageError) -> Bool {
        try fileSystem.listIfPresent(path) != nil
    }

    /// Makes an empty folder below `tmp`.
    ///
    /// - Returns: its path; ``install(_:)`` gives it its place, ``discard(_:)`` removes it.
    func makeTemporary() throws(StorageError) -> String {
        try fileSystem.makeDirectoryIfMissing(temporaryRoot)
        let path = temporaryPath(suffix: "temptli")
        try fileSystem.makeDirectory(path)
        return path
    }

    private func temporaryPath(suffix: String) -> String {
        let random = String(UInt64.random(in: 0 ... .max), radix: 36)
        return "\(temporaryRoot)/\(id.tenant)_\(id.timeline)_\(random)_\(suffix)"
    }

    /// Removes a folder that ``makeTemporary()`` made; what can't be removed is at the next start.
    func discard(_ temporary: String) {
        _ = try? fileSystem.removeTree(temporary)
    }

    /// Gives a filled folder its place.
    ///
    /// Its files are durable already. Each name on the way is made durable before the one below it is relied on, and the
    /// folder's own names before it gets its name.
    ///
    /// - Throws: ``TimelineError/existsOnDisk(_:)`` if the place is taken, ``TimelineError/storage(_:_:)``.
    func install(_ temporary: String) throws(TimelineError) {
        let isFree: Bool
        do throws(StorageError) {
            isFree = try !exists()
            if isFree { try move(temporary) }
        } catch {
            throw .storage(id, error)
        }
        guard isFree else { throw .existsOnDisk(id) }
    }

    private func move(_ temporary: String) throws(StorageError) {
        try fileSystem.makeDirectoryIfMissing(tenantPath)
        try synchronize(tenantPath)
        try synchronize(dataDirectory)
        try synchronize(temporary)
        try fileSystem.rename(temporary, to: path)
        do throws(StorageError) {
            try synchronize(tenantPath)
        } catch {
            // A place that may not be durable must not be taken.
            try? fileSystem.rename(path, to: temporary)
            throw error
        }
    }

    /// Removes the timeline.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func remove() throws(StorageError) -> Bool {
        guard try exists() else { return false }
        var doomed = path
        do throws(StorageError) {
            try fileSystem.makeDirectoryIfMissing(temporaryRoot)
            let temporary = temporaryPath(suffix: "deleted")
            try fileSystem.rename(path, to: temporary)
            doomed = temporary
        } catch {
            // Even a name needs space. What a crash leaves of the rest must not be taken for a timeline.
            guard error.isOutOfSpace else { throw error }
            try fileSystem.unlinkIfPresent("\(path)/\(ControlFileStore.fileName)")
            try synchronize(path)
        }
        if doomed != path { try synchronize(tenantPath) }
        try fileSystem.removeTree(doomed)
        if doomed == path { try synchronize(tenantPath) }
        return true
    }

    private func synchronize(_ directory: String) throws(StorageError) {
        if !noSync { try fileSystem.synchronizeDirectory(directory) }
    }
}
