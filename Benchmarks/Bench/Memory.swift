import Foundation

/// The machine's memory.
enum Memory {
    /// Uses so much of it, and frees it again.
    ///
    /// A virtual machine gives free memory back to its host, and its first use costs several times what writing to it does:
    /// two milliseconds for a megabyte of a file where this was measured. Who writes more files would seem to be slow.
    static func touch(megabytes: Int) throws {
        let size = megabytes << 20
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw POSIXError(.ENOMEM) }
        munmap(memory, size)
    }
}
