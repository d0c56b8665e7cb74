internal import PostgresWAL

/// Walks over the files of an uncompressed tar archive.
///
/// A file is a header of 512 bytes and its content, filled up to a multiple of 512. Of the header count the name (100
/// bytes, and a prefix of 155 at 345), the size (12 bytes at 124: octal, or 63 bits big-endian after the bit 0x80), the
/// type (at 156) and the checksum (at 148: the sum of all bytes, with blanks in its own place).
///
/// Source: POSIX `pax`, format `ustar`; PostgreSQL's `tarCreateHeader`.
struct TarReader {
    private let descriptor: Int32
    private let size: Int
    private let path: String
    private var offset = 0

    private static let blockSize = 512

    init(descriptor: Int32, size: Int, path: String) {
        self.descriptor = descriptor
        self.size = size
        self.path = path
    }

    /// The next regular file; nil at the archive's end.
    mutating func next() throws(ImportError) -> (name: String, file: BackupFile)? {
        while true {
            let start = offset
            let archive = BackupFile(descriptor: descriptor, path: path, start: 0, size: size)
            guard size - start >= TarReader.blockSize else { throw fault("cut off", at: start) }
            let header = try BackupFile(
                descriptor: descriptor,
                path: path,
                start: start,
                size: TarReader.blockSize
            ).content(atMost: TarReader.blockSize)
            // The end is marked by blocks of zeros.
            if header.allSatisfy({ $0 == 0 }) { return nil }
            guard TarReader.hasChecksum(header), let length = TarReader.number(header[124..<136]) else {
                throw fault("not a header", at: start)
            }
            let content = start + TarReader.blockSize
            guard length <= archive.size - content else { throw fault("a file that is cut off", at: start) }
            let (end, overflow) = (content + length).addingReportingOverflow(TarReader.blockSize - 1)
            guard !overflow else { throw fault("a file that is too large", at: start) }
            offset = end / TarReader.blockSize * TarReader.blockSize

            let name = TarReader.name(header)
            switch header[156] {
            case 0, UInt8(ascii: "0"):
                let file = BackupFile(
                    descriptor: descriptor,
                    path: "\(path):\(name)",
                    start: content,
                    size: length
                )
                return (name, file)
            case UInt8(ascii: "2") where name.hasPrefix("pg_tblspc/"):
                throw ImportError("\(path):\(name)", .tablespace)
            case UInt8(ascii: "L"), UInt8(ascii: "K"), UInt8(ascii: "x"):
                // Names that need more than a header do not occur in data directories.
                throw fault("a header for a long name", at: start)
            default:
                continue
            }
        }
    }

    private func fault(_ what: String, at offset: Int) -> ImportError {
        ImportError(path, .archive(what, offset: offset))
    }

    private static func name(_ header: [UInt8]) -> String {
        let name = String(decoding: header[0..<100].prefix { $0 != 0 }, as: UTF8.self)
        let isUSTAR = header[257..<262].elementsEqual("ustar".utf8)
        let prefix = isUSTAR ? String(decoding: header[345..<500].prefix { $0 != 0 }, as: UTF8.self) : ""
        let whole = prefix.isEmpty ? name : "\(prefix)/\(name)"
        return whole.hasPrefix("./") ? String(whole.dropFirst(2)) : whole
    }

    private static func hasChecksum(_ header: [UInt8]) -> Bool {
        var sum = 0
        for (index, byte) in header.enumerated() {
            sum += (148..<156).contains(index) ? 0x20 : Int(byte)
        }
        return number(header[148..<156]) == sum
    }

    /// A number in a header; nil if it is none or has more than 62 bits.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if let first = field.first, first & 0x80 != 0 {
            var value: UInt64 = UInt64(first & 0x7F)
            for byte in field.dropFirst() {
                guard value >> 54 == 0 else { return nil }
                value = value << 8 | UInt64(byte)
            }
            return Int(exactly: value)
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        var value = 0
        for digit in digits {
            guard (0x30...0x37).contains(digit), value < 1 << 58 else { return nil }
            value = value << 3 | Int(digit - 0x30)
        }
        return value
    }
}
