import Foundation

/// A file's text; empty if it cannot be read.
func readFile(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
}

/// Replaces a file, readable by everybody: servers run under another account.
func writeFile(_ text: String, to path: String) throws {
    let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o644]
    guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: attributes) else {
        throw HarnessError("could not write \(path)")
    }
}

/// Adds a line to a file, keeping its owner.
func appendLine(_ line: String, to path: String) throws {
    guard let file = FileHandle(forWritingAtPath: path) else { throw HarnessError("could not open \(path)") }
    try file.seekToEnd()
    try file.write(contentsOf: Data("\(line)\n".utf8))
    try file.close()
}

/// Deletes a folder and everything in it.
package func deleteTree(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
}

/// The names in a folder, sorted.
func namesInFolder(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

/// The processes whose parent is `parent`.
func childProcesses(of parent: pid_t) -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { pid in
        // "pid (name) state parent …"; the name may hold anything, so look after the last parenthesis.
        let fields = readFile("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 1 && fields[1] == "\(parent)"
    }
}
