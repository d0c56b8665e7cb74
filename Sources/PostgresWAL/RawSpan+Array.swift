extension RawSpan {
    /// A copy of the bytes.
    ///
    /// Not `[UInt8](buffer)`: where the optimiser of Swift 6.3 sees that nobody reads such an array, it frees it before
    /// the bytes are written into it.
    package var array: [UInt8] {
        withUnsafeBytes { bytes in
            [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = bytes.count
            }
        }
    }
}
