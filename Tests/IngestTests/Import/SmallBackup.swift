import CChecksum
import Ingest
import PostgresWAL
import TestFixtures

/// The smallest backup: files by path, as a folder or as an archive.
struct SmallBackup {
    var files: [(name: String, content: [UInt8])] = []

    /// PostgreSQL 15, stopped, with a database of one relation.
    static func stopped() -> SmallBackup {
        var backup = SmallBackup()
        backup.files = [
            ("PG_VERSION", Array("15\n".utf8)),
            ("base/5/PG_VERSION", Array("15\n".utf8)),
            ("base/5/pg_filenode.map", [1, 2, 3]),
            ("base/5/16384", page(1) + page(2)),
            ("base/5/16384_vm", page(3)),
            ("base/5/16384_fsm", page(4) + page(4)),
            ("base/5/16385_init", page(5)),
            ("base/5/16386", []),
            ("base/5/pg_internal.init", [9]),
            ("base/5/t3_16999", [9]),
            ("global/1260", page(6)),
            ("global/pg_filenode.map", [4]),
            ("global/pg_internal.init", [9]),
            ("pg_xact/0000", page(7) + page(8)),
            ("pg_multixact/offsets/0000", page(9)),
            ("pg_multixact/members/000A", page(10)),
            ("pg_twophase/000002E5", [0xDE, 0xAD] + checksum(of: [0xDE, 0xAD])),
            ("pg_wal/000000010000000000000001", [1, 2, 3]),
            ("postgresql.conf", Array("x".utf8)),
            ("global/pg_control", controlFile(state: 1, position: LSN(0x2000028), redo: LSN(0x2000028))),
        ]
        return backup
    }

    static let label = """
        START WAL LOCATION: 0/3000028 (file 000000010000000000000003)
        CHECKPOINT LOCATION: 0/3000060
        BACKUP METHOD: streamed
        BACKUP FROM: primary
        START TIME: 2026-01-01 00:00:00 UTC
        LABEL: pg_basebackup base backup
        START TIMELINE: 1

        """

    /// The same while the server runs.
    static func running() -> SmallBackup {
        var backup = stopped()
        backup.files.insert(("backup_label", Array(label.utf8)), at: 0)
        backup.replace("global/pg_control", controlFile(state: 6, position: LSN(0x3000060), redo: LSN(0x3000028)))
        return backup
    }

    mutating func replace(_ name: String, _ content: [UInt8]?) {
        let index = files.firstIndex { $0.name == name }
        if let index { files.remove(at: index) }
        if let content { files.append((name, content)) }
    }

    static func checkpoint(redo: LSN) -> CheckPoint {
        var checkpoint = CheckPoint.zero
        checkpoint.redo = redo.rawValue
        checkpoint.nextXID = 1000
        return checkpoint
    }

    static func checksum(of bytes: [UInt8]) -> [UInt8] {
        littleEndian(bytes.withUnsafeBytes { ~cchecksum_crc32c(~0, $0.baseAddress, $0.count) })
    }

    static func controlFile(state: UInt32, position: LSN, redo: LSN) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 8192)
        bytes.setLittleEndian(state, at: 16)
        bytes.setLittleEndian(position.rawValue, at: 32)
        bytes.replaceSubrange(40..<128, with: checkpoint(redo: redo).bytes)
        bytes.replaceSubrange(288..<292, with: checksum(of: Array(bytes[0..<288])))
        return bytes
    }

    // MARK: - Forms

    func write(to folder: TemporaryFolder) throws -> BackupSource {
        for (name, content) in files {
            try makeFolder(folder.path(of: name))
            try folder.write(content, to: name)
        }
        return .directory(folder.path)
    }

    func archive(in folder: TemporaryFolder) throws -> BackupSource {
        try folder.write(archived, to: "base.tar")
        return .archive(folder.path(of: "base.tar"))
    }

    var archived: [UInt8] {
        var archive: [UInt8] = []
        for (name, content) in files {
            archive += SmallBackup.header(name, size: content.count) + content
            archive += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
        }
        return archive + [UInt8](repeating: 0, count: 1024)
    }

    static func header(_ name: String, size: Int, type: Character = "0", prefix: String = "") -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        header.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        header.replaceSubrange(124..<135, with: octal(size, digits: 11))
        header.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        header[156] = type.asciiValue ?? 0
        header.replaceSubrange(257..<265, with: Array("ustar".utf8) + [0, 0x30, 0x30])
        header.replaceSubrange(345..<345 + prefix.utf8.count, with: prefix.utf8)
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<154, with: octal(sum, digits: 6))
        header[154] = 0
        return header
    }

    private static func octal(_ value: Int, digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: digits - text.count) + text).utf8)
    }
}
