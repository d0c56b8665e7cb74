internal import Glibc
package import Logging

/// How many files and connections a process may have open.
package enum OpenFileLimit {
    /// Raises the limit to the highest one that the system allows the process.
    ///
    /// The limit that processes begin with, often 1024, is there for programs that use `select`, which none of ours does.
    /// A store has a file for each 64 MiB.
    ///
    /// - Parameter logger: who is told of it, if anybody.
    package static func raise(_ logger: Logger? = nil) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if setrlimit(resource, &limit) == 0 {
            logger?.info("limit of open files raised from \(before) to \(limit.rlim_cur)")
        } else {
            logger?.warning("limit of open files stays \(before): \(String(cString: strerror(errno)))")
        }
    }
}
