import Glibc
import PostgresWAL
package import SafekeeperServer
import TestFixtures

/// Files in memory that crash, fail and fill up on command, the same way for the same seed.
///
/// Only what was synchronized survives a power loss for sure. Of the rest any subset does: of a file's bytes by sectors,
/// the last one written torn; of a folder's changes each on its own. A folder is there as soon as a path names it.
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

    private struct Folder {
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        /// Changes since the last synchronization; nil stands for a removal.
        var changes: [[(name: String, file: Int?)]] = []
    }

    private var files: [Int: SimulatedFile] = [:]
    private var folders: [String: Folder] = [:]
    private var openFiles: [Int32: (file: Int, isWritable: Bool)] = [:]
    private var nextFile = 0
    private var nextDescriptor: Int32 = 3
    private var random: SeededGenerator
    private var hasCrashed = false

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
        for path in folders.keys.sorted() {
            guard var folder = folders[path] else { continue }
            let keepProbability = [0, 2, 4].randomElement(using: &random) ?? 0
            for change in folder.changes where Int.random(in: 0..<4, using: &random) < keepProbability {
                for (name, file) in change { folder.durableNames[name] = file }
            }
            folder.names = folder.durableNames
            folder.changes = []
            folders[path] = folder
        }
        for file in files.keys.sorted() { files[file]?.losePower(using: &random) }
    }

    private func file(at path: String) -> SimulatedFile? {
        files[folders[split(path).directory]?.names[split(path).name] ?? -1]
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
            let isInnocent = [.unlink, .read, .list, .length].contains(operation)
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

    private func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { preconditionFailure("not an absolute path: \(path)") }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    private func number(of file: OpenFile, forWriting: Bool) -> Int {
        guard let entry = openFiles[file.descriptor] else { preconditionFailure("\(file.path) is not open") }
        precondition(entry.isWritable || !forWriting, "\(file.path) is not open for writing")
        return entry.file
    }

    private func change(_ directory: String, _ changes: [(name: String, file: Int?)]) {
        for (name, file) in changes { folders[directory, default: Folder()].names[name] = file }
        folders[directory, default: Folder()].changes.append(changes)
    }

    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile {
        try whole(.open, path) { () throws(StorageError) in
            let (directory, name) = split(path)
            var number = folders[directory]?.names[name]
            if mode == .create {
                if let number {
                    files[number]?.setLength(0)
                } else {
                    files[nextFile] = SimulatedFile()
                    change(directory, [(name, nextFile)])
                    number = nextFile
                    nextFile += 1
                }
            }
            guard let number else { throw StorageError(operation: .open, path: path, code: ENOENT) }
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
        try whole(.synchronizeDirectory, path) {
            synchronizationCount += 1
            guard var folder = folders[path] else { return }
            folder.durableNames = folder.names
            folder.changes = []
            folders[path] = folder
        }
    }

    package func rename(_ source: String, to target: String) throws(StorageError) {
        try whole(.rename, source) { () throws(StorageError) in
            let (directory, name) = split(source)
            guard let file = folders[directory]?.names[name] else {
                throw StorageError(operation: .rename, path: source, code: ENOENT)
            }
            precondition(split(target).directory == directory, "renaming from folder to folder is not simulated")
            releaseSpace(of: target)
            change(directory, [(name, nil), (split(target).name, file)])
        }
    }

    package func unlink(_ path: String) throws(StorageError) {
        try whole(.unlink, path) { () throws(StorageError) in
            let (directory, name) = split(path)
            guard folders[directory]?.names[name] != nil else {
                throw StorageError(operation: .unlink, path: path, code: ENOENT)
            }
            releaseSpace(of: path)
            change(directory, [(name, nil)])
        }
    }

    private func releaseSpace(of path: String) {
        let (directory, name) = split(path)
        if let number = folders[directory]?.names[name] { release(files[number]?.allocatedCount ?? 0) }
    }

    package func list(_ directory: String) throws(StorageError) -> [String] {
        try whole(.list, directory) { (folders[directory]?.names.keys).map { $0.sorted() } ?? [] }
    }
}
