package import ServerSupport

/// Why a safekeeper can't start.
package enum StartError: Error, Sendable {
    /// There is no such data directory.
    case dataDirectory(StorageError)
    /// Another process uses it; nil if its number is not known.
    case inUse(directory: String, process: String?)
    /// It can't be used, or belongs to another safekeeper.
    case directory(DataDirectoryError)
    /// A setting names keys or certificates that can't be read.
    case setting(key: String, reason: String)
    /// An address can't be listened at.
    case listen(key: String, ListenAddress, reason: String)
    /// What is in the data directory can't be read.
    case storage(StorageError)
}

extension StartError {
    /// What the system says of an address that can't be had.
    static func listen(_ key: String, _ address: ListenAddress, _ error: any Error) -> StartError {
        .listen(key: key, address, reason: ListenAddress.reason(of: error))
    }
}

extension StartError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .dataDirectory(let error): "data directory: \(error)"
        case .inUse(let directory, let process):
            "data directory \(directory) is used by process \(process ?? "unknown"): file is already locked"
        case .directory(let error): "\(error)"
        case .setting(let key, let reason): "\(key): \(reason)"
        case .listen(let key, let address, let reason): "can't listen at \(address) (\(key)): \(reason)"
        case .storage(let error): "\(error)"
        }
    }
}
