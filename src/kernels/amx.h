/* What products by AMX's tiles share: 32 x 32 sums in tiles 0 to 3, rows of the first operand in 4
 * and 5, columns of the second in 6 and 7. Include it only where AMX_AVAILABLE is defined. */
#ifndef VALENCE_KERNELS_AMX_H
#define VALENCE_KERNELS_AMX_H

#include "kernels/simd.h"

#if defined(__x86_64__) && defined(__GNUC__) && defined(__linux__) &&                              \
    !defined(VALENCE_WITHOUT_AVX512)
#define AMX_AVAILABLE

#include <immintrin.h>

#define AMX_TILE      16 /* rows of a tile */
#define AMX_ROW_BYTES 64
#define AMX_TARGET    __attribute__((target("amx-tile,amx-bf16,amx-int8")))

struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* GCC 12 takes it to read 8 bytes alone; hence the barrier. */
AMX_TARGET static inline void load_configuration(const struct tile_configuration *configuration)
{
    __asm__ volatile("" : : "r"(configuration) : "memory");
    _tile_loadconfig(configuration);
}

/* For a block of `n` <= 32 rows. */
AMX_TARGET static inline void configure_tiles(int64_t n)
{
    int64_t upper = n < AMX_TILE ? n : AMX_TILE, lower = n - upper ? n - upper : 1;
    int64_t rows[] = {upper, upper, lower, lower, upper, lower, AMX_TILE, AMX_TILE};
    struct tile_configuration configuration = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        configuration.rows[i] = (uint8_t)rows[i];
        configuration.row_bytes[i] = AMX_ROW_BYTES;
    }
    load_configuration(&configuration);
}

/* ggml configures a thread's tiles once and relies on that: what it had is given back. */
AMX_TARGET static inline void save_configuration(struct tile_configuration *configuration)
{
    _tile_storeconfig(configuration);
    __asm__ volatile("" : : "r"(configuration) : "memory");
}

AMX_TARGET static inline void restore_configuration(const struct tile_configuration *configuration)
{
    if (configuration->palette)
        load_configuration(configuration);
    else
        _tile_release();
}

#endif
#endif
