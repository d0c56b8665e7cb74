internal import Glibc

/// A system call on a file or a folder that failed.
package struct StorageError: Error, Hashable, Sendable {
    /// What was to be done.
    package enum Operation: String, Hashable, Sendable {
        case open
        case read
        case write
        case setLength = "set the length of"
        case length = "get the length of"
        case preallocate
        case synchronize
        case synchronizeDirectory = "synchronize the folder"
        case synchronizeFileSystem = "synchronize the file system of"
        case makeDirectory = "make the folder"
        case removeDirectory = "remove the folder"
        case lock
        case rename
        case unlink
        case list
    }

    /// What was to be done.
    package let operation: Operation
    /// To which file or folder; for an open file the path it was opened by.
    package let path: String
    /// The `errno` value.
    package let code: Int32

    package init(operation: Operation, path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// Whether the disk or a quota is full: the operation can succeed later.
    package var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT }

    /// Whether the file or the folder isn't there.
    package var isNotFound: Bool { code == ENOENT }

    /// Whether there is something where something new was to be made.
    package var alreadyExists: Bool { code == EEXIST }

    /// Whether a file was wanted and a folder is there.
    package var isDirectory: Bool { code == EISDIR }
}

extension StorageError: CustomStringConvertible {
    /// The operation, the path, and the system's text for the cause.
    package var description: String {
        "can't \(operation.rawValue) \(path): \(String(cString: strerror(code)))"
    }
}
