/// A growing byte buffer that collects a record from several places and is used again for the next one.
///
/// It grows with the bytes that have arrived, never by a declared length.
struct AssemblyBuffer: ~Copyable {
    /// What is kept for the next record; more than that is given back.
    static let keptCapacity = 1 << 20
    private static let initialCapacity = 16 << 10

    private var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: initialCapacity, alignment: 16)
    private(set) var count = 0

    deinit { storage.deallocate() }

    /// Bytes that are allocated.
    var capacity: Int { storage.count }

    mutating func removeAll() {
        count = 0
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
        let needed = count + bytes.byteCount
        if needed > storage.count { grow(to: max(needed, min(storage.count * 2, total))) }
        bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            (storage.baseAddress! + count).copyMemory(from: start, byteCount: source.count)
        }
        count = needed
    }

    private mutating func grow(to capacity: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[..<count]))
        storage.deallocate()
        storage = larger
    }

    /// The collected bytes.
    ///
    /// They stay in place until the next `append`, `trim` or the end of the buffer.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: storage[..<count])
    }
}
