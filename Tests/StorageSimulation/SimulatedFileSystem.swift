import Glibc
import PostgresWAL
package import SafekeeperServer
import TestFixtures

/// Files in memory that crash, fail and fill up on command, the same way for the same seed.
///
/// Only what was synchronized survives a power loss for sure. Of the rest any subset does: of a file's bytes by sectors,
/// the last one written torn; of the folders' changes each on its own, a renaming from one folder to another as a whole.
///
/// A folder right below the root is there, durably, as soon as a path names it; others are made.
///
/// Unchecked: the tests that share one use it from one task at a time.
package final class SimulatedFileSystem: FileSystem, @unchecked Sendable {
    /// Operations that go wrong.
    package struct Fault: Sendable {
        /// The first operation that does, counted from 0.
        package var operation: Int
        /// How many do, from that one on.
        package var count: Int
        /// The `errno` value they give.
        package var code: Int32

        package init(operation: Int, count: Int = 1, code: Int32) {
            self.operation = operation
            self.count = count
            self.code = code
        }
    }

    /// How a process ends.
    package enum Crash: CaseIterable, Sendable {
        /// It is killed: what it wrote stays with the system.
        case kill
        /// The machine stops: what was not synchronized may be lost.
        case powerLoss
    }

    private enum Entry {
        case file(Int)
        case folder(Int)
    }

    private struct Folder {
        var names: [String: Entry] = [:]
        var durableNames: [String: Entry] = [:]
    }

    /// A change of a name; nil stands for a removal.
    private typealias Edit = (folder: Int, name: String, entry: Entry?)

    private var files: [Int: SimulatedFile] = [:]
    /// By numbers; 0 is the root.
    private var folders: [Int: Folder] = [0: Folder()]
    /// Changes of names that are not durable, in their order, each with the edits that happen together.
    private var changes: [[Edit]] = []
    private var nextFolder = 1
    private var openFiles: [Int32: (file: Int, isWritable: Bool)] = [:]
    private var nextFile = 0
    private var nextDescriptor: Int32 = 3
    private var random: SeededGenerator
    private var hasCrashed = false
    /// Whether the process has ended in the middle of an operation, see ``crashOperation``.
    package var isCrashed: Bool { hasCrashed }

    /// Operations so far, whether they changed anything or not; closing doesn't count.
    package private(set) var operationCount = 0
    /// Synchronizations so far of files and folders.
    package private(set) var synchronizationCount = 0
    /// The operation at which the process ends, before or after it or in its middle.
    package var crashOperation: Int?
    /// Operations that go wrong.
    package var fault: Fault?
    /// Whether operations neither count nor go wrong: for what a test does itself.
    package var isPaused = false
    /// Sectors of 512 bytes that are left.
    package var freeSectors = Int.max

    package init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    /// What every operation of a crashed system gives.
    package static let crashed: Int32 = ESHUTDOWN

    /// Starts the system again.
    package func restart(after crash: Crash) {
        openFiles = [:]
        hasCrashed = false
        crashOperation = nil
        fault = nil
        guard crash == .powerLoss else { return }
        let keepProbability = [0, 2, 4].randomElement(using: &random) ?? 0
        for change in changes where Int.random(in: 0..<4, using: &random) < keepProbability { makeDurable(change) }
        changes = []
        folders = folders.mapValues { Folder(names: $0.durableNames, durableNames: $0.durableNames) }
        for file in files.keys.sorted() { files[file]?.losePower(using: &random) }
    }

    private func makeDurable(_ change: [Edit]) {
        for (folder, name, entry) in change { folders[folder]?.durableNames[name] = entry }
    }

    private func file(at path: String) -> SimulatedFile? {
        guard case .file(let number)? = entry(at: path) else { return nil }
        return files[number]
    }

    /// A file's length; nil if it isn't there.
    package func length(of path: String) -> Int? {
        file(at: path)?.length
    }

    /// Whether all bytes of a file from `offset` on are zero.
    package func isZero(_ path: String, from offset: Int) -> Bool {
        file(at: path)?.isZero(from: offset) ?? true
    }

    /// A file's bytes; nil if it isn't there.
    package func contents(of path: String) -> [UInt8]? {
        guard let file = file(at: path) else { return nil }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: file.length, alignment: 8)
        defer { buffer.deallocate() }
        _ = file.read(into: buffer, at: 0)
        return Array(buffer)
    }
}

// MARK: - Operations

extension SimulatedFileSystem {
    /// Whether an operation is done, and whether the process ends after it.
    private enum Course {
        case normal
        /// Done in part, if it can be.
        case failing(StorageError)
        case crashing
    }

    private func begin(_ operation: StorageError.Operation, _ path: String) throws(StorageError) -> Course {
        let crash = StorageError(operation: operation, path: path, code: Self.crashed)
        if isPaused { return .normal }
        if hasCrashed { throw crash }
        defer { operationCount += 1 }
        if operationCount == crashOperation {
            hasCrashed = true
            if Bool.random(using: &random) { throw crash }
            return .crashing
        }
        if let fault, (fault.operation..<fault.operation + min(fault.count, 1 << 40)).contains(operationCount) {
            // Nothing that gives space back, and nothing that only reads, fails for want of it.
            let isInnocent = [.unlink, .removeDirectory, .read, .list, .length].contains(operation)
            if fault.code != ENOSPC || !isInnocent {
                return .failing(StorageError(operation: operation, path: path, code: fault.code))
            }
        }
        return .normal
    }

    /// Does an operation that happens as a whole or not at all.
    private func whole<Result>(
        _ operation: StorageError.Operation,
        _ path: String,
        _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let course = try begin(operation, path)
        if case .failing(let error) = course { throw error }
        let result = try body()
        if case .crashing = course { throw StorageError(operation: operation, path: path, code: Self.crashed) }
        return result
    }

    private func entry(at path: String) -> Entry? {
        var entry = Entry.folder(0)
        for (depth, name) in path.split(separator: "/").map(String.init).enumerated() {
            guard case .folder(let number) = entry else { return nil }
            if depth == 0 && folders[number]?.names[name] == nil { addTopFolder(name) }
            guard let next = folders[number]?.names[name] else { return nil }
            entry = next
        }
        return entry
    }

    private func addTopFolder(_ name: String) {
        let number = addFolder()
        folders[0]?.names[name] = .folder(number)
        folders[0]?.durableNames[name] = .folder(number)
    }

    private func addFolder() -> Int {
        defer { nextFolder += 1 }
        folders[nextFolder] = Folder()
        return nextFolder
    }

    /// The folder in which a path's last name stands, and that name.
    private func place(
        _ path: String,
        _ operation: StorageError.Operation
    ) throws(StorageError) -> (folder: Int, name: String) {
        guard let slash = path.lastIndex(of: "/") else { preconditionFailure("not an absolute path: \(path)") }
        let parent = String(path[..<slash])
        return (try folder(at: parent, operation, path), String(path[path.index(after: slash)...]))
    }

    private func folder(
        at path: String,
        _ operation: StorageError.Operation,
        _ asked: String
    ) throws(StorageError) -> Int {
        switch entry(at: path) {
        case .folder(let number): return number
        case .file: throw StorageError(operation: operation, path: asked, code: ENOTDIR)
        case nil: throw StorageError(operation: operation, path: asked, code: ENOENT)
        }
    }

    private func number(of file: OpenFile, forWriting: Bool) -> Int {
        guard let entry = openFiles[file.descriptor] else { preconditionFailure("\(file.path) is not open") }
        precondition(entry.isWritable || !forWriting, "\(file.path) is not open for writing")
        return entry.file
    }

    private func change(_ edits: [Edit]) {
        for (folder, name, entry) in edits { folders[folder]?.names[name] = entry }
        changes.append(edits)
    }

    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile {
        try whole(.open, path) { () throws(StorageError) in
            let (folder, name) = try place(path, .open)
            let number: Int
            switch folders[folder]?.names[name] {
            case .folder: throw StorageError(operation: .open, path: path, code: EISDIR)
            case .file(let existing):
                number = existing
                if mode == .create { files[number]?.setLength(0) }
            case nil:
                guard mode == .create else { throw StorageError(operation: .open, path: path, code: ENOENT) }
                number = nextFile
                nextFile += 1
                files[number] = SimulatedFile()
                change([(folder, name, .file(number))])
            }
            defer { nextDescriptor += 1 }
            openFiles[nextDescriptor] = (number, mode != .read)
            return OpenFile(descriptor: nextDescriptor, path: path)
        }
    }

    package func close(_ file: OpenFile) {
        openFiles[file.descriptor] = nil
    }

    package func length(of file: OpenFile) throws(StorageError) -> UInt64 {
        try whole(.length, file.path) { UInt64(files[number(of: file, forWriting: false)]?.length ?? 0) }
    }

    package func setLength(of file: OpenFile, to length: UInt64) throws(StorageError) {
        try whole(.setLength, file.path) {
            let number = number(of: file, forWriting: true)
            let before = files[number]?.allocatedCount ?? 0
            files[number]?.setLength(Int(length))
            release(before - (files[number]?.allocatedCount ?? 0))
        }
    }

    private func release(_ sectors: Int) {
        if freeSectors != .max { freeSectors += sectors }
    }

    package func preallocate(_ file: OpenFile, length: UInt64) throws(StorageError) {
        try whole(.preallocate, file.path) { () throws(StorageError) in
            let number = number(of: file, forWriting: true)
            var space = freeSectors
            let isDone = files[number]?.allocate(Int(length), space: &space) ?? false
            if freeSectors != .max { freeSectors = space }
            if !isDone { throw StorageError(operation: .preallocate, path: file.path, code: ENOSPC) }
        }
    }

    package func reserve(_ file: OpenFile, from begin: UInt64, to end: UInt64) {
        // A hint that needs not be taken.
    }

    package func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(StorageError) {
        let number = hasCrashed ? 0 : number(of: file, forWriting: true)
        let course = try begin(.write, file.path)
        var array = bytes.array
        if case .normal = course {
        } else {
            array = Array(array.prefix(Int.random(in: 0...array.count, using: &random)))
        }
        var space = freeSectors
        let written = files[number]?.write(array, at: Int(offset), space: &space) ?? 0
        if freeSectors != .max { freeSectors = space }
        switch course {
        case .failing(let error): throw error
        case .crashing: throw StorageError(operation: .write, path: file.path, code: Self.crashed)
        case .normal:
            if written < bytes.byteCount { throw StorageError(operation: .write, path: file.path, code: ENOSPC) }
        }
    }

    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        from file: OpenFile,
        at offset: UInt64
    ) throws(StorageError) -> Int {
        try whole(.read, file.path) {
            files[number(of: file, forWriting: false)]?.read(into: buffer, at: Int(offset)) ?? 0
        }
    }

    package func startWriteback(of file: OpenFile, from begin: UInt64, to end: UInt64) {
        // Any unsynchronized bytes may be on the disk already, or not, when the power goes.
    }

    package func synchronizeData(of file: OpenFile) throws(StorageError) {
        try synchronize(file)
    }

    package func synchronize(_ file: OpenFile) throws(StorageError) {
        let number = hasCrashed ? 0 : number(of: file, forWriting: false)
        let course = try begin(.synchronize, file.path)
        synchronizationCount += 1
        if case .failing(let error) = course {
            files[number]?.failToSynchronize()
            throw error
        }
        files[number]?.synchronize()
        if case .crashing = course { throw StorageError(operation: .synchronize, path: file.path, code: Self.crashed) }
    }

    package func synchronizeDirectory(_ path: String) throws(StorageError) {
        try whole(.synchronizeDirectory, path) { () throws(StorageError) in
            synchronizationCount += 1
            let number = try folder(at: path, .synchronizeDirectory, path)
            var rest: [[Edit]] = []
            for change in changes {
                if change.contains(where: { $0.folder == number }) {
                    makeDurable(change)
                    // What was there under these names before can't come back.
                    rest = rest.map { older in
                        older.filter { edit in
                            !change.contains { $0.folder == edit.folder && $0.name == edit.name }
                        }
                    }
                } else {
                    rest.append(change)
                }
            }
            changes = rest
        }
    }

    package func synchronizeFileSystem(holding directory: String) throws(StorageError) {
        try whole(.synchronizeFileSystem, directory) {
            synchronizationCount += 1
            for change in changes { makeDurable(change) }
            changes = []
            for file in files.keys { files[file]?.synchronize() }
        }
    }

    package func makeDirectory(_ path: String) throws(StorageError) {
        try whole(.makeDirectory, path) { () throws(StorageError) in
            let (folder, name) = try place(path, .makeDirectory)
            if entry(at: path) != nil { throw StorageError(operation: .makeDirectory, path: path, code: EEXIST) }
            change([(folder, name, .folder(addFolder()))])
        }
    }

    package func removeDirectory(_ path: String) throws(StorageError) {
        try whole(.removeDirectory, path) { () throws(StorageError) in
            let (folder, name) = try place(path, .removeDirectory)
            let number = try self.folder(at: path, .removeDirectory, path)
            guard folders[number]?.names.isEmpty == true else {
                throw StorageError(operation: .removeDirectory, path: path, code: ENOTEMPTY)
            }
            change([(folder, name, nil)])
        }
    }

    package func rename(_ source: String, to target: String) throws(StorageError) {
        try whole(.rename, source) { () throws(StorageError) in
            let old = try place(source, .rename)
            let new = try place(target, .rename)
            guard let moved = folders[old.folder]?.names[old.name] else {
                throw StorageError(operation: .rename, path: source, code: ENOENT)
            }
            if case .folder(let number)? = folders[new.folder]?.names[new.name], folders[number]?.names.isEmpty == false
            {
                throw StorageError(operation: .rename, path: source, code: ENOTEMPTY)
            }
            releaseSpace(of: target)
            change([(old.folder, old.name, nil), (new.folder, new.name, moved)])
        }
    }

    package func unlink(_ path: String) throws(StorageError) {
        try whole(.unlink, path) { () throws(StorageError) in
            let (folder, name) = try place(path, .unlink)
            switch folders[folder]?.names[name] {
            case .file: break
            case .folder: throw StorageError(operation: .unlink, path: path, code: EISDIR)
            case nil: throw StorageError(operation: .unlink, path: path, code: ENOENT)
            }
            releaseSpace(of: path)
            change([(folder, name, nil)])
        }
    }

    private func releaseSpace(of path: String) {
        if let file = file(at: path) { release(file.allocatedCount) }
    }

    package func list(_ directory: String) throws(StorageError) -> [String] {
        try whole(.list, directory) { () throws(StorageError) in
            let number = try folder(at: directory, .list, directory)
            return (folders[number]?.names.keys).map { $0.sorted() } ?? []
        }
    }
}
