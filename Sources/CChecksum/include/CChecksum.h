#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Continues a raw CRC-32C (no initial or final inversion) over `length` bytes at `data`.
///
/// Uses the processor's CRC instruction where there is one (SSE4.2, ARMv8 CRC32), else a table;
/// chosen once, when the library is loaded.
uint32_t cchecksum_crc32c(uint32_t crc, const void *data, size_t length);

/// The same over the table: the reference that tests compare with.
uint32_t cchecksum_crc32c_table(uint32_t crc, const void *data, size_t length);

/// The name of the implementation that `cchecksum_crc32c` uses on this machine.
const char *cchecksum_crc32c_implementation(void);

#endif
