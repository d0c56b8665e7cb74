#ifndef CCHECKSUM_FOLD_H
#define CCHECKSUM_FOLD_H

#include <stddef.h>
#include <stdint.h>

// Castagnoli's polynomial, reflected.
#define CRC32C_POLYNOMIAL 0x82F63B78u

// Carry-less multiplication of 64 bytes at a time (AVX-512 and VPCLMULQDQ): from a kilobyte on more than twice as fast
// as three lanes of the CRC instruction.

// The shortest input that may be folded.
#define FOLD_MINIMUM 256u

// Computes the constants; gives whether this processor can fold. Called once, before anything is folded.
int cchecksum_fold_prepare(void);

// Takes the longest multiple of 64 bytes off the front of `*data`, of which there are FOLD_MINIMUM at least.
uint32_t cchecksum_fold(uint32_t crc, const uint8_t **data, size_t *length);

#endif
