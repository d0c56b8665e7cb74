#ifndef CLINUX_H
#define CLINUX_H

#include <poll.h>
#include <stdint.h>

/// Writes all that is in memory of the file system that an open file is in to the disk: syncfs(2).
///
/// @return 0, or -1 with the cause in errno.
int linux_syncfs(int file);

/// Begins to write a range of a file's bytes to the disk, without waiting for it: sync_file_range(2).
///
/// @return 0, or -1 with the cause in errno.
int linux_start_writeback(int file, int64_t offset, int64_t count);

/// Takes space for a range of a file that is within its length, whose contents stay: fallocate(2).
///
/// @return 0, or -1 with the cause in errno.
int linux_reserve(int file, int64_t offset, int64_t count);

/// Has the C library get each allocation of so many bytes or more from the system by itself, so that the system has it back
/// as soon as it is freed: mallopt(3), M_MMAP_THRESHOLD.
///
/// @param bytes the limit, at most 32 MiB.
/// @return 1, or 0 if the library doesn't do so.
int linux_map_large_allocations(int bytes);

/// Waits until a descriptor is ready, or a time has passed, or a signal has come: ppoll(2), whose time is finer than
/// poll's.
///
/// @param nanoseconds how long at most; below 0 without a limit.
/// @return the number of descriptors that are ready, or -1 with the cause in errno.
int linux_poll(struct pollfd *descriptors, uint64_t count, int64_t nanoseconds);

/// A new event descriptor, closed by exec and never blocking: eventfd(2).
///
/// @return the descriptor, or -1 with the cause in errno.
int linux_event_descriptor(void);

#endif
