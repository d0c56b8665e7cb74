import Glibc
import SafekeeperServer

/// A mistake that the simulation is told to make, to prove that it would be seen.
package enum PlantedFault: String, CaseIterable, Sendable {
    /// A node's disk says that bytes are durable before they are.
    case acknowledgeBeforeFlush
    /// A truncation that is not carried out, and after which WAL is written all the same.
    case unfinishedTruncation
    /// A vote that is given without being stored.
    case voteNotPersisted
    /// A proposer that takes WAL of earlier terms for committed once a majority has it.
    case earlierTermCommit
    /// A proposer for which a majority of the old members is enough while safekeepers are exchanged.
    case oldMajorityInJointConfiguration
    /// Safekeepers that are exchanged before the new ones have what the old ones had.
    case exchangeWithoutCatchUp
    /// WAL that is found at a start and taken for durable because the system shows it.
    case foundWALTakenForDurable
}

/// The file system of one node: the simulated disk, unless a fault is planted.
final class NodeFiles: FileSystem, @unchecked Sendable {
    private let disk: any FileSystem
    private let fault: PlantedFault?
    /// What the node is doing, as some faults hit only that.
    var isVoting = false
    var isTruncating = false
    var isLoading = false

    init(_ disk: any FileSystem, fault: PlantedFault?) {
        self.disk = disk
        self.fault = fault
    }

    private var losesSynchronization: Bool { fault == .acknowledgeBeforeFlush }
    private var losesTruncation: Bool { fault == .unfinishedTruncation && isTruncating }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile { try disk.open(path, mode) }
    func close(_ file: OpenFile) { disk.close(file) }
    func length(of file: OpenFile) throws(StorageError) -> UInt64 { try disk.length(of: file) }

    func setLength(of file: OpenFile, to length: UInt64) throws(StorageError) {
        if losesTruncation, try disk.length(of: file) > length { return }
        try disk.setLength(of: file, to: length)
    }

    func preallocate(_ file: OpenFile, length: UInt64) throws(StorageError) {
        try disk.preallocate(file, length: length)
    }

    func reserve(_ file: OpenFile, from begin: UInt64, to end: UInt64) { disk.reserve(file, from: begin, to: end) }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(StorageError) {
        if fault == .foundWALTakenForDurable && isLoading { return }
        try disk.write(bytes, to: file, at: offset)
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        from file: OpenFile,
        at offset: UInt64
    ) throws(StorageError) -> Int {
        try disk.read(into: buffer, from: file, at: offset)
    }

    func startWriteback(of file: OpenFile, from begin: UInt64, to end: UInt64) {
        disk.startWriteback(of: file, from: begin, to: end)
    }

    func synchronizeData(of file: OpenFile) throws(StorageError) {
        if !losesSynchronization { try disk.synchronizeData(of: file) }
    }

    func synchronize(_ file: OpenFile) throws(StorageError) {
        if !losesSynchronization { try disk.synchronize(file) }
    }

    func synchronizeDirectory(_ path: String) throws(StorageError) { try disk.synchronizeDirectory(path) }

    func synchronizeFileSystem(holding directory: String) throws(StorageError) {
        try disk.synchronizeFileSystem(holding: directory)
    }

    func makeDirectory(_ path: String) throws(StorageError) { try disk.makeDirectory(path) }
    func removeDirectory(_ path: String) throws(StorageError) { try disk.removeDirectory(path) }

    func rename(_ source: String, to target: String) throws(StorageError) {
        let isControlFile = target.hasSuffix(ControlFileStore.fileName)
        if fault == .voteNotPersisted && isVoting && isControlFile { return }
        try disk.rename(source, to: target)
    }

    func unlink(_ path: String) throws(StorageError) {
        if losesTruncation { return }
        try disk.unlink(path)
    }

    func list(_ directory: String) throws(StorageError) -> [String] { try disk.list(directory) }
}
