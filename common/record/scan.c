/* scan.c - see scan.h. */
#include "record/scan.h"

#include <string.h>

#include "base/auto.h"

/* ---- CRC-32C ---- */

uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n)
{
    /* The polynomial 0x82F63B78 (reflected), four bits at a time. */
    static const uint32_t NIBBLE[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
        0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };
    const unsigned char *p = bytes;

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = (crc >> 4) ^ NIBBLE[crc & 15];
        crc = (crc >> 4) ^ NIBBLE[crc & 15];
    }
    return ~crc;
}

static inline uint64_t word_at(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

#if defined(__x86_64__)
#include <immintrin.h>

/*
 * The crc32 instruction takes a word each cycle but needs three for its result. So three neighbouring lanes
 * of the input are summed side by side, and their sums joined: the sum of a lane that L bytes follow is
 * multiplied by x^(8L). A carry-less product of two reflected 32-bit values has a factor x too many and the
 * crc32 instruction that reduces it one of x^32, hence x^(8L-33) here, reflected.
 */
#define LANE            ((size_t)1024)
#define X_TO_1_LANE     0x170076FA /* x^(8 * 1024 - 33) mod P */
#define X_TO_2_LANES    0xA51B6135 /* x^(8 * 2048 - 33) mod P */
#define CRC_INSTRUCTION __attribute__((target("sse4.2")))
#define CRC_AND_PRODUCT __attribute__((target("sse4.2,pclmul")))

CRC_INSTRUCTION static uint32_t sum_serial(uint32_t crc, const unsigned char *p, size_t n)
{
    uint64_t sum = crc;

    for (; n >= 8; p += 8, n -= 8)
        sum = _mm_crc32_u64(sum, word_at(p));
    crc = (uint32_t)sum;
    for (; n > 0; p++, n--)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}

/* The product of sum and a power of x, not yet reduced to 32 bits. */
CRC_AND_PRODUCT static inline uint64_t times(uint64_t sum, uint32_t power)
{
    __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)sum), _mm_cvtsi64_si128((long long)power), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

CRC_AND_PRODUCT static uint32_t sum_lanes(uint32_t crc, const unsigned char *p, size_t n)
{
    uint64_t a = crc;

    for (; n >= 3 * LANE; p += 3 * LANE, n -= 3 * LANE) {
        uint64_t b = 0, c = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            a = _mm_crc32_u64(a, word_at(p + i));
            b = _mm_crc32_u64(b, word_at(p + LANE + i));
            c = _mm_crc32_u64(c, word_at(p + 2 * LANE + i));
        }
        a = _mm_crc32_u64(0, times(a, X_TO_2_LANES) ^ times(b, X_TO_1_LANE)) ^ c;
    }
    return sum_serial((uint32_t)a, p, n);
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
    if (!__builtin_cpu_supports("sse4.2"))
        return crc32c_portable(crc, bytes, n);
    if (n < 3 * LANE || !__builtin_cpu_supports("pclmul"))
        return ~sum_serial(~crc, bytes, n);
    return ~sum_lanes(~crc, bytes, n);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    crc = ~crc;
    for (; n >= 8; p += 8, n -= 8)
        crc = __crc32cd(crc, word_at(p));
    for (; n > 0; p++, n--)
        crc = __crc32cb(crc, *p);
    return ~crc;
}

#else

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
    return crc32c_portable(crc, bytes, n);
}

#endif

/* ---- newlines ---- */

/* Sixteen bytes side by side: SSE2, NEON, or whatever the compiler makes of it. */
typedef unsigned char lanes __attribute__((vector_size(16)));

/* A lane counts to 255 before it is added up; two sets of lanes keep two loads going. */
#define ROUNDS_MAX 255

static uint64_t sum_of(lanes counts)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(lanes); i++)
        sum += counts[i];
    return sum;
}

/* Newlines in `rounds` (at most ROUNDS_MAX) pairs of vectors. A comparison gives -1 where it holds. */
static uint64_t count_rounds(const unsigned char *p, size_t rounds)
{
    const lanes newline = (lanes){0} + (unsigned char)'\n';
    lanes even = {0}, odd = {0};

    for (size_t i = 0; i < rounds; i++, p += 2 * sizeof(lanes)) {
        lanes a, b;
        memcpy(&a, p, sizeof(a));
        memcpy(&b, p + sizeof(a), sizeof(b));
        even -= (lanes)(a == newline);
        odd -= (lanes)(b == newline);
    }
    return sum_of(even) + sum_of(odd);
}

uint64_t count_newlines(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t count = 0;

    while (n >= 2 * sizeof(lanes)) {
        size_t rounds = n / (2 * sizeof(lanes));
        if (rounds > ROUNDS_MAX)
            rounds = ROUNDS_MAX;
        count += count_rounds(p, rounds);
        p += rounds * 2 * sizeof(lanes);
        n -= rounds * 2 * sizeof(lanes);
    }
    for (; n > 0; p++, n--)
        count += *p == '\n';
    return count;
}
