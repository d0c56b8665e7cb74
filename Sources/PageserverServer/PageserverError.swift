internal import Glibc
package import Ingest
package import ServerSupport

/// Why a pageserver can't start, or an import was not made.
package enum PageserverError: Error, Sendable {
    /// A file or folder could not be had; the system's number of the error.
    case system(_ operation: String, _ path: String, _ code: Int32)
    /// What says what a shard is can't be read.
    case notAShard(path: String, text: String)
    /// The folder is that of another shard.
    case misplaced(path: String, TimelineShard)
    /// A shard's store can't be opened.
    case store(path: String, StoreError)
    /// A shard can't be opened.
    case ingest(IngestError)
    /// There is such a shard already.
    case shardExists(path: String)
    /// A backup could not be imported.
    case backup(ImportError)
    /// The file for the token has none.
    case noToken(path: String)
    /// The address can't be listened at.
    case listen(ListenAddress, reason: String)
}

extension PageserverError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .system(let operation, let path, let code):
            "can't \(operation) \(path): \(String(cString: strerror(code)))"
        case .notAShard(let path, let text): "\(path) does not say what the shard is: \(text)"
        case .misplaced(let path, let shard): "\(path) is no place for \(shard)"
        case .store(let path, let error): "\(path): \(error)"
        case .ingest(let error): "\(error)"
        case .shardExists(let path): "there is a shard in \(path)"
        case .backup(let error): "\(error)"
        case .noToken(let path): "safekeeper_auth_token_path: \(path) has no token"
        case .listen(let address, let reason): "can't listen at \(address) (listen_http_addr): \(reason)"
        }
    }
}
