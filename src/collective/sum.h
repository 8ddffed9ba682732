/* Sums of one block of floats over all ranks: the gradients of a step. */
#ifndef VALENCE_COLLECTIVE_SUM_H
#define VALENCE_COLLECTIVE_SUM_H

#include "collective/collective.h"

/* How values travel: as they are, or rounded to 16 bits (bfloat16: 8 bits of exponent, 8 of
 * mantissa with the hidden one). */
enum collective_wire { WIRE_F32, WIRE_BF16, N_WIRES };

/* Memory that is kept from sum to sum. Zeroed at first; free with sum_buffers_free(). */
struct sum_buffers {
    void *mine, *received;
    int64_t capacity; /* bytes, each */
};

void sum_buffers_free(struct sum_buffers *buffers);

/* Replaces every rank's n values by their sum; all ranks get the same bytes. f32: by the caller's
 * all_reduce, in whatever order that adds. bf16: each rank adds its share of the values of all
 * ranks in single precision, in the order of the ranks, and sends the sum to all; so values are
 * rounded twice, however many ranks there are, and 2 (n_ranks - 1) / n_ranks * n values of 2 bytes
 * leave each rank. */
int collective_sum(const struct valence_collective *collective, enum collective_wire wire,
                   int64_t n, float *values, struct sum_buffers *buffers,
                   struct valence_error *error);

/* Which of a batch's `n_parts` parts, numbered through, a rank has: from first_part(rank) to
 * first_part(rank + 1). */
static inline int64_t first_part(int64_t n_parts, int rank, int n_ranks)
{
    return n_parts * rank / n_ranks;
}

/* sum = part for the `first` one, else sum += part: in order, what collective_sum_ordered() gives.
 */
void sum_add_part(int64_t n, const float *part, bool first, float *sum);

/* sum = parts[0] + parts[1] + ... over the parts of all ranks, added one after the other in the
 * order of the parts: the same bytes however they are spread over ranks. `parts` are the calling
 * rank's own; of them and of the sum, the n values from `first` on. About n_parts / n_ranks * n + n
 * values leave each rank. */
int collective_sum_ordered(const struct valence_collective *collective, int64_t n_parts,
                           float *const *parts, int64_t first, int64_t n, float *sum,
                           struct sum_buffers *buffers, struct valence_error *error);

#endif
