// Calls of Linux that Swift's Glibc module does not show, as they need _GNU_SOURCE.
#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

int linux_syncfs(int file) {
    return syncfs(file);
}

int linux_start_writeback(int file, int64_t offset, int64_t count) {
    return sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
}

int linux_reserve(int file, int64_t offset, int64_t count) {
    return fallocate(file, 0, offset, count);
}

int linux_map_large_allocations(int bytes) {
    return mallopt(M_MMAP_THRESHOLD, bytes);
}

int linux_poll(struct pollfd *descriptors, uint64_t count, int64_t nanoseconds) {
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return ppoll(descriptors, count, nanoseconds < 0 ? NULL : &time, NULL);
}

int linux_event_descriptor(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}
