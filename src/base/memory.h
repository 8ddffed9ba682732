/* Checked sizes and the arena that one step's activations live in. */
#ifndef VALENCE_BASE_MEMORY_H
#define VALENCE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

/* a * b, or false if the product does not fit; negative factors do not fit either. */
bool size_multiply(int64_t a, int64_t b, size_t *product);

/* Memory for n items of `size` bytes, zeroed; NULL if the product overflows, is too large or
 * memory is short. */
void *allocate(int64_t n, size_t size);

/* Grows *array (items of `size` bytes, *capacity of them) so that it holds `needed`; never beyond
 * `maximum` items. On failure nothing changes. `what` names the items in the error. */
int grow_array(void **array, int64_t *capacity, int64_t needed, size_t size, int64_t maximum,
               const char *what, struct valence_error *error);

/* Large blocks for n items of `size` bytes, 64-byte aligned, from the host's allocator
 * (valence/runtime.h); NULL as above. Freed with the same n and size. */
void *block_take(int64_t n, size_t size);
void *block_take_zeroed(int64_t n, size_t size);
void block_free(void *block, int64_t n, size_t size);

/* An arena hands out 64-byte aligned pieces of one block and takes them all back at once. Made
 * without a block (arena_measure) it only counts, so that the same code that lays out a workspace
 * measures it first. */
struct arena {
    unsigned char *block; /* NULL while measuring */
    size_t capacity;
    size_t used;
    size_t peak;
};

void arena_measure(struct arena *arena);
int arena_create(struct arena *arena, size_t capacity, const char *what,
                 struct valence_error *error);
void arena_free(struct arena *arena);

/* n items of `size` bytes, not cleared. While measuring: a NULL pointer, and the room is counted.
 * Running out is a programming error (what is laid out was measured) and asserts. */
void *arena_take(struct arena *arena, int64_t n, size_t size);

#endif
