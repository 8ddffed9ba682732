#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "valence/runtime.h"

#define ARENA_ALIGNMENT 64

bool size_multiply(int64_t a, int64_t b, size_t *product)
{
    if (a < 0 || b < 0)
        return false;
    return !__builtin_mul_overflow((size_t)a, (size_t)b, product) && *product <= PTRDIFF_MAX;
}

void *allocate(int64_t n, size_t size)
{
    size_t bytes;
    if (size > PTRDIFF_MAX || !size_multiply(n, (int64_t)size, &bytes))
        return NULL;
    return calloc(bytes ? bytes : 1, 1);
}

int grow_array(void **array, int64_t *capacity, int64_t needed, size_t size, int64_t maximum,
               const char *what, struct valence_error *error)
{
    if (needed <= *capacity)
        return VALENCE_OK;
    if (needed > maximum)
        return fail(error, VALENCE_ERROR_LIMIT, "more than %lld %s", (long long)maximum, what);
    int64_t larger = *capacity < 16 ? 16 : *capacity + *capacity / 2;
    larger = larger < needed ? needed : larger > maximum ? maximum : larger;
    size_t bytes;
    void *moved = NULL;
    if (size_multiply(larger, (int64_t)size, &bytes))
        moved = realloc(*array, bytes);
    if (!moved)
        return fail_memory(error, (size_t)larger * size, what);
    *array = moved;
    *capacity = larger;
    return VALENCE_OK;
}

/* ---- Large blocks ---- */

void *block_take(int64_t n, size_t size)
{
    size_t bytes;
    if (size > PTRDIFF_MAX || !size_multiply(n, (int64_t)size, &bytes))
        return NULL;
    return valence_block_take(bytes);
}

void *block_take_zeroed(int64_t n, size_t size)
{
    void *block = block_take(n, size);
    if (block)
        memset(block, 0, (size_t)n * size);
    return block;
}

void block_free(void *block, int64_t n, size_t size)
{
    valence_block_release(block, (size_t)n * size);
}

void arena_measure(struct arena *arena)
{
    memset(arena, 0, sizeof *arena);
}

int arena_create(struct arena *arena, size_t capacity, const char *what,
                 struct valence_error *error)
{
    memset(arena, 0, sizeof *arena);
    size_t rounded = (capacity + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    if (rounded < capacity)
        return fail_memory(error, capacity, what);
    arena->block = valence_block_take(rounded);
    if (!arena->block)
        return fail_memory(error, capacity, what);
    arena->capacity = rounded;
    return VALENCE_OK;
}

void arena_free(struct arena *arena)
{
    valence_block_release(arena->block, arena->capacity);
    memset(arena, 0, sizeof *arena);
}

void *arena_take(struct arena *arena, int64_t n, size_t size)
{
    size_t bytes = 0;
    bool fits = size_multiply(n, (int64_t)size, &bytes);
    assert(fits);
    (void)fits;
    bytes = (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    size_t start = arena->used;
    arena->used += bytes;
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    if (!arena->block)
        return NULL;
    assert(arena->used <= arena->capacity);
    return arena->block + start;
}
