import Glibc

/// What a program that has run to its end left behind.
package struct ToolOutput: Sendable {
    /// The exit status, 128 + n after signal n.
    package let status: Int32
    /// Standard output, as it was.
    package let bytes: [UInt8]
    /// Standard error.
    package let errors: String

    /// Standard output as text, without the last line end.
    package var text: String {
        let end = bytes.last == UInt8(ascii: "\n") ? bytes.count - 1 : bytes.count
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Runs a program to its end.
    ///
    /// Input and output go through unnamed files, so no pipe can fill up.
    static func of(
        _ arguments: [String],
        environment: [String: String],
        input: String = ""
    ) throws -> ToolOutput {
        let inputFile = try UnnamedFile()
        try inputFile.write(input)
        let output = try UnnamedFile()
        let errors = try UnnamedFile()
        let child = try ChildProcess(
            arguments,
            environment: environment,
            streams: .init(input: inputFile.descriptor, output: output.descriptor, errors: errors.descriptor)
        )
        let status = child.wait()
        return ToolOutput(
            status: status,
            bytes: try output.contents(),
            errors: String(decoding: try errors.contents(), as: UTF8.self)
        )
    }

    /// This output if the program succeeded.
    ///
    /// - Throws: ``HarnessError`` with the program's name, status and standard error.
    func checked(_ name: String) throws -> ToolOutput {
        guard status == 0 else { throw HarnessError("\(name) failed with status \(status): \(errors)") }
        return self
    }
}

/// A temporary file without a name: it goes away with this value.
struct UnnamedFile: ~Copyable {
    let descriptor: Int32

    init() throws {
        var template = Array("/tmp/interpreted-wal-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw HarnessError.systemCall("could not make a file in /tmp", code: errno) }
        unlink(template)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit {
        close(descriptor)
    }

    /// Replaces the contents and goes back to the start, where the program will read.
    func write(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw HarnessError.systemCall("could not write a file in /tmp", code: errno) }
            rest = rest.dropFirst(written)
        }
        lseek(descriptor, 0, SEEK_SET)
    }

    /// Everything in the file.
    func contents() throws -> [UInt8] {
        let size = Int(lseek(descriptor, 0, SEEK_END))
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = pread(descriptor, buffer.baseAddress.map { $0 + count }, size - count, off_t(count))
                guard got > 0 else { throw HarnessError.systemCall("could not read a file in /tmp", code: errno) }
                count += got
            }
        }
    }
}
