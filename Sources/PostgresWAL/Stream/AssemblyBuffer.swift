internal import CChecksum

/// A growing byte buffer that collects a record from several places and is used again for the next one.
///
/// It grows with the bytes that have arrived, never by a declared length. Where only the record's bounds are wanted it
/// keeps no more than its begin, and a running checksum of the rest.
struct AssemblyBuffer: ~Copyable {
    /// What is kept for the next record; more than that is given back.
    static let keptCapacity = 1 << 20
    private static let initialCapacity = 16 << 10
    /// What is kept of a record of which only the bounds are wanted: its header and what names a lost record.
    private static let keptHead = 64

    private var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: initialCapacity, alignment: 16)
    private(set) var count = 0
    /// Whether the record's bytes are only checked.
    private(set) var isOnlyChecked = false
    private var runningChecksum: UInt32 = 0

    deinit { storage.deallocate() }

    /// Bytes that are allocated.
    var capacity: Int { storage.count }

    mutating func removeAll(onlyChecking: Bool = false) {
        count = 0
        isOnlyChecked = onlyChecking
        runningChecksum = ~0
    }

    /// Gives back what one very long record needed.
    ///
    /// The bytes of the last record are gone.
    mutating func trim() {
        guard storage.count > Self.keptCapacity else { return }
        storage.deallocate()
        storage = .allocate(byteCount: Self.initialCapacity, alignment: 16)
        count = 0
    }

    /// Appends bytes of a record that is `total` bytes long in all: no more than that is allocated ahead.
    mutating func append(_ bytes: RawSpan, of total: Int) {
        if isOnlyChecked { return check(bytes) }
        let needed = count + bytes.byteCount
        if needed > storage.count { grow(to: max(needed, min(storage.count * 2, total))) }
        bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            (storage.baseAddress! + count).copyMemory(from: start, byteCount: source.count)
        }
        count = needed
    }

    private mutating func check(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            if count < Self.keptHead {
                let kept = min(source.count, Self.keptHead - count)
                (storage.baseAddress! + count).copyMemory(from: start, byteCount: kept)
            }
            // A record's checksum takes its header last.
            let inHeader = min(max(WALRecord.headerSize - count, 0), source.count)
            runningChecksum = cchecksum_crc32c(runningChecksum, start + inHeader, source.count - inHeader)
        }
        count += bytes.byteCount
    }

    /// The checksum that belongs into the header of a record that was only checked.
    var checksum: UInt32 {
        ~cchecksum_crc32c(runningChecksum, storage.baseAddress!, 20)
    }

    private mutating func grow(to capacity: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[..<count]))
        storage.deallocate()
        storage = larger
    }

    /// The collected bytes; of a record that is only checked, its begin.
    ///
    /// They stay in place until the next `append`, `trim` or the end of the buffer.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: storage[..<(isOnlyChecked ? min(count, Self.keptHead) : count)])
    }
}
