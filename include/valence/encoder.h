/* Encoders turn media into streams: WavLM (speech to audio rows), MANet (a face crop to a video
 * row), a language model (a transcript to text rows), and the projector between WavLM and a
 * language model (valence/simulate.h).
 *
 * An encoder's weights are one GGUF file: that of WavLM, MANet or a projector is made once from the
 * published checkpoint by valence_convert() (valence/convert.h); a language model's is any that
 * llama.cpp takes and that is causal. The model is shared and only read; each thread works with a
 * state of its own. */
#ifndef VALENCE_ENCODER_H
#define VALENCE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Encoding ---- */

/* The model's beginning-of-sequence token in struct valence_encoder_options, `prefix`. */
#define VALENCE_PREFIX_BOS "<bos>"

struct valence_encoder;
struct valence_encoder_state;

/* Set it with valence_encoder_options_default(), then change what you need. */
struct valence_encoder_options {
    size_t size;

    /* "cpu" (NULL), "gpu", "cuda", "vulkan", or ggml's name of one ("CUDA1") */
    const char *device;

    /* Hidden states 0 ... n_layers, negative from the end; "20,24" side by side, "20+24" summed.
     * WavLM: "-5" (NULL); -1 the raw last, "final" the normed, "conv" the convolutions' output.
     * LLM: "-4+-3+-2+-1" (NULL); -1 the final-normed last (as in transformers), "raw" the last
     * before the norm. MANet: "embedding" (NULL) or "logits". */
    const char *layers;

    /* A file that remembers which models were verified, by path, size and time of change: see
     * valence_encoder_load(). It is made where it does not exist. NULL: only this process
     * remembers. */
    const char *memory;
    bool unverified; /* no verification: the file is known to be good */

    /* WavLM: longer clips are computed in overlapping windows of this; 0: 120 */
    double window_seconds;
    bool plain; /* ggml's own operations on a CPU too: what other devices compute, for comparison */

    /* LLM: what the model reads before each transcript, which has no rows: a text,
     * VALENCE_PREFIX_BOS for the model's beginning-of-sequence token, or that and a text (which is
     * all that a model without such a token reads). NULL or "": nothing but what the tokenizer
     * adds. */
    const char *prefix;
    bool
        drop_special; /* LLM: no rows for tokens that the tokenizer adds around a text (BOS, ...) */
    bool mean;        /* LLM: one row a transcript, the mean of its tokens' rows */
    bool fast; /* LLM: flash attention and an f16 cache: half the cache, rows off by some 1e-2 */
    int64_t batch_tokens; /* LLM: computed at once, short transcripts together; 0: 256 */
    /* LLM: longer transcripts in overlapping windows; 0: 2048, or the model's context */
    int64_t window_tokens;

    /* LLM: what the model reads after each transcript that is not empty. Its tokens have rows, the
     * last ones of the transcript. NULL or "": nothing. */
    const char *suffix;
};

VALENCE_API void valence_encoder_options_default(struct valence_encoder_options *options);

/* What an encoder is and gives. Texts belong to the encoder. */
struct valence_encoder_description {
    const char *kind; /* "wavlm", "whisper", "manet", "llm", "projector"; "faces" of a detector */
    const char *architecture; /* GGUF's: the kind; of an LLM "llama", "qwen3", ... */
    const char *source;       /* name of the file it was converted from; of an LLM, of its GGUF */

    /* SHA-256 of that file, hexadecimal. Of an LLM: of its architecture and its one-dimensional f32
     * tensors, which all quantisations of a model share; so it names the model, not the file, and a
     * model in several files has that of the whole. A BPE tokenizer that does not say how it splits
     * words, and so may make other tokens, counts, too. */
    const char *fingerprint;

    const char *license; /* of the weights, as given at conversion; "" where it is not stated */
    const char *type;    /* of the matrices: "f32", "q8_0", ... (of an LLM, of the most) */
    const char
        *warning; /* what may make its rows differ from the original's; "" where nothing does */
    const char *device;
    const char *layers;  /* WavLM and LLM; MANet: its output; "" elsewhere */
    int64_t width;       /* of a row */
    int64_t n_layers;    /* WavLM and LLM; 0 elsewhere */
    int64_t rate_hz;     /* WavLM: of the samples it takes; 0 elsewhere */
    int64_t hop;         /* WavLM: samples from row to row; 0 elsewhere */
    int64_t reach;       /* WavLM: samples a row sees, the shortest clip; 0 elsewhere */
    int64_t side;        /* MANet: pixels of the square that pictures are resized to; 0 elsewhere */
    int64_t context;     /* LLM: positions it was trained on; 0 elsewhere */
    int64_t frame_width; /* projector: of the rows it takes; 0 elsewhere */
    int64_t frames_joined;   /* projector: rows that it takes for one of its own; 0 elsewhere */
    const char *wavlm, *llm; /* projector: fingerprints of what it belongs to; NULL elsewhere */
};

/* Loads a GGUF file; its kind is found in it. `options` may be NULL. *encoder is NULL on failure.
 *
 * A file that was never loaded before is verified first. Of one that valence converted, the digest
 * in it is checked. A language model is loaded, and computes a few tokens, in a child process
 * (fork(), on the CPU, on one thread): llama.cpp aborts on some damaged files, and the child's
 * death is an error here instead of the end of the caller.
 *
 * Errors: IO; FORMAT, SHAPE where the file is damaged; UNSUPPORTED for another architecture (for an
 * LLM also one that is not causal, or recurrent), with the key "faces_model" for face networks
 * (valence/faces.h), or a device that does not exist; ARGUMENT for layers that the model does not
 * have; MEMORY. */
VALENCE_API int valence_encoder_load(const char *path,
                                     const struct valence_encoder_options *options,
                                     struct valence_encoder **encoder, struct valence_error *error);
VALENCE_API void valence_encoder_free(struct valence_encoder *encoder);

VALENCE_API const struct valence_encoder_description *
valence_encoder_describe(const struct valence_encoder *encoder);

/* What encoding needs besides the encoder: one per thread. It grows as inputs need. */
VALENCE_API int valence_encoder_state_create(const struct valence_encoder *encoder,
                                             struct valence_encoder_state **state,
                                             struct valence_error *error);
VALENCE_API void valence_encoder_state_free(struct valence_encoder_state *state);

/* One input: a clip's sound, a picture, a transcript or rows of WavLM. */
struct valence_encoder_input {
    const float *samples; /* WavLM: mono, at description.rate_hz, full scale 1 */
    int64_t n_samples;
    const uint8_t *pixels; /* MANet: RGB, row by row, packed */
    int64_t width, height; /* 1 ... 16384 */

    /* LLM: a transcript, UTF-8 of up to 1 MiB, tokenised with the special tokens that the model
     * wants around a text, never as special tokens itself. White space at its ends is left out;
     * with nothing left it has no rows. */
    const char *text;

    const float *frames; /* projector: (n_frames, frame_width), WavLM's "final" */
    int64_t n_frames;    /* the last n_frames mod frames_joined are not used */
};

/* The rows of all inputs, concatenated; input i owns rows offsets[i] ... offsets[i+1]-1. Free with
 * valence_features_free(). */
struct valence_features {
    int64_t n_inputs, width;
    int64_t *offsets; /* (n_inputs + 1) */
    float *rows;      /* (offsets[n_inputs], width) */
};

/* Encodes a batch. An input's rows do not depend on the others beyond rounding: f32 results of a
 * picture or a transcript may differ by some 1e-6 with its place in the batch. `progress` may be
 * NULL.
 *
 * A transcript longer than the window is computed in windows that share a third, so that behind the
 * first window a token sees a third to a whole of a window before it (after the
 * beginning-of-sequence token, where the model wants one).
 *
 * Thread-safe for distinct states. Errors: DATA for samples that are not finite, clips shorter than
 * `reach`, text that is not UTF-8, rows that are not finite; LIMIT for pictures and texts beyond
 * the sizes above; UNSUPPORTED for an LLM whose hidden states llama.cpp does not name; CANCELLED;
 * MEMORY. *features is cleared on failure. */
VALENCE_API int valence_encoder_encode(struct valence_encoder_state *state,
                                       const struct valence_encoder_input *inputs, int64_t n_inputs,
                                       const struct valence_progress *progress,
                                       struct valence_features *features,
                                       struct valence_error *error);
VALENCE_API void valence_features_free(struct valence_features *features);

#ifdef __cplusplus
}
#endif
#endif
