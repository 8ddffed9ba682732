/* What a kind of encoder implements behind valence/encoder.h. */
#ifndef VALENCE_ENCODE_ENCODER_KIND_H
#define VALENCE_ENCODE_ENCODER_KIND_H

#include "encode/compute/weights.h"
#include "valence/encoder.h"

struct encoder_kind {
    const char *name; /* GGUF's architecture; "llm" stands for every other one */

    size_t model_bytes, state_bytes; /* zeroed memory for them comes from encoder.c */

    /* Takes over `weights`, also on failure; fills what is its own of `description`. Of files that
     * valence wrote, the general part is filled already. */
    int (*load)(struct weights *weights, ggml_backend_dev_t device,
                const struct valence_encoder_options *options, void *model,
                struct valence_encoder_description *description, struct valence_error *error);
    void (*clear)(void *model); /* after a failure, too, as the next */

    int (*state_open)(const void *model, void *state, struct valence_error *error);
    void (*state_clear)(void *state);

    /* How many rows each of `n` inputs gives, to `n_rows`; 0 for one that encode() refuses. The
     * state may keep what it read of them for the encode() that follows. */
    int (*measure)(void *state, const struct valence_encoder_input *inputs, int64_t n,
                   int64_t *n_rows, struct valence_error *error);

    /* Fills the rows of one input, as many as measure() said. Reports progress in rows: `done` were
     * made before it, of `total`. Or, where inputs are computed together, NULL, and encode() fills
     * the rows of `features`, whose offsets and memory are made. */
    int (*encode_input)(void *state, const struct valence_encoder_input *input, float *rows,
                        int64_t n_rows, const struct valence_progress *progress, int64_t done,
                        int64_t total, struct valence_error *error);
    int (*encode)(void *state, const struct valence_encoder_input *inputs,
                  const struct valence_progress *progress, struct valence_features *features,
                  struct valence_error *error);
};

extern const struct encoder_kind encoder_wavlm, encoder_whisper, encoder_manet, encoder_projector,
    encoder_llm;

/* The encoder's model, as its kind's load() made it; NULL for an encoder of another kind. */
const void *encoder_model(const struct valence_encoder *encoder, const struct encoder_kind *kind);

#endif
