#ifndef CLINUX_H
#define CLINUX_H

/// Writes all that is in memory of the file system that an open file is in to the disk: syncfs(2).
///
/// @return 0, or -1 with the cause in errno.
int linux_syncfs(int file);

#endif
