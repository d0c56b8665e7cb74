import Foundation
import TestFixtures

/// A small file system in memory, mounted for one test; only root can do that.
package final class SmallDisk {
    /// Where it is mounted.
    package let path: String

    /// Whether one can be had.
    package static let isAvailable: Bool = {
        guard let folder = try? TemporaryFolder(), mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0 else {
            return false
        }
        umount2(folder.path, Int32(MNT_DETACH))
        return true
    }()

    private let folder: TemporaryFolder

    package init(megabytes: Int) throws {
        folder = try TemporaryFolder()
        path = folder.path
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    /// Fills the disk but for some megabytes.
    package func fill(leaving megabytes: Int) throws {
        var status = statvfs()
        statvfs(path, &status)
        let size = Int(status.f_bavail) * Int(status.f_frsize) - megabytes << 20
        try Data(count: max(0, size)).write(to: URL(fileURLWithPath: "\(path)/filler"))
    }

    /// Makes space again.
    package func free() throws {
        try FileManager.default.removeItem(atPath: "\(path)/filler")
    }
}
