#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define POLYNOMIAL 0x82F63B78u /* reflected */

/* The instruction has a latency of 3 cycles and takes one each cycle: three parts of this many
 * bytes are summed side by side and joined. */
#define LANE_BYTES 1024

/* tables[k][b]: the checksum of byte b with k zero bytes behind it. */
static uint32_t tables[8][256];

/* lane_shift[k][b]: byte k of a checksum, being b, after LANE_BYTES zero bytes. */
static uint32_t lane_shift[4][256];

static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t shift_by_zeros(uint32_t crc, size_t n)
{
    for (size_t i = 0; i < n; i++)
        crc = tables[0][crc & 0xFF] ^ crc >> 8;
    return crc;
}

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        tables[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int byte = 0; byte < 256; byte++)
            tables[k][byte] = shift_by_zeros(tables[k - 1][byte], 1);
    for (int k = 0; k < 4; k++)
        for (uint32_t byte = 0; byte < 256; byte++)
            lane_shift[k][byte] = shift_by_zeros(byte << 8 * k, LANE_BYTES);
}

/* Eight bytes at a time: the checksum so far takes part in the first four. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    pthread_once(&once, make_tables);
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                              (uint32_t)at[3] << 24);
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^
              tables[4][low >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; size > 0; size--)
        crc = tables[0][(crc ^ *at++) & 0xFF] ^ crc >> 8;
    return ~crc;
}

#if defined(__x86_64__)

static uint32_t shift_by_lane(uint32_t crc)
{
    return lane_shift[0][crc & 0xFF] ^ lane_shift[1][crc >> 8 & 0xFF] ^
           lane_shift[2][crc >> 16 & 0xFF] ^ lane_shift[3][crc >> 24];
}

static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t first = ~crc;
    for (; size >= 3 * LANE_BYTES; size -= 3 * LANE_BYTES, at += 3 * LANE_BYTES) {
        uint64_t second = 0, third = 0;
        for (size_t i = 0; i < LANE_BYTES; i += 8) {
            first = _mm_crc32_u64(first, word_at(at + i));
            second = _mm_crc32_u64(second, word_at(at + LANE_BYTES + i));
            third = _mm_crc32_u64(third, word_at(at + 2 * LANE_BYTES + i));
        }
        /* A checksum is linear: what stands before is shifted by what stands behind. */
        first = shift_by_lane((uint32_t)first) ^ (uint32_t)second;
        first = shift_by_lane((uint32_t)first) ^ (uint32_t)third;
    }
    for (; size >= 8; size -= 8, at += 8)
        first = _mm_crc32_u64(first, word_at(at));
    uint32_t last = (uint32_t)first;
    for (; size > 0; size--)
        last = _mm_crc32_u8(last, *at++);
    return ~last;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    if (!__builtin_cpu_supports("sse4.2"))
        return crc32c_by_tables(crc, bytes, size);
    pthread_once(&once, make_tables);
    return crc32c_by_instruction(crc, bytes, size);
}

#else

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return crc32c_by_tables(crc, bytes, size);
}

#endif
