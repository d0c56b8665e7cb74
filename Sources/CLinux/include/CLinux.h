#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>

/// Writes all that is in memory of the file system that an open file is in to the disk: syncfs(2).
///
/// @return 0, or -1 with the cause in errno.
int linux_syncfs(int file);

/// Begins to write a range of a file's bytes to the disk, without waiting for it: sync_file_range(2).
///
/// @return 0, or -1 with the cause in errno.
int linux_start_writeback(int file, int64_t offset, int64_t count);

#endif
