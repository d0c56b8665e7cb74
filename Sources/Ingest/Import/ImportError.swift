public import PostgresWAL

/// Why a base backup can't be imported.
public struct ImportError: Error, Hashable, Sendable {
    /// The file of the backup, or the backup itself.
    public let path: String
    /// What is wrong with it.
    public let reason: Reason

    /// What can be wrong with a backup.
    public enum Reason: Error, Hashable, Sendable {
        /// A system call failed.
        case system(operation: String, message: String)
        /// The store failed, or refuses the content.
        case ingest(IngestFault)
        /// The archive is none, or is cut off; found at this offset.
        case archive(String, offset: Int)
        /// A file that should be there isn't.
        case missing
        /// A file in a database's folder that is no relation's, or with a number that does not fit.
        case unknownFile
        /// Data outside of the default tablespaces.
        case tablespace
        /// The content is of another version of PostgreSQL.
        case otherVersion(found: String)
        /// The checksum does not fit the content.
        case checksum
        /// The file is shorter than its form asks for, or no multiple of it.
        case size(Int)
        /// The server was not shut down, and the files do not come from `pg_basebackup` either; its state is this.
        case notShutDown(state: UInt32)
        /// The checkpoint is not where it should be.
        case checkpoint(LSN, redo: LSN)
        /// The backup's label does not say where it began.
        case noStart
        /// The backup was taken from a standby, which does not say where it ends.
        case fromStandby
    }

    init(_ path: String, _ reason: Reason) {
        self.path = path
        self.reason = reason
    }
}

extension ImportError: CustomStringConvertible {
    /// What is wrong, with the path.
    public var description: String { "can't import \(path): \(text)" }

    private var text: String {
        switch reason {
        case .system(let operation, let message): "\(operation): \(message)"
        case .ingest(let fault): "\(fault)"
        case .archive(let what, let offset): "\(what) at offset \(offset) of the archive"
        case .missing: "it is missing"
        case .unknownFile: "it is no file of a relation"
        case .tablespace: "tablespaces are not supported"
        case .otherVersion(let found): "it is of PostgreSQL \(found)"
        case .checksum: "its checksum is wrong"
        case .size(let size): "it can't be \(size) bytes long"
        case .notShutDown(let state): "the server was not shut down (state \(state)), and there is no backup_label"
        case .checkpoint(let lsn, let redo): "the checkpoint is at \(lsn), its redo position at \(redo)"
        case .noStart: "it does not say where the backup began"
        case .fromStandby: "the backup was taken from a standby"
        }
    }
}
