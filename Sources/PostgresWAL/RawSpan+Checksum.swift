internal import CChecksum

extension RawSpan {
    /// The CRC-32C of the bytes, as PostgreSQL and control files have it.
    package var crc32c: UInt32 {
        withUnsafeBytes { ~cchecksum_crc32c(~0, $0.baseAddress, $0.count) }
    }
}
