internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

/// What the bytes of a stored version are.
///
/// Images and records are in the form that the stream has too. Two more are ours:
///
/// - A copy stands for everything that is stored for another key up to an LSN. It makes a database that was copied file by
///   file as large as its list of blocks.
/// - A first value is one that needs an earlier page, of a block that was cut off by a truncation and has come back. What
///   is stored from before the truncation is not that page.
///
/// Source: `ingest.md` §3.3 for images and records.
enum StoredForm {
    case value(StoredValue)
    case copy(of: Key, atOrBelow: LSN)
    case first(StoredValue)

    private static let copyVariant: UInt32 = 2
    private static let firstVariant: UInt32 = 3

    init(decoding bytes: RawSpan) throws(BincodeError) {
        var reader = BincodeReader(bytes)
        switch try reader.readVariant() {
        case StoredForm.copyVariant:
            self = try StoredForm(copy: &reader)
        case StoredForm.firstVariant:
            self = .first(try StoredValue(decoding: bytes.extracting(droppingFirst: 4)))
        default:
            self = .value(try StoredValue(decoding: bytes))
        }
    }

    private init(copy reader: inout BincodeReader) throws(BincodeError) {
        let key = Key(
            field1: try reader.read(),
            field2: try reader.read(),
            field3: try reader.read(),
            field4: try reader.read(),
            field5: try reader.read(),
            field6: try reader.read()
        )
        self = .copy(of: key, atOrBelow: LSN(try reader.read()))
        try reader.finish()
    }

    /// The stored bytes of a copy.
    static func encodedCopy(of key: Key, atOrBelow lsn: LSN) -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 30)
        buffer.append(bigEndian: copyVariant)
        buffer.append(key.bytes)
        buffer.append(bigEndian: lsn.rawValue)
        return buffer.array
    }

    /// The stored bytes of a first value, of the value's own.
    static func encodedFirst(_ value: RawSpan) -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 4 + value.byteCount)
        buffer.append(bigEndian: firstVariant)
        buffer.append(value)
        return buffer.array
    }

    /// The content of an image; nil if the bytes are anything else.
    @_lifetime(copy bytes)
    static func imageContent(of bytes: RawSpan) -> RawSpan? {
        guard bytes.byteCount >= StoredValue.imageHeaderSize else { return nil }
        let variant = bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self).bigEndian
        let length = bytes.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt64.self).bigEndian
        guard variant == 0, length == UInt64(bytes.byteCount - StoredValue.imageHeaderSize) else { return nil }
        return bytes.extracting(droppingFirst: StoredValue.imageHeaderSize)
    }
}

extension VersionedStore {
    /// The image that is the newest version of a key at or below `lsn`; nil if there is no version.
    func image(of key: Key, atOrBelow lsn: LSN) throws(IngestFault) -> [UInt8]? {
        var image: [UInt8]?
        var isFound = false
        do throws(StoreError) {
            try visitVersions(of: key, atOrBelow: lsn) { _, bytes in
                isFound = true
                image = StoredForm.imageContent(of: bytes)?.array
                return false
            }
        } catch {
            throw .store(error)
        }
        if isFound && image == nil { throw .unreadable(key) }
        return image
    }
}
