/* Rows of Whisper's encoder from files of other types, beside those from f32. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_TYPES_H
#define VALENCE_TESTS_GOLDEN_WHISPER_TYPES_H

#include "golden.h"

#include <unistd.h>

#include "encode/whisper/whisper_audio.h"
#include "valence/convert.h"
#include "valence/encoder.h"

/* Rows of the last state of 2 s of made-up sound, (n, width). */
static inline struct valence_features encode(const char *gguf)
{
    enum { N = 2 * WHISPER_RATE_HZ };
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
    struct valence_features features;
    struct valence_encoder_options options = {.size = sizeof options, .layers = "final"};
    float *samples = must_have(malloc(N * sizeof *samples));
    for (int i = 0; i < N; i++)
        samples[i] = 0.3f * sinf(0.02f * (float)i * (1 + (float)i / N)) * sinf(0.0007f * (float)i);
    struct valence_encoder_input input = {.samples = samples, .n_samples = N};
    must_work(valence_encoder_load(gguf, &options, &encoder, &error), &error);
    must_work(valence_encoder_state_create(encoder, &state, &error), &error);
    must_work(valence_encoder_encode(state, &input, 1, NULL, &features, &error), &error);
    valence_encoder_state_free(state);
    valence_encoder_free(encoder);
    free(samples);
    return features;
}

/* Rows of other types beside those of f32, which stand in `gguf`. */
static inline void check_types(const char *folder, const char *gguf, struct tally *tally)
{
    static const char *const types[] = {"bf16", "q8_0"};
    struct valence_features want = encode(gguf);
    char path[64], what[160], measured[64];
    snprintf(path, sizeof path, "/tmp/golden-whisper-%d.gguf", (int)getpid());
    for (int i = 0; i < 2; i++) {
        struct valence_error error;
        struct valence_convert_options options = {
            .size = sizeof options, .overwrite = true, .type = types[i]};
        must_work(valence_convert(VALENCE_CONVERT_WHISPER, folder, path, &options, NULL, &error),
                  &error);
        struct valence_features is = encode(path);
        double cosine = least_cosine(want.offsets[1], want.width, is.rows, want.rows);
        snprintf(what, sizeof what, "%s %s", path_name(folder), types[i]);
        snprintf(measured, sizeof measured, "least cosine %.6f (limit 0.999)", cosine);
        verdict(tally, what, cosine >= 0.999, measured);
        valence_features_free(&is);
    }
    unlink(path);
    valence_features_free(&want);
}

#endif
