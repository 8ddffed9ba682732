/* A C library whose k-th allocation fails: include it in one file of a test program. With it every
 * public function can be tried at each of its allocations, those of the libraries under it, too. */
#ifndef VALENCE_TEST_FAILING_MEMORY_H
#define VALENCE_TEST_FAILING_MEMORY_H

#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The libraries under ours must find them, too. */
#define EVERYWHERE __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* Allocations until one fails; 0 or less: none does. */
static _Atomic long allocations_left;

static bool fails_now(void)
{
    if (atomic_load(&allocations_left) <= 0 || atomic_fetch_sub(&allocations_left, 1) != 1)
        return false;
    errno = ENOMEM;
    return true;
}

/* The k-th allocation from here fails, once. */
static inline void fail_allocation(long k)
{
    atomic_store(&allocations_left, k);
}

/* Ends that; true where the k-th was reached. */
static inline bool allocation_failed(void)
{
    return atomic_exchange(&allocations_left, 0) <= 0;
}

EVERYWHERE void *malloc(size_t size)
{
    return fails_now() ? NULL : __libc_malloc(size);
}

EVERYWHERE void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}

EVERYWHERE void *realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __libc_realloc(old, size);
}

EVERYWHERE void *aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __libc_memalign(alignment, size);
}

EVERYWHERE int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = fails_now() ? NULL : __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

/* Reading JSON counts as one allocation: jansson 2.14 writes behind its text where that cannot
 * grow, which no program above it can prevent. */
static bool json_may_be_read(long *left)
{
    if (fails_now())
        return false;
    *left = atomic_exchange(&allocations_left, 0);
    return true;
}

static json_t *json_was_read(json_t *root, long left)
{
    atomic_store(&allocations_left, left);
    return root;
}

json_t *json_loadb(const char *text, size_t size, size_t flags, json_error_t *problem)
{
    json_t *(*load)(const char *, size_t, size_t, json_error_t *) = NULL;
    long left;
    *(void **)&load = dlsym(RTLD_NEXT, "json_loadb");
    return json_may_be_read(&left) ? json_was_read(load(text, size, flags, problem), left) : NULL;
}

json_t *json_loads(const char *text, size_t flags, json_error_t *problem)
{
    json_t *(*load)(const char *, size_t, json_error_t *) = NULL;
    long left;
    *(void **)&load = dlsym(RTLD_NEXT, "json_loads");
    return json_may_be_read(&left) ? json_was_read(load(text, flags, problem), left) : NULL;
}

#endif
