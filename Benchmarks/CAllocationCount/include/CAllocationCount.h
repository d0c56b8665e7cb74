#ifndef CALLOCATIONCOUNT_H
#define CALLOCATIONCOUNT_H

#include <stdint.h>

/// The allocations that the process has made so far: every call of malloc, calloc, realloc and their aligned kin.
///
/// An executable that links this target counts; glibc lets a program put its own functions in front of the library's.
uint64_t callocation_count(void);

#endif
