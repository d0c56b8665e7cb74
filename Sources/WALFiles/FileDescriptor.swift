internal import Glibc
internal import PostgresWAL

/// An open file that is closed with its owner; system calls are repeated when a signal interrupts them.
struct FileDescriptor: ~Copyable {
    private let descriptor: Int32
    let path: String

    init(reading path: String) throws(WALFileError) {
        let descriptor = retrying { open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw systemError("open", path) }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from `offset` on; gives how many bytes there were before the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(WALFileError) -> Int {
        var count = 0
        while count < buffer.count {
            let got = retrying {
                pread(descriptor, buffer.baseAddress! + count, buffer.count - count, off_t(offset + count))
            }
            if got < 0 { throw systemError("read", path) }
            if got == 0 { break }
            count += got
        }
        return count
    }
}

extension FileDescriptor {
    /// The header of the WAL page at `offset`, unvalidated; nil if the file ends before or inside it.
    func pageHeader(at offset: Int) throws(WALFileError) -> WALPageHeader? {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: WALPage.longHeaderSize, alignment: 8)
        defer { bytes.deallocate() }
        let count = try read(into: bytes, at: offset)
        return WALPageHeader(reading: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[..<count])))
    }
}

private func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

func systemError(_ operation: String, _ path: String) -> WALFileError {
    let code = errno
    return .system(operation: operation, path: path, message: String(cString: strerror(code)))
}

/// The names in a folder, in no order.
func fileNames(in path: String) throws(WALFileError) -> [String] {
    guard let directory = opendir(path) else { throw systemError("open", path) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        names.append(name)
    }
    return names
}
