internal import Glibc
internal import PostgresWAL

/// The content of a file of a backup: a part of an open file, which an archive has many of.
struct BackupFile {
    let descriptor: Int32
    let path: String
    let start: Int
    let size: Int

    /// Reads bytes that are there; throws ``ImportError`` if they are not.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(ImportError) {
        guard offset >= 0, offset <= size, buffer.count <= size - offset else {
            throw ImportError(path, .size(size))
        }
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(start + offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", path) }
            guard count > 0 else { throw ImportError(path, .size(offset + done)) }
            done += count
        }
    }

    /// The whole content of a small file.
    func content(atMost limit: Int) throws(ImportError) -> [UInt8] {
        guard size <= limit else { throw ImportError(path, .size(size)) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { buffer.deallocate() }
        try read(into: buffer, at: 0)
        return UnsafeRawBufferPointer(buffer).bytes.array
    }
}

extension ImportError {
    /// The error that a system call has just left.
    static func system(_ operation: String, _ path: String) -> ImportError {
        ImportError(path, .system(operation: operation, message: String(cString: strerror(errno))))
    }
}

/// Opens a file for the time of a call.
func withOpenFile<Result>(
    _ path: String,
    _ body: (_ descriptor: Int32, _ size: Int) throws(ImportError) -> Result
) throws(ImportError) -> Result {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("stat", path) }
    return try body(descriptor, Int(status.st_size))
}
