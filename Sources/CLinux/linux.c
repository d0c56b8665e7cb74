// Calls of Linux that Swift's Glibc module does not show, as they need _GNU_SOURCE.
#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <unistd.h>

int linux_syncfs(int file) {
    return syncfs(file);
}

int linux_map_large_allocations(int bytes) {
    return mallopt(M_MMAP_THRESHOLD, bytes);
}
