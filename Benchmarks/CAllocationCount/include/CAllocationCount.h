#ifndef CALLOCATIONCOUNT_H
#define CALLOCATIONCOUNT_H

#include <stdint.h>

/// The allocations that this thread has made so far: every call of malloc, calloc, realloc and their aligned kin.
///
/// An executable that links this target counts; glibc lets a program put its own functions in front of the library's.
/// Under the address sanitizer, which does the same, nothing is counted and this stays zero.
uint64_t callocation_count(void);

#endif
