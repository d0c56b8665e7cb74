import Foundation

/// The machine's memory.
enum Memory {
    /// Uses so much of it in pages of 4 KiB and as much in pages of 2 MiB, and frees it again.
    ///
    /// A virtual machine gives free memory back to its host, and its first use costs several times what writing to it does:
    /// two milliseconds for a megabyte of a file where this was measured. Who writes more files would seem to be slow. Small
    /// pages take what is left of large ones that were split, which large writes are also given, and then large ones.
    static func touch(megabytes: Int) throws {
        let small = try use(megabytes: megabytes, advice: MADV_NOHUGEPAGE)
        let large = try use(megabytes: megabytes, advice: MADV_HUGEPAGE)
        for memory in [small, large] { munmap(memory.baseAddress, memory.count) }
    }

    private static func use(megabytes: Int, advice: Int32) throws -> UnsafeMutableRawBufferPointer {
        let size = megabytes << 20
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw POSIXError(.ENOMEM) }
        madvise(memory, size, advice)
        memset(memory, 1, size)
        return UnsafeMutableRawBufferPointer(start: memory, count: size)
    }
}
