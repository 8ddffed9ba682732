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
#include <string.h>

/* The libraries under ours must find them, too. */
#define EVERYWHERE __attribute__((visibility("default")))

#define CALLER __builtin_return_address(0)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* Allocations until one fails; 0 or less: none does. */
static _Atomic long allocations_left;

/* Libraries whose own allocations do not fail: OpenBLAS's kernels write to what malloc() gave them
 * without a look, OpenMP and ggml end the program, FFmpeg's resampler divides by zero, and C++
 * throws through the C between it and its catch. No program above them can prevent that. */
static bool is_left_alone(const void *caller)
{
    static const char *const names[] = {"/libopenblas", "/libgomp", "/libav",      "/libsw",
                                        "/libstdc++",   "/libggml", "/libwhisper", "/libllama"};
    Dl_info info;
    if (!caller || !dladdr(caller, &info) || !info.dli_fname)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strstr(info.dli_fname, names[i]))
            return true;
    return false;
}

/* `caller` is where the allocation was asked for. */
static bool fails_now(const void *caller)
{
    if (atomic_load(&allocations_left) <= 0 || atomic_fetch_sub(&allocations_left, 1) != 1)
        return false;
    if (is_left_alone(caller)) {
        atomic_store(&allocations_left, 1);
        return false;
    }
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
    return fails_now(CALLER) ? NULL : __libc_malloc(size);
}

EVERYWHERE void *calloc(size_t n, size_t size)
{
    return fails_now(CALLER) ? NULL : __libc_calloc(n, size);
}

EVERYWHERE void *realloc(void *old, size_t size)
{
    return fails_now(CALLER) ? NULL : __libc_realloc(old, size);
}

EVERYWHERE void *aligned_alloc(size_t alignment, size_t size)
{
    return fails_now(CALLER) ? NULL : __libc_memalign(alignment, size);
}

EVERYWHERE int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = fails_now(CALLER) ? NULL : __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

/* Reading JSON counts as one allocation: jansson 2.14 writes behind its text where that cannot
 * grow, which no program above it can prevent. */
static bool json_may_work(long *left, json_error_t *problem)
{
    if (fails_now(NULL)) {
        if (problem)
            *problem = (json_error_t){.line = -1, .column = -1};
        return false;
    }
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
    return json_may_work(&left, problem) ? json_was_read(load(text, size, flags, problem), left)
                                         : NULL;
}

json_t *json_loads(const char *text, size_t flags, json_error_t *problem)
{
    json_t *(*load)(const char *, size_t, json_error_t *) = NULL;
    long left;
    *(void **)&load = dlsym(RTLD_NEXT, "json_loads");
    return json_may_work(&left, problem) ? json_was_read(load(text, flags, problem), left) : NULL;
}

/* Writing JSON, too: jansson 2.14 leaves a key out where its buffer cannot grow for it. */
char *json_dumps(const json_t *root, size_t flags)
{
    char *(*dump)(const json_t *, size_t) = NULL;
    long left;
    *(void **)&dump = dlsym(RTLD_NEXT, "json_dumps");
    if (!json_may_work(&left, NULL))
        return NULL;
    char *text = dump(root, flags);
    atomic_store(&allocations_left, left);
    return text;
}

#endif
