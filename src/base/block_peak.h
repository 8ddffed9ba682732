/* How much memory large blocks take (base/memory.h). */
#ifndef VALENCE_BASE_BLOCK_PEAK_H
#define VALENCE_BASE_BLOCK_PEAK_H

#include <stdbool.h>
#include <stddef.h>

/* The most bytes that the blocks of all threads had together since it was last told to `forget`,
 * which makes it what they have now. */
size_t block_bytes_peak(bool forget);

#endif
