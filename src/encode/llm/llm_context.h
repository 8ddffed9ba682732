/* Computing with a language model: batches of tokens or embeddings in several sequences, and the
 * hidden states of their rows, taken out of llama.cpp's graph while it is computed and added up
 * where the caller wants them. */
#ifndef VALENCE_ENCODE_LLM_LLM_CONTEXT_H
#define VALENCE_ENCODE_LLM_LLM_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/llm/language_model.h"
#include "valence/progress.h"

struct llm_context_sizes {
    int64_t positions; /* of the cache, for all sequences together */
    int64_t batch;     /* rows computed at once */
    int64_t sequences; /* 1 ... 256 */
    int64_t outputs;   /* rows of a batch whose logits, final norm or last layer are wanted */
    bool fast;         /* flash attention, f16 cache; else as exact as f32 is */
};

#define LLM_MAX_SEQUENCES 256

/* Where the taps of a batch's row go: values times `scale` are added to `to`, (taps.width); NULL:
 * nowhere. */
struct llm_row {
    float *to;
    float scale;
};

struct llm_context {
    const struct language_model *model;
    struct llama_context *context;
    struct llama_batch batch; /* of the kind below; rows are added by the functions below */
    bool embeddings;          /* the batch's rows are embeddings, not tokens */
    struct llm_context_sizes sizes;

    const struct taps *taps; /* NULL: none are taken */
    /* what the taps do not need is not computed: no logits, no cache of later layers */
    bool only_taps;
    struct llm_row *rows; /* (sizes.batch), those of the batch */
    float *values;        /* (sizes.batch, width), a tensor fetched from the device */
    int64_t *n_taken;     /* (n_layers + 2), rows of each hidden state in this batch */
    const char *mismatch; /* what a tapped tensor was not */

    /* asked while computing whether to go on; NULL: never */
    const struct valence_progress *progress;
    struct valence_progress_event event; /* what it is told */
    int64_t n_polls;
    bool cancelled;
};

/* llama.cpp keeps the address: a context must not move. Errors: MEMORY; UNSUPPORTED, with
 * llama.cpp's reason. *context is cleared on failure. */
int llm_context_create(struct llm_context *context, const struct language_model *model,
                       const struct llm_context_sizes *sizes, struct valence_error *error);
void llm_context_free(struct llm_context *context);

/* Forgets all sequences. */
void llm_context_clear(struct llm_context *context);

/* Sequence `to` becomes a copy of `from`, sharing its cells; or is forgotten. */
void llm_sequence_copy(struct llm_context *context, int64_t from, int64_t to);
void llm_sequence_remove(struct llm_context *context, int64_t sequence);

/* Starts a batch of tokens or of embeddings; then rows are added, up to sizes.batch. `output`: the
 * row's logits are wanted. Rows of taps that need the last layer are outputs anyway. */
void llm_batch_begin(struct llm_context *context, bool embeddings);
void llm_batch_add_token(struct llm_context *context, llama_token token, int64_t position,
                         int64_t sequence, bool output, struct llm_row row);
void llm_batch_add_embedding(struct llm_context *context, const float *embedding, int64_t position,
                             int64_t sequence, bool output, struct llm_row row);
int64_t llm_batch_n(const struct llm_context *context);

/* Computes the batch. Errors: CANCELLED; UNSUPPORTED for a tap that the architecture's graph has
 * not under llama.cpp's usual name; LIMIT where the cache is full; MEMORY. */
int llm_batch_compute(struct llm_context *context, struct valence_error *error);

/* Logits of the batch's row, (n_vocab), until the next batch. */
const float *llm_batch_logits(const struct llm_context *context, int64_t row);

#endif
