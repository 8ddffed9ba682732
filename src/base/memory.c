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

static struct valence_allocator host; /* allocate == NULL: the C library's */

int valence_set_allocator(const struct valence_allocator *allocator, struct valence_error *error)
{
    if (!allocator) {
        host = (struct valence_allocator){0};
        return VALENCE_OK;
    }
    if (allocator->size != sizeof host || !allocator->allocate || !allocator->release)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "an allocator needs its size (%zu) and both functions", sizeof host);
    host = *allocator;
    return VALENCE_OK;
}

static void *take_block(size_t bytes)
{
    return host.allocate ? host.allocate(host.user, ARENA_ALIGNMENT, bytes)
                         : aligned_alloc(ARENA_ALIGNMENT, bytes);
}

static void release_block(void *block, size_t bytes)
{
    if (!block || !host.release)
        free(block);
    else
        host.release(host.user, block, bytes);
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
    arena->block = take_block(rounded ? rounded : ARENA_ALIGNMENT);
    if (!arena->block)
        return fail_memory(error, capacity, what);
    arena->capacity = rounded;
    return VALENCE_OK;
}

void arena_free(struct arena *arena)
{
    release_block(arena->block, arena->capacity ? arena->capacity : ARENA_ALIGNMENT);
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
