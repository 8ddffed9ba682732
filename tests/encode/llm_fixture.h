/* What the tests of language models share: the tiny Llama, a folder for files, and small
 * helpers. */
#ifndef VALENCE_TESTS_ENCODE_LLM_FIXTURE_H
#define VALENCE_TESTS_ENCODE_LLM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "valence/convert.h"
#include "valence/encoder.h"

#define GOLDEN VALENCE_TEST_DATA "/golden/"
#define LLAMA  GOLDEN "llm/tiny-llama-f32.gguf"

/* A progress that cancels after *user reports. */
static inline int cancel(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return --*(int *)user < 0;
}

static inline float *draw(int64_t n)
{
    struct random_source source = random_source(11, 0);
    float *values = malloc((size_t)n * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = 0.1f * (float)random_normal(&source);
    return values;
}

static inline void assert_same(int64_t n, const float *a, const float *b, double limit)
{
    for (int64_t i = 0; i < n; i++)
        assert_float_equal(a[i], b[i], limit);
}

#endif
