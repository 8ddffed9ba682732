/* What encoders cost: the time that each takes to make a clip's rows, beside that of the network
 * that reads them (valence/cost.h). It answers what simulated text costs beside the rest.
 *
 *     valence_encoder_cost_options_default(&options);
 *     options.whisper = "whisper-base.gguf";
 *     valence_encoder_cost_measure(&options, NULL, &costs, &error); */
#ifndef VALENCE_ENCODER_COST_H
#define VALENCE_ENCODER_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/cost.h"
#include "valence/error.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_encoder_cost_options {
    size_t size; /* set by valence_encoder_cost_options_default() */
    /* A media file, of which the first `clip_seconds` are encoded; without sound or pictures, what
     * needs them is not measured. NULL: a made-up clip, a voice-like hum and grey pictures without
     * a face. */
    const char *clip;
    double clip_seconds; /* 0.5 ... 60, 10 */
    double fps;          /* pictures a second, 0.1 ... 60, 5 */
    /* What is said, for text rows; NULL: a sentence of 25 words. */
    const char *text;
    double seconds; /* of each measurement, 1; at least two repetitions, however long they take */
    /* The models' files, NULL for those that are not there. Simulated text needs the last three. */
    const char *whisper, *faces, *manet, *wavlm, *llm, *projector;
    /* A file that remembers which models were verified, as in valence/encoder.h; NULL. */
    const char *memory;
};
VALENCE_API void valence_encoder_cost_options_default(struct valence_encoder_cost_options *options);

struct valence_encoder_cost {
    const char *name;  /* "prosody", "whisper", "wavlm", "faces", "manet", "recognition", "text",
                          "simulated_text" */
    const char *gives; /* "audio rows", ... */
    /* Why it was not measured: "the clip has no pictures"; NULL where it was. Without a model it is
     * "no model", and `model` names the option. */
    const char *absent;
    const char *model;   /* the option that names its model: "whisper"; "" where it has none */
    double load_seconds; /* to open the model: NaN where it has none */
    int64_t model_bytes; /* of its files */
    struct valence_cost_spread seconds; /* for the clip */
    int64_t n_made;                     /* rows; faces found; words heard */
};

struct valence_encoder_costs {
    int n_threads;
    double load;         /* average before: struct valence_machine */
    double clip_seconds; /* of sound */
    int64_t n_pictures;
    bool made_up; /* the clip is */
    int n_encoders;
    const struct valence_encoder_cost *encoders;
};

/* Measures each encoder on the calling thread's number of threads. *costs is NULL on failure; free
 * it with valence_encoder_costs_free(), which takes NULL. `options` may be NULL, as may `progress`.
 *
 * Errors: ARGUMENT with the option's key; those of opening the clip and of loading the models,
 * naming the encoder; CANCELLED; MEMORY. */
VALENCE_API int valence_encoder_cost_measure(const struct valence_encoder_cost_options *options,
                                             const struct valence_progress *progress,
                                             const struct valence_encoder_costs **costs,
                                             struct valence_error *error);
VALENCE_API void valence_encoder_costs_free(const struct valence_encoder_costs *costs);

#ifdef __cplusplus
}
#endif
#endif
