#include "encode/compute/cpu_node.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"

/* ---- Memory ---- */

#define PARAMETER_BYTES (1 << 17) /* of a graph: some hundred nodes */

struct scratch {
    _Alignas(64) unsigned char parameters[PARAMETER_BYTES];
    size_t parameters_used;
    int n_threads;
    int64_t wanted, wanted_shared; /* floats per thread, and of all together */
    int64_t held, held_shared;
    float *floats, *shared;
};

struct scratch *scratch_create(void)
{
    struct scratch *scratch = aligned_alloc(64, (sizeof *scratch + 63) / 64 * 64);
    if (scratch)
        memset(scratch, 0, sizeof *scratch);
    return scratch;
}

void scratch_free(struct scratch *scratch)
{
    if (!scratch)
        return;
    free(scratch->floats);
    free(scratch->shared);
    free(scratch);
}

void scratch_begin(struct scratch *scratch)
{
    scratch->parameters_used = 0;
    scratch->wanted = scratch->wanted_shared = 0;
    scratch->n_threads = threads_count();
}

void *scratch_parameters(struct scratch *scratch, size_t size)
{
    assert(size <= PARAMETER_BYTES - scratch->parameters_used);
    void *parameters = scratch->parameters + scratch->parameters_used;
    scratch->parameters_used += (size + 15) / 16 * 16;
    return memset(parameters, 0, size);
}

static void want(int64_t *wanted, int64_t n_floats)
{
    n_floats = (n_floats + 15) / 16 * 16; /* threads keep to their own cache lines */
    if (n_floats > *wanted)
        *wanted = n_floats;
}

void scratch_want(struct scratch *scratch, int64_t n_floats)
{
    want(&scratch->wanted, n_floats);
}

void scratch_want_shared(struct scratch *scratch, int64_t n_floats)
{
    want(&scratch->wanted_shared, n_floats);
}

static bool grow(float **floats, int64_t *held, int64_t wanted, int64_t times)
{
    size_t bytes;
    if (wanted <= *held)
        return true;
    if (!size_multiply(wanted * (int64_t)sizeof **floats, times, &bytes))
        return false;
    free(*floats);
    *floats = aligned_alloc(64, bytes);
    *held = *floats ? wanted : 0;
    return *floats != NULL;
}

bool scratch_reserve(struct scratch *scratch)
{
    return grow(&scratch->floats, &scratch->held, scratch->wanted, scratch->n_threads) &&
           grow(&scratch->shared, &scratch->held_shared, scratch->wanted_shared, 1);
}

float *scratch_shared(struct scratch *scratch)
{
    return scratch->shared;
}

float *scratch_floats(struct scratch *scratch, int thread)
{
    assert(thread < scratch->n_threads);
    return scratch->floats + thread * scratch->held;
}

/* ---- Dividing the work ---- */

void meet(struct meeting *meeting, int nth)
{
    int phase = atomic_load(&meeting->phase);
    if (atomic_fetch_add(&meeting->arrived, 1) + 1 == nth) {
        atomic_store(&meeting->arrived, 0);
        atomic_store(&meeting->phase, phase + 1);
        return;
    }
    for (int spins = 0; atomic_load(&meeting->phase) == phase; spins++)
        if (spins > 1000)
            sched_yield(); /* the one that is missing may be waiting for this core */
}

struct share share_of(int64_t n, int64_t unit, int ith, int nth)
{
    int64_t units = (n + unit - 1) / unit;
    struct share share = {units * ith / nth * unit, units * (ith + 1) / nth * unit};
    if (share.end > n)
        share.end = n;
    return share;
}

/* ---- What follows a product ---- */

struct finish node_finish_at(const struct node_finish *finish, int64_t column)
{
    const struct ggml_tensor *bias = finish->bias, *residual = finish->residual;
    return (struct finish){
        .bias = bias ? (const float *)bias->data + column : NULL,
        .activation = finish->activation,
        .residual = residual ? (const float *)residual->data + column : NULL,
        .residual_stride = residual ? residual->ne[0] : 0,
    };
}

int list_sources(struct ggml_tensor *sources[4], struct ggml_tensor *a, struct ggml_tensor *b,
                 struct ggml_tensor *c, struct ggml_tensor *d)
{
    struct ggml_tensor *all[] = {a, b, c, d};
    int n = 0;
    for (int i = 0; i < 4; i++)
        if (all[i])
            sources[n++] = all[i];
    return n;
}
