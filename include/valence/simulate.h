/* Simulated text: what a language model hears in speech, as a stream that stands in for a missing
 * transcript.
 *
 *     samples -> WavLM, final-normed rows -> projector -> [audio positions][prompt tokens] ->
 * language model
 *             -> beam search -> hidden states along the hypothesis
 *
 * Source: arXiv 2410.15029, section 2.1; SLAM-LLM's public scripts; the search as transformers 5.24
 * does it. */
#ifndef VALENCE_SIMULATE_H
#define VALENCE_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/encoder.h"

#include "valence/api.h"
#ifdef __cplusplus
extern "C" {
#endif

/* "{}" stands for the instruction. */
#define VALENCE_PROMPT_TEMPLATE   "USER: {}\n ASSISTANT:"
#define VALENCE_INSTRUCTION_SHORT "Transcribe speech to text. "
#define VALENCE_INSTRUCTION_LONG                                                                   \
    VALENCE_INSTRUCTION_SHORT "Output the transcription directly without redundant content. "      \
                              "Ensure that the output is not duplicated. "

/* Which rows a simulation gives; every row is the sum (or other choice) of hidden states that the
 * LLM was loaded with. The last token of a hypothesis was chosen but never read by the model: it
 * has no row. */
enum valence_reading {
    VALENCE_READING_WINNER,   /* one a token of the winning hypothesis but the last */
    VALENCE_READING_REFERENCE /* one a pass of the search after the first, of the hypothesis then
                                 best among the unfinished, as the published script takes them: they
                                 may change hypothesis, and continue after the winner has ended */
};

/* "winner", "reference" */
extern VALENCE_API const char *const valence_reading_names[VALENCE_MAX_NAMES];

/* Set it with valence_simulator_options_default(), then change what you need. */
struct valence_simulator_options {
    size_t size;
    const char *prompt_template; /* NULL: VALENCE_PROMPT_TEMPLATE */
    const char *instruction;     /* NULL: VALENCE_INSTRUCTION_LONG */
    int64_t n_beams;             /* 1 ... 16; 0: 4; 1 is greedy */
    int64_t max_tokens;          /* new ones, 1 ... 4096; 0: 200 */
    enum valence_reading reading;
};

VALENCE_API void valence_simulator_options_default(struct valence_simulator_options *options);

/* A simulator works with three encoders, which it only reads and which must outlive it, and has a
 * state of its own: one per thread. `options` may be NULL; it is not kept.
 *
 * Errors: ARGUMENT for encoders of other kinds, a WavLM not loaded with layers "final", options out
 * of range; SHAPE for widths that do not fit; DATA for a projector that belongs to another WavLM or
 * LLM, naming both; UNSUPPORTED; MEMORY. *simulator is NULL on failure. */
struct valence_simulator;
VALENCE_API int valence_simulator_create(const struct valence_encoder *wavlm,
                                         const struct valence_encoder *projector,
                                         const struct valence_encoder *llm,
                                         const struct valence_simulator_options *options,
                                         struct valence_simulator **simulator,
                                         struct valence_error *error);
VALENCE_API void valence_simulator_free(struct valence_simulator *simulator);

/* Where the three encoders are, and how they are loaded. */
struct valence_simulator_models {
    size_t size;
    const char *wavlm, *projector, *llm; /* GGUF files */
    const char *layers;                  /* of the LLM; this and the next two as in encoder.h */
    const char *device, *memory;
    bool mean; /* one row a clip, the mean of the hypothesis's */
};

VALENCE_API void valence_simulator_models_default(struct valence_simulator_models *models);

/* Loads the encoders and makes a simulator that owns them. `options` may be NULL. *simulator is
 * NULL on failure. Errors: those of valence_encoder_load() and valence_simulator_create(). */
VALENCE_API int valence_simulator_open(const struct valence_simulator_models *models,
                                       const struct valence_simulator_options *options,
                                       struct valence_simulator **simulator,
                                       struct valence_error *error);

/* Which models simulate, and how: a JSON object as text that belongs to the simulator. */
VALENCE_API const char *valence_simulator_settings(const struct valence_simulator *simulator);

/* The rate of the samples that it takes, and the width of its rows. */
VALENCE_API int64_t valence_simulator_rate_hz(const struct valence_simulator *simulator);
VALENCE_API int64_t valence_simulator_width(const struct valence_simulator *simulator);

/* What looks wrong with a hypothesis: a set. */
enum valence_simulation_flag {
    VALENCE_SIMULATION_EMPTY = 1, /* no letter and no digit in the text, or no row */
    VALENCE_SIMULATION_REPEATS =
        2, /* a group of tokens occurs at least 4 times in a row, over at least 12 tokens */
    VALENCE_SIMULATION_REFUSAL =
        4, /* begins as language models decline ("I'm sorry, but ...") and speaks of the task */
    VALENCE_SIMULATION_CUT = 8 /* max_tokens came before the end-of-sequence token */
};
#define VALENCE_N_SIMULATION_FLAGS   4
#define VALENCE_MAX_SIMULATION_FLAGS 8
extern VALENCE_API const char *const valence_simulation_flag_names[VALENCE_MAX_NAMES];

/* What the model heard. Free with valence_simulation_free(). */
struct valence_simulation {
    char *text; /* the winner's tokens except special ones, trimmed, UTF-8 */
    /* its log-probability divided by its tokens, the end-of-sequence token among both */
    double score;
    unsigned flags; /* enum valence_simulation_flag */
    int64_t n_tokens;
    int32_t *tokens;          /* (n_tokens), the end-of-sequence token last where it came */
    float *log_probabilities; /* (n_tokens), each given all before it */
    int64_t n_passes;         /* of the search */
    int64_t n_rows, width;
    float *rows; /* (n_rows, width) */
};

/* `samples`: mono, at WavLM's rate, full scale 1. `progress` may be NULL. *simulation is cleared on
 * failure.
 *
 * Errors: those of encoding with WavLM; LIMIT where audio, prompt and max_tokens exceed the model's
 * context; DATA where the clip is too short for one audio position; CANCELLED, also within a
 * search; MEMORY. */
VALENCE_API int valence_simulate(struct valence_simulator *simulator, const float *samples,
                                 int64_t n_samples, const struct valence_progress *progress,
                                 struct valence_simulation *simulation,
                                 struct valence_error *error);

/* The same from WavLM's final-normed rows, (n_frames, its width). An LLM loaded with `mean` gives
 * one row. */
VALENCE_API int valence_simulate_frames(struct valence_simulator *simulator, const float *frames,
                                        int64_t n_frames, const struct valence_progress *progress,
                                        struct valence_simulation *simulation,
                                        struct valence_error *error);
VALENCE_API void valence_simulation_free(struct valence_simulation *simulation);

#ifdef __cplusplus
}
#endif
#endif
