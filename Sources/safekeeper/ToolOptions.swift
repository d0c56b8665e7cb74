import ArgumentParser
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer

/// What else the program does.
struct ToolOptions: ParsableArguments {
    @Flag(name: .customLong("init"), help: "Store the number of --id in the data directory, and end.")
    var initialize = false
    @Flag(help: "Print a configuration file with every key explained, and end.")
    var printConfig = false
    @Option(help: ArgumentHelp("Print that control file as one line of JSON, and end.", valueName: "path"))
    var dumpControlFile: String?

    /// Prints a control file.
    func dump(_ path: String) throws {
        let fileSystem = PosixFileSystem()
        let bytes = try fileSystem.with(path, .read) { (file) throws(StorageError) -> [UInt8] in
            let length = try fileSystem.length(of: file)
            let size = Int(min(length, UInt64(ControlFile.maximumFileSize) + 1))
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
            defer { buffer.deallocate() }
            return Array(buffer[..<(try fileSystem.read(into: buffer, from: file, at: 0))])
        }
        print(try ControlFile(decoding: bytes.span.bytes).json.text)
    }
}
