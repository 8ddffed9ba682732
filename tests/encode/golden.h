/* What the golden programs of the encoders share: comparing tensors with those of a fixture, and
 * temporary folders. */
#ifndef VALENCE_TESTS_ENCODE_GOLDEN_H
#define VALENCE_TESTS_ENCODE_GOLDEN_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/safetensors.h"
#include "valence/convert.h"
#include "valence/encoder.h"

/* Counts what was compared and what was out of its limit. */
struct tally {
    int n_compared, n_failed;
};

static inline void *must_have(void *memory)
{
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memory;
}

static inline void must_work(int status, const struct valence_error *error)
{
    if (status) {
        fprintf(stderr, "%s\n", error->text);
        exit(1);
    }
}

/* The tensor's values in fresh memory. */
static inline float *values_of(const struct safetensor *tensor)
{
    float *values = must_have(malloc((size_t)(tensor->count + 1) * sizeof *values));
    struct valence_error error;
    must_work(safetensor_to_float(tensor, values, &error), &error);
    return values;
}

/* Its bytes as they are, likewise. */
static inline uint8_t *bytes_of(const struct safetensor *tensor)
{
    struct valence_error error;
    uint8_t *bytes = must_have(malloc(tensor->bytes + 1));
    must_work(safetensor_read(tensor, bytes, &error), &error);
    return bytes;
}

static inline void verdict(struct tally *tally, const char *what, bool fine, const char *measured)
{
    tally->n_compared++;
    tally->n_failed += !fine;
    printf("%s %-40s %s\n", fine ? "  ok  " : "FAILED", what, measured);
}

/* Largest difference within `absolute`, and the RMS of the differences within `relative` of the RMS
 * of `want`. */
static inline void compare(struct tally *tally, const char *what, int64_t n, const float *is,
                           const float *want, double absolute, double relative)
{
    double largest = 0, errors = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)is[i] - want[i];
        largest = !(fabs(d) <= largest) ? fabs(d) : largest; /* NaN stays */
        errors += d * d;
        squares += (double)want[i] * want[i];
    }
    double ratio = squares > 0 ? sqrt(errors / squares) : sqrt(errors);
    char measured[128];
    snprintf(measured, sizeof measured, "max %.2e (limit %.0e), rms/rms %.1e", largest, absolute,
             ratio);
    verdict(tally, what, largest <= absolute && ratio <= relative, measured);
}

/* The least cosine of two rows, over all rows. */
static inline double least_cosine(int64_t rows, int64_t width, const float *a, const float *b)
{
    double least = 1;
    for (int64_t i = 0; i < rows; i++, a += width, b += width) {
        double ab = 0, aa = 0, bb = 0;
        for (int64_t j = 0; j < width; j++) {
            ab += (double)a[j] * b[j];
            aa += (double)a[j] * a[j];
            bb += (double)b[j] * b[j];
        }
        double cosine = ab / sqrt(aa * bb);
        least = cosine >= least ? least : cosine;
    }
    return least;
}

static inline double largest_of(int64_t n, const float *values)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabs(values[i]) > largest ? fabs(values[i]) : largest;
    return largest;
}

static inline int conclude(const struct tally *tally)
{
    printf("%d compared, %d failed\n", tally->n_compared, tally->n_failed);
    return tally->n_failed || !tally->n_compared ? 1 : 0;
}

#endif
