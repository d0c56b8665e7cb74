internal import PostgresWAL

/// What a backup says of itself: where its WAL begins, and the counters at that point.
///
/// Found in a first pass: values need their LSN, and archives have the control file at their end.
///
/// Source: `ingest.md` §3.8, §3.10.
struct BackupDescription {
    /// Where the WAL begins that has to be ingested.
    private(set) var start: LSN
    /// Whether the files were copied from a running server, so that they may be newer than ``start``.
    private(set) var isFromRunningServer: Bool
    private(set) var controlFile: [UInt8]
    private(set) var checkpoint: CheckPoint
    /// The record before ``start``, if the backup knows it; else 0/0.
    private(set) var previousRecord = LSN.invalid

    init(_ source: BackupSource, version: PostgresMajorVersion) throws(ImportError) {
        var files: [DataFile: [UInt8]] = [:]
        try source.visitFiles { name, file throws(ImportError) in
            let kind = try DataFile(name, path: file.path)
            guard [.version, .controlFile, .backupLabel, .previousRecord].contains(kind) else { return }
            files[kind] = try file.content(atMost: 1 << 16)
        }
        try BackupDescription.check(files[.version], is: version, source.path)
        guard let control = files[.controlFile] else {
            throw ImportError("\(source.path)/global/pg_control", .missing)
        }
        controlFile = control
        let fields = try ControlFileFields(control, path: source.path)
        checkpoint = fields.checkpoint
        if let label = files[.backupLabel] {
            start = try BackupDescription.start(of: label, source.path)
            isFromRunningServer = true
        } else {
            start = try fields.shutdownPosition(path: source.path)
            isFromRunningServer = false
        }
        if let signal = files[.previousRecord] { previousRecord = BackupDescription.previousRecord(in: signal) }
    }

    private static func check(
        _ content: [UInt8]?,
        is version: PostgresMajorVersion,
        _ path: String
    ) throws(ImportError) {
        let path = "\(path)/PG_VERSION"
        guard let content else { throw ImportError(path, .missing) }
        let text = String(decoding: content.prefix { $0 > 0x20 }, as: UTF8.self)
        guard text == "\(version.rawValue)" else { throw ImportError(path, .otherVersion(found: text)) }
    }

    /// Where a backup began, from the lines of its label.
    private static func start(of label: [UInt8], _ path: String) throws(ImportError) -> LSN {
        let path = "\(path)/backup_label"
        var start: LSN?
        for line in String(decoding: label, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
            guard parts.count == 2 else { continue }
            if parts[0] == "START WAL LOCATION" { start = LSN(String(parts[1].prefix { $0 != " " })) }
            if parts[0] == "BACKUP FROM", parts[1] != "primary" { throw ImportError(path, .fromStandby) }
        }
        guard let start, start.isValid else { throw ImportError(path, .noStart) }
        return start.recordAligned
    }

    private static func previousRecord(in signal: [UInt8]) -> LSN {
        let text = String(decoding: signal, as: UTF8.self)
        guard text.hasPrefix("PREV LSN: ") else { return .invalid }
        return LSN(String(text.dropFirst(10))) ?? .invalid
    }
}

/// The fields of `pg_control` that count here; they are in the same place in PostgreSQL 14 to 17.
private struct ControlFileFields {
    let state: UInt32
    let checkpointPosition: LSN
    let checkpoint: CheckPoint

    private static let size = 292
    private static let shutDown: UInt32 = 1

    init(_ bytes: [UInt8], path: String) throws(ImportError) {
        let path = "\(path)/global/pg_control"
        guard bytes.count >= ControlFileFields.size else { throw ImportError(path, .size(bytes.count)) }
        let span = bytes.span.bytes
        guard span.extracting(first: 288).crc32c == span.littleEndian(at: 288, as: UInt32.self) else {
            throw ImportError(path, .checksum)
        }
        state = span.littleEndian(at: 16)
        checkpointPosition = LSN(span.littleEndian(at: 32))
        guard let checkpoint = CheckPoint(span.extracting(40..<128)) else {
            throw ImportError(path, .size(bytes.count))
        }
        self.checkpoint = checkpoint
    }

    /// Where the WAL begins that the checkpoint of a shutdown is in.
    func shutdownPosition(path: String) throws(ImportError) -> LSN {
        let path = "\(path)/global/pg_control"
        guard state == ControlFileFields.shutDown else { throw ImportError(path, .notShutDown(state: state)) }
        guard checkpoint.redo == checkpointPosition.rawValue else {
            throw ImportError(path, .checkpoint(checkpointPosition, redo: LSN(checkpoint.redo)))
        }
        return checkpointPosition.recordAligned
    }
}
