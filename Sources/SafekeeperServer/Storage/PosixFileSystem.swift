internal import CLinux
internal import Glibc
package import NIOCore

/// The operating system's files; system calls are repeated when a signal interrupts them.
package struct PosixFileSystem: FileSystem {
    package init() {}

    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT | O_TRUNC
            }
        let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw lastError(.open, path) }
        return OpenFile(descriptor: descriptor, path: path)
    }

    package func close(_ file: OpenFile) {
        _ = Glibc.close(file.descriptor)
    }

    package func length(of file: OpenFile) throws(StorageError) -> UInt64 {
        var status = stat()
        guard retrying({ fstat(file.descriptor, &status) }) == 0 else { throw lastError(.length, file.path) }
        return UInt64(status.st_size)
    }

    package func setLength(of file: OpenFile, to length: UInt64) throws(StorageError) {
        guard retrying({ ftruncate(file.descriptor, off_t(length)) }) == 0 else {
            throw lastError(.setLength, file.path)
        }
    }

    package func preallocate(_ file: OpenFile, length: UInt64) throws(StorageError) {
        // Unlike the others this call returns its error. It writes zeros where the file system can't reserve.
        while true {
            let code = posix_fallocate(file.descriptor, 0, off_t(length))
            if code == 0 { return }
            if code != EINTR { throw StorageError(operation: .preallocate, path: file.path, code: code) }
        }
    }

    package func reserve(_ file: OpenFile, from begin: UInt64, to end: UInt64) {
        // Not all file systems can, and then nothing is lost; a full disk is told by the write.
        _ = retrying { linux_reserve(file.descriptor, Int64(begin), Int64(end - begin)) }
    }

    package func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(StorageError) {
        let code = bytes.withUnsafeBytes { buffer in
            writeAll(buffer.count) { written in
                guard let start = buffer.baseAddress else { return 0 }
                let position = off_t(offset) + off_t(written)
                return pwrite(file.descriptor, start + written, buffer.count - written, position)
            }
        }
        if code != 0 { throw StorageError(operation: .write, path: file.path, code: code) }
    }

    package func write(_ pieces: [ByteBuffer], to file: OpenFile, at offset: UInt64) throws(StorageError) {
        let code = withVectors(of: pieces[...]) { vectors in
            var rest = vectors[...]
            return writeAll(vectors.reduce(0) { $0 + Int($1.iov_len) }) { written in
                let position = off_t(offset) + off_t(written)
                let count = rest.withUnsafeBufferPointer { buffer in
                    pwritev(file.descriptor, buffer.baseAddress, Int32(buffer.count), position)
                }
                if count > 0 { rest.drop(bytes: count) }
                return count
            }
        }
        if code != 0 { throw StorageError(operation: .write, path: file.path, code: code) }
    }

    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        from file: OpenFile,
        at offset: UInt64
    ) throws(StorageError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let position = off_t(offset) + off_t(filled)
            let count = retrying { pread(file.descriptor, rest.baseAddress, rest.count, position) }
            if count < 0 { throw lastError(.read, file.path) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    package func startWriteback(of file: OpenFile, from begin: UInt64, to end: UInt64) {
        // Not all file systems can; then the synchronization does all the work. Without a flag to wait the call leaves
        // errors of the disk to that too.
        _ = retrying { linux_start_writeback(file.descriptor, Int64(begin), Int64(end - begin)) }
    }

    package func synchronizeData(of file: OpenFile) throws(StorageError) {
        guard retrying({ fdatasync(file.descriptor) }) == 0 else { throw lastError(.synchronize, file.path) }
    }

    package func synchronize(_ file: OpenFile) throws(StorageError) {
        guard retrying({ fsync(file.descriptor) }) == 0 else { throw lastError(.synchronize, file.path) }
    }

    package func synchronizeDirectory(_ path: String) throws(StorageError) {
        let descriptor = retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw lastError(.synchronizeDirectory, path) }
        defer { _ = Glibc.close(descriptor) }
        guard retrying({ fsync(descriptor) }) == 0 else { throw lastError(.synchronizeDirectory, path) }
    }

    package func synchronizeFileSystem(holding directory: String) throws(StorageError) {
        let descriptor = retrying { Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw lastError(.synchronizeFileSystem, directory) }
        defer { _ = Glibc.close(descriptor) }
        guard retrying({ linux_syncfs(descriptor) }) == 0 else { throw lastError(.synchronizeFileSystem, directory) }
    }

    package func makeDirectory(_ path: String) throws(StorageError) {
        guard retrying({ mkdir(path, 0o755) }) == 0 else { throw lastError(.makeDirectory, path) }
    }

    package func removeDirectory(_ path: String) throws(StorageError) {
        guard retrying({ rmdir(path) }) == 0 else { throw lastError(.removeDirectory, path) }
    }

    package func rename(_ source: String, to target: String) throws(StorageError) {
        guard retrying({ Glibc.rename(source, target) }) == 0 else { throw lastError(.rename, source) }
    }

    package func unlink(_ path: String) throws(StorageError) {
        guard retrying({ Glibc.unlink(path) }) == 0 else { throw lastError(.unlink, path) }
    }

    package func list(_ directory: String) throws(StorageError) -> [String] {
        guard let stream = opendir(directory) else { throw lastError(.list, directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        // The end of the folder leaves errno alone; a folder read only in part must not look like a whole one.
        if errno != 0 { throw lastError(.list, directory) }
        return names
    }
}

/// Writes until all is written; a call may take less than it was given.
///
/// - Parameters:
///   - count: how many bytes there are.
///   - write: writes what follows the bytes that are written already; gives how many it wrote, -1 with `errno` set.
/// - Returns: 0, or the error's number.
@inline(__always)
private func writeAll(_ count: Int, _ write: (_ written: Int) -> Int) -> Int32 {
    var written = 0
    while written < count {
        let result = retrying { write(written) }
        if result <= 0 { return result < 0 ? errno : EIO }
        written += result
    }
    return 0
}

/// Calls with where the pieces are in memory.
private func withVectors<Result>(
    of pieces: ArraySlice<ByteBuffer>,
    behind vectors: [iovec] = [],
    _ body: ([iovec]) -> Result
) -> Result {
    guard let piece = pieces.first else { return body(vectors) }
    return piece.withUnsafeReadableBytes { bytes in
        let vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        return withVectors(of: pieces.dropFirst(), behind: vectors + [vector], body)
    }
}

extension ArraySlice<iovec> {
    /// Drops what has been written.
    fileprivate mutating func drop(bytes count: Int) {
        var count = count
        while let vector = first, count >= vector.iov_len {
            count -= vector.iov_len
            removeFirst()
        }
        guard count > 0 else { return }
        self[startIndex].iov_base += count
        self[startIndex].iov_len -= count
    }
}

private func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

@inline(never)
private func lastError(_ operation: StorageError.Operation, _ path: String) -> StorageError {
    StorageError(operation: operation, path: path, code: errno)
}
