/* What the tests of numerical code share: memory that a teardown frees, random values, comparison
 * with a reference computed in double, and derivatives by central differences.
 *
 * Tests that include it are compiled with `real` as float, as double, or both (kernels/real.h).
 * Drawn values are exact in float, so that both builds compute from the same numbers. */
#ifndef VALENCE_TESTS_NUMBERS_H
#define VALENCE_TESTS_NUMBERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "kernels/real.h"

#define IS_DOUBLE (sizeof(real) == sizeof(double))

/* Of values and of derivatives, relative to the largest of the reference. */
#define VALUE_TOLERANCE    (IS_DOUBLE ? 1e-12 : 1e-5)
#define GRADIENT_TOLERANCE (IS_DOUBLE ? 1e-7 : 5e-5)

/* ---- Memory ---- */

struct kept {
    struct kept *next;
    void *memory;
};

static struct kept *kept_list;

/* n zeroed items until the test's teardown, release_kept(). */
static inline void *keep(int64_t n, size_t size)
{
    struct kept *kept = malloc(sizeof *kept);
    assert_non_null(kept);
    *kept = (struct kept){kept_list, allocate(n + 1, size)};
    assert_non_null(kept->memory);
    kept_list = kept;
    return kept->memory;
}

static inline int release_kept(void **state)
{
    (void)state;
    while (kept_list) {
        struct kept *next = kept_list->next;
        free(kept_list->memory);
        free(kept_list);
        kept_list = next;
    }
    return 0;
}

/* ---- Values ---- */

static inline double *draw(struct random_source *source, int64_t n)
{
    double *values = keep(n, sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (double)(float)random_normal(source);
    return values;
}

static inline real *as_reals(int64_t n, const double *values)
{
    real *reals = keep(n, sizeof *reals);
    for (int64_t i = 0; i < n; i++)
        reals[i] = (real)values[i];
    return reals;
}

static inline float *as_floats(int64_t n, const double *values)
{
    float *floats = keep(n, sizeof *floats);
    for (int64_t i = 0; i < n; i++)
        floats[i] = (float)values[i];
    return floats;
}

/* The largest difference, in units of the largest magnitude wanted, is at most `tolerance`. */
static inline void assert_near(const char *what, int64_t n, const real *values,
                               const double *wanted, double tolerance)
{
    double largest = 0, difference = 0;
    int64_t where = 0;
    for (int64_t i = 0; i < n; i++) {
        double here = fabs((double)values[i] - wanted[i]);
        largest = fmax(largest, fabs(wanted[i]));
        if (!(here <= difference)) { /* catches NaN */
            difference = here;
            where = i;
        }
    }
    if (!(difference <= tolerance * (largest + 1e-3)))
        fail_msg("%s: element %lld is %.9g instead of %.9g", what, (long long)where,
                 (double)values[where], wanted[where]);
}

static inline void assert_close(const char *what, double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance * (fabs(wanted) + 1e-3)))
        fail_msg("%s is %.12g instead of %.12g", what, value, wanted);
}

/* The derivative of objective(context) after *value, which `context` leads to. */
static inline double central_difference(double (*objective)(void *context), void *context,
                                        double *value)
{
    double centre = *value, step = 1e-5;
    *value = centre + step;
    double above = objective(context);
    *value = centre - step;
    double below = objective(context);
    *value = centre;
    return (above - below) / (2 * step);
}

static inline double *central_differences(double (*objective)(void *context), void *context,
                                          int64_t n, double *values)
{
    double *gradient = keep(n, sizeof *gradient);
    for (int64_t i = 0; i < n; i++)
        gradient[i] = central_difference(objective, context, &values[i]);
    return gradient;
}

/* Kernels add to gradients: they start at `before` everywhere, which assert_added() takes off
 * again. */
static inline real *gradient_from(double before, int64_t n)
{
    real *gradient = keep(n, sizeof *gradient);
    for (int64_t i = 0; i < n; i++)
        gradient[i] = (real)before;
    return gradient;
}

static inline void assert_added(const char *what, double before, int64_t n, real *gradient,
                                const double *wanted)
{
    for (int64_t i = 0; i < n; i++)
        gradient[i] -= (real)before;
    assert_near(what, n, gradient, wanted, GRADIENT_TOLERANCE);
}

static inline double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

#endif
