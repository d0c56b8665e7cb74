#ifndef CFLOOR_H
#define CFLOOR_H

#include <stddef.h>
#include <stdint.h>

/// Walks over the WAL at `wal` (its first byte is a record's start at LSN `start`) and checks every CRC: the least that
/// any decoder has to do. Nothing is validated but lengths and CRCs, nothing is parsed, nothing handed out.
///
/// Gives the number of records, or a negative number where a CRC or a length is wrong.
int64_t cfloor_walk(const uint8_t *wal, size_t length, uint64_t start, uint64_t segment_size);

#endif
