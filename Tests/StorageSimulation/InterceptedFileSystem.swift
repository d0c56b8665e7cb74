import Dispatch
package import NIOCore
package import SafekeeperServer
import Synchronization

/// Another file system, with something in front: operations are counted, held up or refused.
///
/// Safe to use from several tasks at once, also if the other one isn't.
package final class InterceptedFileSystem: FileSystem {
    /// Called before each operation with what it is, and to what: may block, and may refuse it.
    package typealias Interception = @Sendable (StorageError.Operation, String) throws(StorageError) -> Void

    private let base: any FileSystem
    private let interception: Mutex<Interception>
    private let counts = Mutex<[StorageError.Operation: Int]>([:])
    private let writebacks = Mutex<[Range<UInt64>]>([])
    private let reservations = Mutex<[Range<UInt64>]>([])
    /// Nil if the other file system may be used from several tasks at once.
    private let turn: DispatchSemaphore?

    package init(_ base: any FileSystem, isSerial: Bool = false, _ interception: @escaping Interception = { _, _ in }) {
        self.base = base
        self.interception = Mutex(interception)
        turn = isSerial ? DispatchSemaphore(value: 1) : nil
    }

    /// Puts something else in front.
    package func intercept(_ interception: @escaping Interception) {
        self.interception.withLock { $0 = interception }
    }

    /// How often an operation was asked for.
    package func count(_ operation: StorageError.Operation) -> Int {
        counts.withLock { $0[operation] ?? 0 }
    }

    /// The ranges of files that were asked to be written, in order.
    package var startedWritebacks: [Range<UInt64>] { writebacks.withLock { $0 } }

    /// The ranges of files that space was asked for, in order.
    package var reservedRanges: [Range<UInt64>] { reservations.withLock { $0 } }

    private func pass<Result>(
        _ operation: StorageError.Operation,
        _ path: String,
        _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        counts.withLock { $0[operation, default: 0] += 1 }
        try interception.withLock { $0 }(operation, path)
        return try inTurn(body)
    }

    private func inTurn<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        turn?.wait()
        defer { turn?.signal() }
        return try body()
    }

    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile {
        try pass(.open, path) { () throws(StorageError) in try base.open(path, mode) }
    }

    package func close(_ file: OpenFile) {
        turn?.wait()
        defer { turn?.signal() }
        base.close(file)
    }

    package func length(of file: OpenFile) throws(StorageError) -> UInt64 {
        try pass(.length, file.path) { () throws(StorageError) in try base.length(of: file) }
    }

    package func setLength(of file: OpenFile, to length: UInt64) throws(StorageError) {
        try pass(.setLength, file.path) { () throws(StorageError) in try base.setLength(of: file, to: length) }
    }

    package func preallocate(_ file: OpenFile, length: UInt64) throws(StorageError) {
        try pass(.preallocate, file.path) { () throws(StorageError) in try base.preallocate(file, length: length) }
    }

    package func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(StorageError) {
        try pass(.write, file.path) { () throws(StorageError) in try base.write(bytes, to: file, at: offset) }
    }

    package func write(_ pieces: [ByteBuffer], to file: OpenFile, at offset: UInt64) throws(StorageError) {
        try pass(.write, file.path) { () throws(StorageError) in try base.write(pieces, to: file, at: offset) }
    }

    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        from file: OpenFile,
        at offset: UInt64
    ) throws(StorageError) -> Int {
        try pass(.read, file.path) { () throws(StorageError) in try base.read(into: buffer, from: file, at: offset) }
    }

    package func reserve(_ file: OpenFile, from begin: UInt64, to end: UInt64) {
        turn?.wait()
        defer { turn?.signal() }
        reservations.withLock { $0.append(begin..<end) }
        base.reserve(file, from: begin, to: end)
    }

    package func startWriteback(of file: OpenFile, from begin: UInt64, to end: UInt64) {
        turn?.wait()
        defer { turn?.signal() }
        writebacks.withLock { $0.append(begin..<end) }
        base.startWriteback(of: file, from: begin, to: end)
    }

    package func synchronizeData(of file: OpenFile) throws(StorageError) {
        try pass(.synchronize, file.path) { () throws(StorageError) in try base.synchronizeData(of: file) }
    }

    package func synchronize(_ file: OpenFile) throws(StorageError) {
        try pass(.synchronize, file.path) { () throws(StorageError) in try base.synchronize(file) }
    }

    package func synchronizeDirectory(_ path: String) throws(StorageError) {
        try pass(.synchronizeDirectory, path) { () throws(StorageError) in try base.synchronizeDirectory(path) }
    }

    package func synchronizeFileSystem(holding directory: String) throws(StorageError) {
        try pass(.synchronizeFileSystem, directory) { () throws(StorageError) in
            try base.synchronizeFileSystem(holding: directory)
        }
    }

    package func makeDirectory(_ path: String) throws(StorageError) {
        try pass(.makeDirectory, path) { () throws(StorageError) in try base.makeDirectory(path) }
    }

    package func removeDirectory(_ path: String) throws(StorageError) {
        try pass(.removeDirectory, path) { () throws(StorageError) in try base.removeDirectory(path) }
    }

    package func rename(_ source: String, to target: String) throws(StorageError) {
        try pass(.rename, source) { () throws(StorageError) in try base.rename(source, to: target) }
    }

    package func unlink(_ path: String) throws(StorageError) {
        try pass(.unlink, path) { () throws(StorageError) in try base.unlink(path) }
    }

    package func list(_ directory: String) throws(StorageError) -> [String] {
        try pass(.list, directory) { () throws(StorageError) in try base.list(directory) }
    }
}
