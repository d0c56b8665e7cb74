internal import CLibpq

/// The content of one CopyData message, in the memory that libpq put it in.
public final class CopyData: Sendable {
    /// Never written to after `init`, freed in `deinit`, and nobody else knows of it.
    private nonisolated(unsafe) let memory: UnsafeMutablePointer<CChar>
    /// The number of bytes.
    public let count: Int

    /// Takes over memory that libpq has allocated.
    init(owning memory: UnsafeMutablePointer<CChar>, count: Int) {
        self.memory = memory
        self.count = count
    }

    /// Makes a message of one's own, a copy of these bytes.
    package convenience init(copying bytes: RawSpan) {
        let count = bytes.byteCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
        if count > 0 { bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: count) } }
        self.init(owning: memory.bindMemory(to: CChar.self, capacity: max(count, 1)), count: count)
    }

    deinit {
        PQfreemem(memory)
    }

    /// The bytes.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = RawSpan(_unsafeStart: UnsafeRawPointer(memory), byteCount: count)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// Calls `body` with the bytes, which must not be kept.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }
}
