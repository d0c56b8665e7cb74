package import NIOCore

/// What the storage needs of a file system; the real one is ``PosixFileSystem``.
///
/// All calls block. Nothing but the `synchronize` calls makes anything durable, and those only what they name: a file's
/// bytes, not its name; a folder's names, not their files' bytes.
package protocol FileSystem: Sendable {
    /// Opens a file; the caller closes it.
    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile

    /// Closes a file; unsynchronized bytes stay in the system's hands.
    func close(_ file: OpenFile)

    /// The length in bytes.
    func length(of file: OpenFile) throws(StorageError) -> UInt64

    /// Cuts a file or extends it by zeros that take no space.
    func setLength(of file: OpenFile, to length: UInt64) throws(StorageError)

    /// Reserves space for the first `length` bytes, which become the file's length if it is shorter.
    func preallocate(_ file: OpenFile, length: UInt64) throws(StorageError)

    /// Takes space for a part of a file, within its length, that will soon be written; no error if there isn't as much.
    ///
    /// A hint: what is missing is taken by the writes, which tell what goes wrong. The file's contents stay.
    func reserve(_ file: OpenFile, from begin: UInt64, to end: UInt64)

    /// Writes all of `bytes`; after an error any part of them may have been written.
    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(StorageError)

    /// Writes pieces one behind the other; after an error any part of them may have been written.
    func write(_ pieces: [ByteBuffer], to file: OpenFile, at offset: UInt64) throws(StorageError)

    /// Fills `buffer`; gives how many bytes there were before the end of the file.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        from file: OpenFile,
        at offset: UInt64
    ) throws(StorageError) -> Int

    /// Asks the system to begin writing some of a file's bytes to the disk, and doesn't wait for it.
    ///
    /// Nothing is durable for that, and what goes wrong is told by the next synchronization.
    func startWriteback(of file: OpenFile, from begin: UInt64, to end: UInt64)

    /// Makes a file's bytes durable, and of its metadata what reading them needs (`fdatasync`).
    func synchronizeData(of file: OpenFile) throws(StorageError)

    /// Makes a file's bytes and metadata durable (`fsync`).
    func synchronize(_ file: OpenFile) throws(StorageError)

    /// Makes the names in a folder durable.
    func synchronizeDirectory(_ path: String) throws(StorageError)

    /// Makes all that has been written to the file system that holds a folder durable (`syncfs`).
    func synchronizeFileSystem(holding directory: String) throws(StorageError)

    /// Makes an empty folder.
    func makeDirectory(_ path: String) throws(StorageError)

    /// Removes an empty folder.
    func removeDirectory(_ path: String) throws(StorageError)

    /// Renames a file, over another one if there is one, or a folder, over an empty one if there is one.
    ///
    /// From one folder to another this happens as a whole: once either of them is made durable both names are.
    func rename(_ source: String, to target: String) throws(StorageError)

    /// Removes a file's name; not that of a folder.
    func unlink(_ path: String) throws(StorageError)

    /// The names in a folder, in no order.
    func list(_ directory: String) throws(StorageError) -> [String]
}

extension FileSystem {
    /// Writes each piece by itself.
    package func write(_ pieces: [ByteBuffer], to file: OpenFile, at offset: UInt64) throws(StorageError) {
        var offset = offset
        for piece in pieces {
            try write(piece.readableBytesSpan, to: file, at: offset)
            offset += UInt64(piece.readableBytes)
        }
    }
}

/// How a file is opened.
package enum OpenMode: Hashable, Sendable {
    /// For reading; it must be there.
    case read
    /// For reading and writing; it must be there.
    case readWrite
    /// For reading and writing; made if it isn't there, emptied if it is.
    case create
}

/// An open file.
package struct OpenFile: Hashable, Sendable {
    /// The file system's number for it.
    package let descriptor: Int32
    /// The path it was opened by, for messages.
    package let path: String

    package init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }
}

extension FileSystem {
    /// Removes a file's name; not an error if it isn't there.
    package func unlinkIfPresent(_ path: String) throws(StorageError) {
        do throws(StorageError) {
            try unlink(path)
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    /// Opens a file for the time of a call.
    package func with<Result>(
        _ path: String,
        _ mode: OpenMode,
        _ body: (OpenFile) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let file = try open(path, mode)
        defer { close(file) }
        return try body(file)
    }

    /// Opens a file; nil if it isn't there.
    package func openIfPresent(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile? {
        do throws(StorageError) {
            return try open(path, mode)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Makes a folder unless there is something of that name.
    package func makeDirectoryIfMissing(_ path: String) throws(StorageError) {
        do throws(StorageError) {
            try makeDirectory(path)
        } catch {
            guard error.alreadyExists else { throw error }
        }
    }

    /// The names in a folder; nil if it isn't there.
    package func listIfPresent(_ directory: String) throws(StorageError) -> [String]? {
        do throws(StorageError) {
            return try list(directory)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Removes a file, or a folder with all that is in it; nothing is made durable.
    ///
    /// - Returns: whether there was something.
    @discardableResult
    package func removeTree(_ path: String) throws(StorageError) -> Bool {
        do throws(StorageError) {
            try unlink(path)
            return true
        } catch {
            if error.isNotFound { return false }
            guard error.isDirectory else { throw error }
        }
        for name in try list(path) { try removeTree(path + "/" + name) }
        try removeDirectory(path)
        return true
    }
}
