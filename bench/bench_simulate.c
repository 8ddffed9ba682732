/* bench-simulate WAVLM.gguf PROJECTOR.gguf LLM.gguf [SECONDS [TOKENS]]: times simulated text of
 * SECONDS (10) of made-up sound, with at most TOKENS (30) new ones. BENCH_THREADS and BENCH_FAST
 * set what their names say. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"

#include "base/random.h"
#include "base/threads.h"
#include "valence/simulate.h"

static void must_work(int status, const struct valence_error *error)
{
    if (status) {
        fprintf(stderr, "bench-simulate: %s\n", error->text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_encoder *encoders[3];
    struct valence_simulator *simulator;
    double start = seconds_now();
    if (argc < 4) {
        fprintf(stderr, "usage: bench-simulate WAVLM.gguf PROJECTOR.gguf LLM.gguf [SECONDS "
                        "[TOKENS]]\n");
        return 2;
    }
    if (getenv("BENCH_THREADS"))
        threads_set(atoi(getenv("BENCH_THREADS")));
    for (int i = 0; i < 3; i++) {
        struct valence_encoder_options options = {.size = sizeof options,
                                                  .layers = i == 0 ? "final" : NULL,
                                                  .fast = getenv("BENCH_FAST") != NULL};
        must_work(valence_encoder_load(argv[1 + i], &options, &encoders[i], &error), &error);
    }
    struct valence_simulator_options options = {.size = sizeof options,
                                                .max_tokens = argc > 5 ? atoll(argv[5]) : 30};
    must_work(valence_simulator_create(encoders[0], encoders[1], encoders[2], &options, &simulator,
                                       &error),
              &error);
    printf("loaded after %.2f s, %.0f MiB\n", seconds_now() - start, peak_mib());
    int64_t n = (int64_t)((argc > 4 ? atof(argv[4]) : 10) *
                          (double)valence_encoder_describe(encoders[0])->rate_hz);
    struct random_source source = random_source(1, 0);
    float *samples = malloc((size_t)n * sizeof *samples);
    for (int64_t i = 0; samples && i < n; i++)
        samples[i] = 0.1f * (float)random_normal(&source);
    for (int i = 0; samples && i < 2; i++) {
        struct valence_simulation heard;
        start = seconds_now();
        must_work(valence_simulate(simulator, samples, n, NULL, &heard, &error), &error);
        printf("%.2f s: %" PRId64 " passes, %" PRId64 " rows; peak %.0f MiB\n",
               seconds_now() - start, heard.n_passes, heard.n_rows, peak_mib());
        valence_simulation_free(&heard);
    }
    free(samples);
    valence_simulator_free(simulator);
    for (int i = 0; i < 3; i++)
        valence_encoder_free(encoders[i]);
    return 0;
}
