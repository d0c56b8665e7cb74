import Foundation
import Glibc

/// What the kernel counts of a process.
package enum ProcessUsage {
    /// Processor time of all its threads, user and system, in seconds.
    package static func processorSeconds(of pid: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The name, in parentheses, may hold anything; the fields behind it are numbered from 3.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
            throw HarnessError("/proc/\(pid)/stat says \(text)")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// The most memory that it has had resident, in bytes.
    package static func peakResidentBytes(of pid: Int32) throws -> UInt64 {
        try memory("VmHWM", in: "status", of: pid)
    }

    /// The memory that it has resident, in bytes.
    package static func residentBytes(of pid: Int32) throws -> UInt64 {
        try memory("VmRSS", in: "status", of: pid)
    }

    /// The same with each page that is shared divided by the number of those who share it, in bytes.
    package static func proportionalBytes(of pid: Int32) throws -> UInt64 {
        try memory("Pss", in: "smaps_rollup", of: pid)
    }

    private static func memory(_ name: String, in file: String, of pid: Int32) throws -> UInt64 {
        let text = try String(contentsOfFile: "/proc/\(pid)/\(file)", encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
            if let number = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ UInt64($0) }) {
                return number * 1024
            }
        }
        throw HarnessError("/proc/\(pid)/\(file) has no \(name)")
    }
}
