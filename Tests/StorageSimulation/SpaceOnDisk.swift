internal import Glibc
package import SafekeeperServer

/// What a real file takes.
package struct SpaceOnDisk: Hashable, Sendable {
    /// Its length in bytes.
    package let length: Int
    /// The blocks that it has on the disk, in MiB, rounded.
    package let megabytes: Int

    package init(length: Int, megabytes: Int) {
        (self.length, self.megabytes) = (length, megabytes)
    }

    /// That of an open file.
    package init(of file: OpenFile) {
        var status = stat()
        precondition(fstat(file.descriptor, &status) == 0, "no status of \(file.path)")
        self.init(length: Int(status.st_size), megabytes: (Int(status.st_blocks) * 512 + 524_288) >> 20)
    }
}
