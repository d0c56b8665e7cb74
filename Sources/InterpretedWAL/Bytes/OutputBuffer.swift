internal import PostgresWAL

/// A growable byte buffer that an encoder writes into and that is used again for the next message.
///
/// It owns its memory alone: it is moved, never copied. Appending grows it by doubling; ``removeAll(keepingCapacity:)``
/// keeps the memory, so a warm buffer allocates nothing. A hot path reserves once for a whole record and then writes
/// through ``writePointer`` with the pointer-level functions of ``Varint`` and ``BigEndian``:
///
/// ```
/// buffer.reserve(upperBound)
/// var pointer = buffer.writePointer
/// pointer = Varint.write(length, at: pointer)
/// buffer.commit(upTo: pointer)
/// ```
///
/// Traps when a size would not fit in `Int` or the allocator gives no memory.
@frozen
public struct OutputBuffer: ~Copyable {
    @usableFromInline
    var start: UnsafeMutableRawPointer
    @usableFromInline
    var written: Int
    /// The bytes that fit without growing.
    public private(set) var capacity: Int

    /// Makes an empty buffer with room for at least `minimumCapacity` bytes.
    public init(minimumCapacity: Int = 0) {
        precondition(minimumCapacity >= 0, "capacity below zero")
        start = UnsafeMutableRawPointer.allocate(byteCount: minimumCapacity, alignment: 16)
        capacity = minimumCapacity
        written = 0
    }

    deinit {
        start.deallocate()
    }

    /// The number of bytes written so far.
    @inlinable
    public var count: Int { written }

    /// Makes room for `additional` more bytes.
    @inlinable
    public mutating func reserve(_ additional: Int) {
        if capacity &- count < additional { grow(by: additional) }
    }

    @usableFromInline
    @inline(never)
    mutating func grow(by additional: Int) {
        let needed = count + additional
        let newCapacity = max(needed, capacity.multipliedReportingOverflow(by: 2).partialValue, 256)
        let newStart = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        newStart.copyMemory(from: start, byteCount: count)
        start.deallocate()
        start = newStart
        capacity = newCapacity
    }

    /// Empties the buffer; its memory is kept for the next message unless `keepingCapacity` is false.
    public mutating func removeAll(keepingCapacity: Bool = true) {
        written = 0
        guard !keepingCapacity else { return }
        start.deallocate()
        start = UnsafeMutableRawPointer.allocate(byteCount: 0, alignment: 16)
        capacity = 0
    }

    /// Drops what was written after the first `newCount` bytes.
    ///
    /// Traps if there are fewer.
    @inlinable
    public mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count, "truncation beyond the written bytes")
        written = newCount
    }
}

/// The buffer is the only owner of its memory, so it may move to another thread.
extension OutputBuffer: @unchecked Sendable {}

// MARK: - Writing

extension OutputBuffer {
    /// Where the next byte goes.
    ///
    /// Valid until the buffer is written to in another way. Writing up to the reserved number of bytes from here is allowed; they count once ``commit(upTo:)`` is called.
    @inlinable
    public var writePointer: UnsafeMutableRawPointer { start + count }

    /// Takes over what was written from ``writePointer`` up to `end`.
    ///
    /// Traps if `end` is outside of the room reserved.
    @inlinable
    public mutating func commit(upTo end: UnsafeMutableRawPointer) {
        let newCount = end - start
        precondition(newCount >= count && newCount <= capacity, "written beyond the reserved room")
        written = newCount
    }

    /// Appends one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        commit(upTo: BigEndian.write(byte, at: writePointer))
    }

    /// Appends bytes.
    @inlinable
    public mutating func append(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Appends bytes.
    @inlinable
    public mutating func append(_ bytes: [UInt8]) {
        append(bytes.span.bytes)
    }

    /// Appends bytes.
    @inlinable
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        let pointer = writePointer
        pointer.copyMemory(from: source, byteCount: bytes.count)
        commit(upTo: pointer + bytes.count)
    }

    /// Appends an integer, most significant byte first.
    @inlinable
    public mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        reserve(MemoryLayout<Value>.size)
        commit(upTo: BigEndian.write(value, at: writePointer))
    }

    /// Appends an integer as a protobuf varint.
    @inlinable
    public mutating func append(varint value: UInt64) {
        reserve(Varint.maximumSize)
        commit(upTo: Varint.write(value, at: writePointer))
    }
}

// MARK: - Reading

extension OutputBuffer {
    /// The bytes written so far.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = RawSpan(_unsafeStart: start, byteCount: count)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// Calls `body` with the bytes written so far; they must not be kept.
    @inlinable
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// A copy of the bytes written so far.
    public var array: [UInt8] {
        bytes.array
    }
}
