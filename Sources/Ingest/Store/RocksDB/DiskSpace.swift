internal import Glibc

/// Looks after the space that has to stay free on a store's disk.
///
/// Below the reserve commits are refused: what RocksDB holds in memory must still fit when it is written to table files.
/// Well before that merging of table files stops, as it needs as much again as what it merges. Libraries of RocksDB that
/// were built with its assertions, such as Debian's, end the process when a merge runs out of space.
struct DiskSpace {
    private let path: String
    private let reserve: UInt64
    private let mayMerge: Bool
    /// Whether table files are being merged now.
    private(set) var isMerging: Bool

    /// Looks at the disk of a folder that is there.
    init(path: String, reserve: UInt64, mayMerge: Bool) throws(StoreError) {
        self.path = path
        self.reserve = reserve
        self.mayMerge = mayMerge
        isMerging = false
        let free = try free()
        isMerging = mayMerge && allowsMerging(free)
    }

    /// The bytes that are free for us.
    func free() throws(StoreError) -> UInt64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            throw .failed(operation: "statvfs \(path)", message: String(cString: strerror(errno)))
        }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    /// Merging goes on down to twice the reserve, and begins again at three times: it is not to flap.
    private func allowsMerging(_ free: UInt64) -> Bool {
        free / (isMerging ? 2 : 3) >= reserve
    }

    /// Takes a look; gives whether merging has to be switched on or off, nil if it stays as it is.
    mutating func look(_ free: UInt64) -> Bool? {
        let isAllowed = mayMerge && allowsMerging(free)
        guard isAllowed != isMerging else { return nil }
        isMerging = isAllowed
        return isAllowed
    }

    /// Throws ``StoreError/noSpace(operation:message:)`` if no more may be written.
    func check(_ free: UInt64) throws(StoreError) {
        guard free < reserve else { return }
        throw .noSpace(operation: "commit", message: "\(free) bytes are free at \(path), \(reserve) have to stay so")
    }
}
