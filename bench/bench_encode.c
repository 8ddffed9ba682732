/* bench-encode MODEL.gguf [SIZE [REPEATS]]: times an encoder on made-up input. SIZE is seconds of
 * sound for WavLM (10), pictures of a batch for MANet (32). Prints a line per repeat and the peak
 * of resident memory. BENCH_LEVEL limits kernels to a processor's instructions (level.h),
 * BENCH_LAYERS chooses rows, BENCH_THREADS threads. BENCH_ROWS names a file for the rows, 32-bit
 * floats, to compare types and levels. bench-encode limit: what OpenBLAS's sgemm reaches with one
 * of WavLM-Large's layers over ten seconds, GFLOP/s. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "level.h"
#include "measure.h"

#include "base/random.h"
#include "base/threads.h"
#include "kernels/gemm.h"
#include "valence/encoder.h"

static int fail_with(const struct valence_error *error)
{
    fprintf(stderr, "bench-encode: %s\n", error->text);
    return 1;
}

/* Inputs of `size` seconds (one) or pictures (`size` of them). */
static struct valence_encoder_input *
make_inputs(const struct valence_encoder_description *description, double size, int64_t *n_inputs)
{
    struct random_source source = random_source(1, 0);
    *n_inputs = description->rate_hz ? 1 : (int64_t)size;
    struct valence_encoder_input *inputs = calloc((size_t)*n_inputs, sizeof *inputs);
    for (int64_t i = 0; inputs && i < *n_inputs; i++) {
        int64_t n = description->rate_hz ? (int64_t)(size * (double)description->rate_hz)
                                         : 3 * description->side * description->side;
        float *samples = malloc((size_t)n * sizeof *samples);
        uint8_t *pixels = malloc((size_t)n);
        if (!samples || !pixels)
            return NULL;
        for (int64_t j = 0; j < n; j++) {
            samples[j] = 0.1f * (float)random_normal(&source);
            pixels[j] = (uint8_t)random_u32(&source);
        }
        inputs[i] = (struct valence_encoder_input){.samples = samples,
                                                   .n_samples = n,
                                                   .pixels = pixels,
                                                   .width = description->side,
                                                   .height = description->side};
    }
    return inputs;
}

static void write_rows(const struct valence_features *features, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t n = (size_t)(features->offsets[features->n_inputs] * features->width);
    if (!file || fwrite(features->rows, sizeof *features->rows, n, file) != n)
        fprintf(stderr, "bench-encode: %s cannot be written\n", path);
    if (file)
        fclose(file);
}

static int print_limit(void)
{
    enum { ROWS = 499, IN = 1024, OUT = 4096, REPEATS = 20 };
    float *x = calloc(ROWS * IN, sizeof *x), *w = calloc(OUT * IN, sizeof *w),
          *y = calloc(ROWS * OUT, sizeof *y);
    double best = 1e30;
    for (int i = 0; x && w && y && i < REPEATS; i++) {
        double begin = seconds_now();
        gemm(AS_IS, TRANSPOSED, ROWS, OUT, IN, 1, x, IN, w, IN, 0, y, OUT);
        double seconds = seconds_now() - begin;
        best = seconds < best ? seconds : best;
    }
    printf("%.1f\n", 2e-9 * ROWS * IN * OUT / best);
    free(x);
    free(w);
    free(y);
    return 0;
}

int main(int argc, char **argv)
{
    double start = seconds_now();
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
    if (argc < 2) {
        fprintf(stderr, "usage: bench-encode MODEL.gguf [SIZE [REPEATS]]\n");
        return 2;
    }
    if (getenv("BENCH_THREADS"))
        threads_set(atoi(getenv("BENCH_THREADS")));
    if (getenv("BENCH_LEVEL") && !limit_to_level(getenv("BENCH_LEVEL"))) {
        fprintf(stderr,
                "bench-encode: BENCH_LEVEL is none of " LEVELS ", or not of this processor\n");
        return 1;
    }
    if (strcmp(argv[1], "limit") == 0)
        return print_limit();
    struct valence_encoder_options options = {
        .size = sizeof options, .layers = getenv("BENCH_LAYERS"), .device = getenv("BENCH_DEVICE")};
    if (valence_encoder_load(argv[1], &options, &encoder, &error) ||
        valence_encoder_state_create(encoder, &state, &error))
        return fail_with(&error);
    const struct valence_encoder_description *description = valence_encoder_describe(encoder);
    printf("%s %s loaded after %.3f s\n", description->kind, description->type,
           seconds_now() - start);
    double size = argc > 2 ? atof(argv[2]) : description->rate_hz ? 10 : 32;
    int64_t n_inputs;
    struct valence_encoder_input *inputs = make_inputs(description, size, &n_inputs);
    if (!inputs)
        return 1;
    for (int i = 0; i < (argc > 3 ? atoi(argv[3]) : 3); i++) {
        struct valence_features features;
        double begin = seconds_now(), cpu_begin = cpu_seconds();
        if (valence_encoder_encode(state, inputs, n_inputs, NULL, &features, &error))
            return fail_with(&error);
        double seconds = seconds_now() - begin;
        printf("%.3f s, %.2f %s, result %d after %.3f s, %.3f s of processor time\n", seconds,
               size / seconds, description->rate_hz ? "x real time" : "pictures/s", i + 1,
               seconds_now() - start, cpu_seconds() - cpu_begin);
        if (getenv("BENCH_ROWS"))
            write_rows(&features, getenv("BENCH_ROWS"));
        valence_features_free(&features);
    }
    printf("peak %.0f MiB\n", peak_mib());
    return 0;
}
