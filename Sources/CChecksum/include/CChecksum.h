#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Continues a raw CRC-32C (no initial or final inversion) over `length` bytes at `data`.
///
/// Uses carry-less multiplication for what is long (AVX-512 with VPCLMULQDQ) and the processor's CRC instruction (SSE4.2,
/// ARMv8 CRC32) where it has them, else a table; chosen once, when the library is loaded.
uint32_t cchecksum_crc32c(uint32_t crc, const void *data, size_t length);

/// The CRC-32C of a WAL record of `length` bytes, 24 or more: bytes 24 to its end, then bytes 0 to 19.
///
/// Source: wal-decoding.md §3.
uint32_t cchecksum_wal_record(const void *record, size_t length);

/// `cchecksum_crc32c` over the table: the reference that tests compare with.
uint32_t cchecksum_crc32c_table(uint32_t crc, const void *data, size_t length);

/// `cchecksum_crc32c` without carry-less multiplication, for comparison.
uint32_t cchecksum_crc32c_lanes(uint32_t crc, const void *data, size_t length);

/// The name of the implementation that `cchecksum_crc32c` uses on this machine.
const char *cchecksum_crc32c_implementation(void);

#endif
