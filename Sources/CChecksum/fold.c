#include "fold.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2")))

// Past so many bytes an accumulator of 128 bits is carried: what its two halves are multiplied by.
static __m128i past_256, past_64, past_16;

// x^exponent modulo the polynomial, reflected, in the upper half of the 33 bits that the multiplication wants.
static uint64_t power(unsigned exponent) {
    uint32_t value = 0x80000000u;
    for (unsigned i = 0; i < exponent; i++) {
        value = value >> 1 ^ (value & 1 ? CRC32C_POLYNOMIAL : 0);
    }
    return (uint64_t)value << 1;
}

// The low half stands 64 bits before the high one, and a reflected product is one bit short: 32 to either side.
static __m128i past(unsigned bytes) {
    return _mm_set_epi64x((long long)power(8 * bytes - 32), (long long)power(8 * bytes + 32));
}

int cchecksum_fold_prepare(void) {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("vpclmulqdq")) return 0;
    past_256 = past(256);
    past_64 = past(64);
    past_16 = past(16);
    return 1;
}

// Carries four accumulators past the distance that `factor` stands for and adds what lies there.
WIDE static inline __m512i fold4(__m512i value, __m512i factor, __m512i next) {
    __m512i low = _mm512_clmulepi64_epi128(value, factor, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(value, factor, 0x11);
    return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}

WIDE static inline __m128i fold1(__m128i value, __m128i factor, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(value, factor, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, factor, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

WIDE uint32_t cchecksum_fold(uint32_t crc, const uint8_t **data, size_t *length) {
    const uint8_t *p = *data;
    size_t rest = *length;
    __m512i a = _mm512_loadu_si512(p);
    __m512i b = _mm512_loadu_si512(p + 64);
    __m512i c = _mm512_loadu_si512(p + 128);
    __m512i d = _mm512_loadu_si512(p + 192);
    a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
    __m512i factor = _mm512_broadcast_i32x4(past_256);
    for (p += 256, rest -= 256; rest >= 256; p += 256, rest -= 256) {
        a = fold4(a, factor, _mm512_loadu_si512(p));
        b = fold4(b, factor, _mm512_loadu_si512(p + 64));
        c = fold4(c, factor, _mm512_loadu_si512(p + 128));
        d = fold4(d, factor, _mm512_loadu_si512(p + 192));
    }
    factor = _mm512_broadcast_i32x4(past_64);
    d = fold4(fold4(fold4(a, factor, b), factor, c), factor, d);
    for (; rest >= 64; p += 64, rest -= 64) {
        d = fold4(d, factor, _mm512_loadu_si512(p));
    }
    __m128i last = _mm512_castsi512_si128(d);
    last = fold1(last, past_16, _mm512_extracti32x4_epi32(d, 1));
    last = fold1(last, past_16, _mm512_extracti32x4_epi32(d, 2));
    last = fold1(last, past_16, _mm512_extracti32x4_epi32(d, 3));
    *data = p;
    *length = rest;
    uint32_t result = (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(last));
    return (uint32_t)_mm_crc32_u64(result, (uint64_t)_mm_extract_epi64(last, 1));
}

#else

int cchecksum_fold_prepare(void) { return 0; }

uint32_t cchecksum_fold(uint32_t crc, const uint8_t **data, size_t *length) {
    (void)data, (void)length;
    return crc;
}

#endif
