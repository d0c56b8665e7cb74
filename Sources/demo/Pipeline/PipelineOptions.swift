import Foundation

/// What a run of the whole way is to be.
struct PipelineOptions {
    /// How WAL goes to the pageserver.
    enum WireProtocol: String, CaseIterable {
        case interpreted, vanilla

        /// As the pageserver's setting has it.
        var json: String {
            switch self {
            case .interpreted:
                #"{"type":"interpreted","args":{"format":"protobuf","compression":{"zstd":{"level":1}}}}"#
            case .vanilla: #"{"type":"vanilla"}"#
            }
        }

        var words: String {
            switch self {
            case .interpreted: "interpreted: protobuf, zstd level 1"
            case .vanilla: "vanilla: raw WAL to every shard"
            }
        }
    }

    /// Seconds of pgbench, or of watching a server of the user's.
    var seconds: Int
    /// Rows of the bulk load.
    var rows: Int
    /// Rows that are loaded each second beside pgbench, all the time.
    var steadyRows: Int
    var major: Int
    var shards: UInt8
    var stripeSize: UInt32
    var wireProtocol: WireProtocol
    /// The user's own server; nil for one of the demo's.
    var connection: String?
    /// The folder with `safekeeper`, `pageserver` and `walctl`.
    var programs: String
    /// The folder with `safekeeper.toml` and `pageserver.toml`.
    var configuration: String

    /// The load in words.
    var load: String {
        guard connection == nil else { return "the server's own" }
        let steady = steadyRows == 0 ? "" : " beside \(Quantity.count(steadyRows)) rows a second in bulk"
        return "\(seconds) s of pgbench\(steady), then a bulk load of \(Quantity.count(rows)) rows"
    }

    /// The path of a program.
    ///
    /// - Throws: ``DemoError`` if it is not there.
    func program(_ name: String) throws -> String {
        let path = "\(programs)/\(name)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw DemoError(description: "there is no \(path): run `make build`")
        }
        return path
    }

    /// Where this program is, and the others that were built with it.
    static var ownFolder: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return URL(fileURLWithPath: path).deletingLastPathComponent().path
    }

    /// The folder `config` of the sources that this was built of.
    static var ownConfiguration: String {
        URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../config").standardized.path
    }
}
