/* The library inside its host: threads, memory, warnings, and what this build can do. */
#ifndef VALENCE_RUNTIME_H
#define VALENCE_RUNTIME_H

#include <stddef.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Threads ---- */

/* Sets the number of threads that the library computes with when the calling thread calls it: n, or
 * 0 for the default. Returns the previous number, so that you can restore it; other threads are not
 * affected. Fewer are used where the system does not give as many (OMP_THREAD_LIMIT, `ulimit -u`).
 * A build without OpenMP computes on the calling thread alone. */
VALENCE_API int valence_set_threads(int n);

/* What the calling thread computes with. */
VALENCE_API int valence_threads(void);

/* The default: one for each CPU that the process may run on, or as many as its control group's CPU
 * quota pays for (Linux cgroup v1 and v2), whichever is less; at least 1. */
VALENCE_API int valence_default_threads(void);

/* ---- Memory ---- */

/* Where large blocks come from: a network's parameters, gradients, optimizer moments and
 * activations, the rows of the batches that a store is read in, and the weights of an encoder that
 * is not mapped. These are most of what training and scoring need. Everything else uses malloc():
 * what is handed out to you (features, sounds, pictures, texts), indices, and all that the
 * libraries under this one allocate (LMDB's map, OpenBLAS, ggml, llama.cpp, whisper.cpp, FFmpeg).
 */
struct valence_allocator {
    /* sizeof(struct valence_allocator) */
    size_t size;
    /* `bytes` bytes on a multiple of `alignment`, a power of two; NULL where memory is short. */
    void *(*allocate)(void *user, size_t alignment, size_t bytes);
    void (*release)(void *user, void *block, size_t bytes);
    void *user;
};

/* Sets it for the whole process; NULL sets the C library's back. Call it before anything else: a
 * block is released by what is set when it is released.
 * Errors: ARGUMENT where a function is NULL or `size` is not one that this version knows. */
VALENCE_API int valence_set_allocator(const struct valence_allocator *allocator,
                                      struct valence_error *error);

/* Takes and gives back a large block, as the library itself does: on a multiple of 64, not cleared;
 * NULL where memory is short. `bytes` is the same both times. Releasing takes NULL. */
VALENCE_API void *valence_block_take(size_t bytes);
VALENCE_API void valence_block_release(void *block, size_t bytes);

/* ---- Log ---- */

enum valence_log_level { VALENCE_LOG_INFO, VALENCE_LOG_WARNING };

/* Receives what the library and the libraries under it report besides errors: one line without a
 * newline, UTF-8, which lives for the call only. It may be called from any thread and from several
 * at once. */
typedef void (*valence_log_function)(void *user, enum valence_log_level level, const char *text);

/* Sets it for the whole process; NULL, the default, drops everything. Call it before anything
 * else. */
VALENCE_API void valence_set_log(valence_log_function receive, void *user);

/* Hands a line to the receiver, as the library itself does. */
VALENCE_API void valence_log(enum valence_log_level level, const char *text);

/* ---- The build ---- */

/* What this build can do beyond reading, training and scoring, as names with a NULL behind them:
 * "openmp" (several threads), "encoders" (libvalence-media was built with it). */
VALENCE_API const char *const *valence_features(void);

#ifdef __cplusplus
}
#endif
#endif
