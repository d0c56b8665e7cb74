/// Integers with the most significant byte first, written through raw pointers.
///
/// Source: `wal-interpretation.md` §9.
public enum BigEndian {
    /// Writes `value` at `pointer`, which needs no alignment, and gives the position after it.
    @inlinable
    @inline(__always)
    public static func write<Value: FixedWidthInteger>(
        _ value: Value,
        at pointer: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        pointer.storeBytes(of: value.bigEndian, as: Value.self)
        return pointer + MemoryLayout<Value>.size
    }
}
