/// A control file that can't be used.
package enum ControlFileError: Error, Hashable, Sendable {
    /// A system call failed.
    case storage(StorageError)
    /// There is already a control file where a new one is to be made.
    case alreadyExists(path: String)
    /// The file is shorter than the shortest one, or longer than any.
    case size(found: UInt64, minimum: Int, maximum: Int)
    /// It doesn't begin with the magic number.
    case magic(found: UInt32)
    /// Its checksum is not that of its bytes.
    case checksum(found: UInt32, computed: UInt32)
    /// It has a version that is not known.
    case version(UInt32)
    /// A field is cut off.
    case truncated(field: String, offset: Int)
    /// A field holds something that it can't.
    case invalid(field: String, offset: Int, found: String)
    /// Bytes follow the last field.
    case trailingBytes(count: Int)
}

extension ControlFileError: CustomStringConvertible {
    /// The message.
    package var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .alreadyExists(let path): "\(path) exists"
        case .size(let found, let minimum, let maximum):
            "safekeeper control file of \(found) bytes, expected \(minimum) to \(maximum)"
        case .magic(let found):
            "bad control file magic: \(hexadecimal(found)), expected \(hexadecimal(ControlFile.magic))"
        case .checksum(let found, let computed):
            "safekeeper control file checksum mismatch: expected \(computed) got \(found)"
        case .version(let version): "unsupported safekeeper control file version \(version)"
        case .truncated(let field, let offset): "safekeeper control file ends inside \(field) at offset \(offset)"
        case .invalid(let field, let offset, let found):
            "safekeeper control file: invalid \(field) at offset \(offset): \(found)"
        case .trailingBytes(let count): "safekeeper control file: \(count) bytes after the last field"
        }
    }
}

private func hexadecimal(_ value: UInt32) -> String {
    String(value, radix: 16, uppercase: true)
}
