// Calls of Linux that Swift's Glibc module does not show, as they need _GNU_SOURCE.
#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

int linux_syncfs(int file) {
    return syncfs(file);
}

int linux_start_writeback(int file, int64_t offset, int64_t count) {
    return sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
}

int linux_map_large_allocations(int bytes) {
    return mallopt(M_MMAP_THRESHOLD, bytes);
}
