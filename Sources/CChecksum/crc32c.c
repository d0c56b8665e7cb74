#include "CChecksum.h"
#include "fold.h"

// Four tables for four bytes a step; filled when the library is loaded.
static uint32_t table[4][256];

uint32_t cchecksum_crc32c_table(uint32_t crc, const void *data, size_t length) {
    const uint8_t *p = data;
    for (; length >= 4; p += 4, length -= 4) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = table[3][crc & 0xFF] ^ table[2][crc >> 8 & 0xFF] ^ table[1][crc >> 16 & 0xFF] ^ table[0][crc >> 24];
    }
    for (; length > 0; p++, length--) {
        crc = table[0][(crc ^ *p) & 0xFF] ^ crc >> 8;
    }
    return crc;
}

static uint32_t wal_record_table(const void *record, size_t length) {
    uint32_t crc = cchecksum_crc32c_table(~0u, (const uint8_t *)record + 24, length - 24);
    return ~cchecksum_crc32c_table(crc, record, 20);
}

#if defined(__x86_64__) || defined(__aarch64__)

// The CRC instruction has a latency of three cycles and a throughput of one: long inputs are cut into three lanes
// that run side by side. The lanes are joined by moving a lane's CRC past the bytes of the lanes behind it, which is
// a multiplication by x^(8 * bytes) modulo the polynomial.
#define LANE_BYTES 1024u
#define SHORT_LANE_BYTES 128u

// shift[lane][byte][value]: what the CRC `value << (8 * byte)` becomes past `lane` bytes.
static uint32_t long_shift[4][256];
static uint32_t short_shift[4][256];

static void fill_shift(uint32_t shift[4][256], size_t bytes) {
    // Moving is linear: what becomes of a value is the sum of what becomes of its bits.
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = 1u << bit;
        for (size_t i = 0; i < bytes; i++) {
            crc = table[0][crc & 0xFF] ^ crc >> 8;
        }
        uint32_t *row = shift[bit / 8];
        uint32_t value = 1u << bit % 8;
        for (uint32_t below = 0; below < value; below++) {
            row[value + below] = row[below] ^ crc;
        }
    }
}

static inline uint32_t move(const uint32_t shift[4][256], uint32_t crc) {
    return shift[0][crc & 0xFF] ^ shift[1][crc >> 8 & 0xFF] ^ shift[2][crc >> 16 & 0xFF] ^ shift[3][crc >> 24];
}

#if defined(__x86_64__)
#include <immintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define STEP8(crc, value) ((uint32_t)_mm_crc32_u64((crc), (value)))
#define STEP4(crc, value) _mm_crc32_u32((crc), (value))
#define STEP2(crc, value) _mm_crc32_u16((crc), (value))
#define STEP1(crc, value) _mm_crc32_u8((crc), (value))
#define HARDWARE_NAME "SSE4.2"
#define FOLD_NAME "AVX-512, VPCLMULQDQ"
static int hardware_is_there(void) { return __builtin_cpu_supports("sse4.2"); }
#else
#include <arm_acle.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("+crc")))
#define STEP8(crc, value) __crc32cd((crc), (value))
#define STEP4(crc, value) __crc32cw((crc), (value))
#define STEP2(crc, value) __crc32ch((crc), (value))
#define STEP1(crc, value) __crc32cb((crc), (value))
#define HARDWARE_NAME "ARMv8 CRC32"
#define FOLD_NAME HARDWARE_NAME
// HWCAP_CRC32 of asm/hwcap.h.
static int hardware_is_there(void) { return (getauxval(AT_HWCAP) & (1 << 7)) != 0; }
#endif

static inline uint64_t load8(const uint8_t *p) {
    uint64_t value;
    __builtin_memcpy(&value, p, 8);
    return value;
}

static inline uint32_t load4(const uint8_t *p) {
    uint32_t value;
    __builtin_memcpy(&value, p, 4);
    return value;
}

static inline uint16_t load2(const uint8_t *p) {
    uint16_t value;
    __builtin_memcpy(&value, p, 2);
    return value;
}

HARDWARE static inline uint32_t three_lanes(
    uint32_t crc, const uint8_t *p, size_t lane, const uint32_t shift[4][256]) {
    uint32_t first = crc, second = 0, third = 0;
    for (size_t i = 0; i < lane; i += 8) {
        first = STEP8(first, load8(p + i));
        second = STEP8(second, load8(p + lane + i));
        third = STEP8(third, load8(p + 2 * lane + i));
    }
    return move(shift, move(shift, first) ^ second) ^ third;
}

// Lanes and folds stay out of line: short inputs, which most records are, go straight through the loop below.
HARDWARE __attribute__((noinline)) static uint32_t crc32c_lanes(uint32_t crc, const uint8_t **data, size_t *length) {
    const uint8_t *p = *data;
    for (; *length >= 3 * LANE_BYTES; p += 3 * LANE_BYTES, *length -= 3 * LANE_BYTES) {
        crc = three_lanes(crc, p, LANE_BYTES, long_shift);
    }
    for (; *length >= 3 * SHORT_LANE_BYTES; p += 3 * SHORT_LANE_BYTES, *length -= 3 * SHORT_LANE_BYTES) {
        crc = three_lanes(crc, p, SHORT_LANE_BYTES, short_shift);
    }
    *data = p;
    return crc;
}

static int can_fold;

HARDWARE static inline uint32_t crc32c_hardware(uint32_t crc, const void *data, size_t length, int folds) {
    const uint8_t *p = data;
    if (length >= FOLD_MINIMUM) {
        crc = folds ? cchecksum_fold(crc, &p, &length) : crc32c_lanes(crc, &p, &length);
    }
    for (; length >= 8; p += 8, length -= 8) {
        crc = STEP8(crc, load8(p));
    }
    if (length & 4) {
        crc = STEP4(crc, load4(p));
        p += 4;
    }
    if (length & 2) {
        crc = STEP2(crc, load2(p));
        p += 2;
    }
    return length & 1 ? STEP1(crc, *p) : crc;
}

HARDWARE static uint32_t wal_record_hardware(const void *record, size_t length) {
    uint32_t crc = crc32c_hardware(~0u, (const uint8_t *)record + 24, length - 24, can_fold);
    const uint8_t *header = record;
    crc = STEP8(crc, load8(header));
    crc = STEP8(crc, load8(header + 8));
    return ~STEP4(crc, load4(header + 16));
}

static int has_hardware;
#define CHOOSE(hardware, table) (has_hardware ? (hardware) : (table))

#else

#define CHOOSE(hardware, table) (table)
#endif

uint32_t cchecksum_crc32c(uint32_t crc, const void *data, size_t length) {
    return CHOOSE(crc32c_hardware(crc, data, length, can_fold), cchecksum_crc32c_table(crc, data, length));
}

uint32_t cchecksum_crc32c_lanes(uint32_t crc, const void *data, size_t length) {
    return CHOOSE(crc32c_hardware(crc, data, length, 0), cchecksum_crc32c_table(crc, data, length));
}

uint32_t cchecksum_wal_record(const void *record, size_t length) {
    return CHOOSE(wal_record_hardware(record, length), wal_record_table(record, length));
}

const char *cchecksum_crc32c_implementation(void) { return CHOOSE(can_fold ? FOLD_NAME : HARDWARE_NAME, "table"); }

__attribute__((constructor)) static void choose_implementation(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
        }
        table[0][value] = crc;
    }
    for (uint32_t value = 0; value < 256; value++) {
        for (int i = 1; i < 4; i++) {
            table[i][value] = table[0][table[i - 1][value] & 0xFF] ^ table[i - 1][value] >> 8;
        }
    }
#if defined(__x86_64__) || defined(__aarch64__)
    if (hardware_is_there()) {
        fill_shift(long_shift, LANE_BYTES);
        fill_shift(short_shift, SHORT_LANE_BYTES);
        can_fold = cchecksum_fold_prepare();
        has_hardware = 1;
    }
#endif
}
