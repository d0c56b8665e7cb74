internal import Glibc

/// What the operating system says about this process, under the names that Prometheus' client libraries use.
///
/// Everything comes from `/proc` and system calls that don't wait. Source: `safekeeper-operations.md` §3.3.
package struct ProcessMetrics: Sendable {
    private let revision: String
    private let buildTag: String

    /// - Parameters:
    ///   - revision: what was built, as `git:<commit>` or `git-env:<commit>`.
    ///   - buildTag: which build it is, as `build_tag:<tag>`.
    package init(revision: String, buildTag: String) {
        self.revision = revision
        self.buildTag = buildTag
    }

    /// Writes the metrics; those that can't be found out are left out.
    package func collect(into exposition: inout MetricsExposition) {
        collectStatus(&exposition)
        collectUsage(&exposition)
        if let count = Self.openFileCount() {
            exposition.metric("process_open_fds", .gauge, help: "Open file descriptors", .integer(count))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            exposition.metric(
                "process_max_fds",
                .gauge,
                help: "How many file descriptors may be open",
                .integer(UInt64(limit.rlim_cur))
            )
        }
        exposition.metric("libmetrics_build_info", .gauge, help: "What was built; always 1") { samples in
            samples.sample(
                .integer(1),
                labels: MetricLabels([("revision", revision), ("build_tag", buildTag)])
            )
        }
    }

    private func collectStatus(_ exposition: inout MetricsExposition) {
        guard let status = ProcessStatus.read() else { return }
        exposition.metric(
            "process_cpu_seconds_total",
            .counter,
            help: "Seconds of processor time, in user and system mode",
            .real(status.processorSeconds)
        )
        exposition.metric(
            "process_resident_memory_bytes",
            .gauge,
            help: "Bytes of memory in use",
            .integer(status.residentBytes)
        )
        exposition.metric(
            "process_virtual_memory_bytes",
            .gauge,
            help: "Bytes of address space in use",
            .integer(status.virtualBytes)
        )
        exposition.metric("process_threads", .gauge, help: "Threads", .integer(status.threads))
        if let boot = ProcessStatus.bootTime() {
            exposition.metric(
                "process_start_time_seconds",
                .gauge,
                help: "When the process was started, in seconds since 1970",
                .real(boot + status.startedAfterBoot)
            )
        }
    }

    private func collectUsage(_ exposition: inout MetricsExposition) {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return }
        exposition.metric("libmetrics_maxrss_kb", .gauge, help: "Most memory ever in use, in KiB") { samples in
            samples.sample(.integer(UInt64(usage.ru_maxrss)))
        }
        exposition.metric(
            "libmetrics_disk_io_bytes_total",
            .gauge,
            help: "Bytes read from and written to disks"
        ) { samples in
            for (operation, blocks) in [("read", usage.ru_inblock), ("write", usage.ru_oublock)] {
                samples.sample(.integer(UInt64(blocks) * 512), labels: MetricLabels([("io_operation", operation)]))
            }
        }
    }

    private static func openFileCount() -> UInt64? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count: UInt64 = 0
        while readdir(folder) != nil { count += 1 }
        // Without ".", ".." and the folder that was just opened.
        return count >= 3 ? count - 3 : nil
    }
}

/// The line in `/proc/self/stat`; see proc(5).
private struct ProcessStatus {
    let processorSeconds: Double
    let threads: UInt64
    let startedAfterBoot: Double
    let virtualBytes: UInt64
    let residentBytes: UInt64

    static func read() -> ProcessStatus? {
        // The second field, the program's name in parentheses, can hold anything.
        guard let line = contents(of: "/proc/self/stat"), let end = line.lastIndex(of: ")") else { return nil }
        let fields = line[end...].dropFirst().split(separator: " ").map { UInt64($0) }
        // The first one here is the line's third.
        func field(_ number: Int) -> UInt64? { number - 3 < fields.count ? fields[number - 3] : nil }
        guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
            let size = field(23), let pages = field(24)
        else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return ProcessStatus(
            processorSeconds: Double(user + system) / ticks,
            threads: threads,
            startedAfterBoot: Double(start) / ticks,
            virtualBytes: size,
            residentBytes: pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        )
    }

    /// When the machine was started, in seconds since 1970.
    static func bootTime() -> Double? {
        contents(of: "/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst(6)) }
    }

    /// A file of the system's, which has no length.
    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            let room = 16 << 10
            let start = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: room))
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + start, room) }
            bytes.removeLast(room - max(count, 0))
            if count <= 0 { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
