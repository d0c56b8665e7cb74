internal import Glibc

/// The lock on a data directory: the file `safekeeper.pid`, which one process at a time holds and writes its number to.
///
/// The file is not touched before the lock is held, so that a second start leaves the number of the one that runs. It is
/// never removed; the system lets go of the lock when the process ends, however it does. Calls block.
///
/// Source: `safekeeper-operations.md` §7.5.
package struct DataDirectoryLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Parameter directory: the data directory.
    /// - Throws: ``DataDirectoryError/locked(path:)`` if somebody has it.
    package init(of directory: String) throws(DataDirectoryError) {
        let path = directory + "/safekeeper.pid"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .storage(StorageError(operation: .open, path: path, code: errno))
        }
        do throws(DataDirectoryError) {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                if errno == EWOULDBLOCK { throw .locked(path: path) }
                throw .storage(StorageError(operation: .lock, path: path, code: errno))
            }
            try Self.write("\(getpid())", to: descriptor, path: path)
            do throws(StorageError) {
                try PosixFileSystem().synchronizeDirectory(directory)
            } catch {
                throw .storage(error)
            }
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func write(_ text: String, to descriptor: Int32, path: String) throws(DataDirectoryError) {
        let file = OpenFile(descriptor: descriptor, path: path)
        let system = PosixFileSystem()
        do throws(StorageError) {
            try system.setLength(of: file, to: 0)
            try system.write(Array(text.utf8).span.bytes, to: file, at: 0)
            try system.synchronize(file)
        } catch {
            throw .storage(error)
        }
    }

    /// Lets go of the lock, whoever still has a hand on this value.
    package func release() {
        flock(descriptor, LOCK_UN)
    }

    deinit {
        close(descriptor)
    }
}
