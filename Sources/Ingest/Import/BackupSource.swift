internal import Glibc

/// A base backup.
public enum BackupSource: Hashable, Sendable {
    /// A data directory: one that `pg_basebackup` made, or that of a server that was shut down.
    case directory(String)
    /// The archive `base.tar` that `pg_basebackup -Ft` made, not compressed.
    case archive(String)

    /// Its path.
    public var path: String {
        switch self {
        case .directory(let path), .archive(let path): path
        }
    }

    /// Visits all files; paths are below the data directory.
    func visitFiles(_ visit: (_ name: String, BackupFile) throws(ImportError) -> Void) throws(ImportError) {
        switch self {
        case .directory(let path): try visitDirectory(path, below: nil, visit)
        case .archive(let path):
            try withOpenFile(path) { descriptor, size throws(ImportError) in
                var reader = TarReader(descriptor: descriptor, size: size, path: path)
                while let (name, file) = try reader.next() { try visit(name, file) }
            }
        }
    }

    private func visitDirectory(
        _ path: String,
        below parent: String?,
        _ visit: (_ name: String, BackupFile) throws(ImportError) -> Void
    ) throws(ImportError) {
        guard let directory = opendir(path) else { throw .system("open", path) }
        defer { closedir(directory) }
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw .system("list", path) }
                return
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let relative = parent.map { "\($0)/\(name)" } ?? name
            if name == "." || name == ".." || BackupSource.isPassedOver(relative) { continue }
            let absolute = "\(path)/\(name)"
            var status = stat()
            guard lstat(absolute, &status) == 0 else { throw .system("stat", absolute) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                try visitDirectory(absolute, below: relative, visit)
            case S_IFREG:
                try withOpenFile(absolute) { descriptor, size throws(ImportError) in
                    try visit(
                        relative,
                        BackupFile(descriptor: descriptor, path: absolute, start: 0, size: size)
                    )
                }
            default:
                if relative.hasPrefix("pg_tblspc/") { throw ImportError(absolute, .tablespace) }
            }
        }
    }

    /// Whether a file or folder can't hold anything that is imported; large ones need not be opened.
    private static func isPassedOver(_ name: String) -> Bool {
        ["pg_wal", "log", "pg_replslot", "pg_logical", "pg_stat", "pg_stat_tmp", "pg_subtrans"].contains(name)
            || name.hasSuffix("/pgsql_tmp")
    }
}
