/* What models cost: parameters, operations, time and memory, measured.
 *
 * The networks of a configuration and of all baselines (valence_train_get_model()) are trained for
 * a moment by valence_train() and then score clips, on the caller's threads:
 *
 *     valence_train_config_for_store(config, "corpus", &error);
 *     options.folder = "trial";
 *     valence_cost_measure(config, &options, NULL, &cost, &error);
 *     printf("%.2f ms\n", cost->models[0].latency_complete.median * 1e3);
 *
 * valence/encoder_cost.h has what comes before: the encoders and language models. */
#ifndef VALENCE_COST_H
#define VALENCE_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/machine.h"
#include "valence/model.h"
#include "valence/progress.h"
#include "valence/stream.h"
#include "valence/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a network's operations go: the one list of parts, key. */
#define VALENCE_COST_PART_MAP(X)                                                                   \
    X(PROJECTION, "projection")     /* of the streams' rows; of linear, their means */             \
    X(TRANSFORMERS, "transformers") /* cross-modal ones, computed twice in training */             \
    X(POOLING, "pooling")           /* attention over rows, and the modalities' MLPs */            \
    X(IMAGINATION, "imagination")   /* MIA, of representations and cross outputs */                \
    X(QUERIES, "queries")           /* modality weights and query views */                         \
    X(CROSS, "cross")               /* cross-attention and its MLPs */                             \
    X(GATHERING, "gathering")       /* view weights, or the MLP in their place; heads */

enum valence_cost_part {
#define VALENCE_COST_PART_ENUM(name, key) VALENCE_COST_##name,
    VALENCE_COST_PART_MAP(VALENCE_COST_PART_ENUM)
#undef VALENCE_COST_PART_ENUM
        VALENCE_N_COST_PARTS
};
extern VALENCE_API const char *const valence_cost_part_keys[VALENCE_MAX_NAMES];

struct valence_cost_options {
    size_t size;              /* set by valence_cost_options_default() */
    enum valence_split split; /* whose clips are scored: test */
    /* Of each of three measurements of a model: 1. There are at least five repetitions, or two
     * where they take ten times as long. */
    double seconds;
    int64_t batch_size; /* clips that are scored together, 64; training's is the configuration's */
    bool baselines;     /* the baselines too: true */
    /* Where models are trained: a folder that does not exist yet and is removed. Needed. */
    const char *folder;
};
VALENCE_API void valence_cost_options_default(struct valence_cost_options *options);

/* Of n repetitions, each of a clip, a batch or a step. NaN and 0 where it was not measured. */
struct valence_cost_spread {
    double median, low, high; /* low and high: the 5th and the 95th percentile */
    int64_t n;
};

/* Times in seconds, rates in clips a second. Operations are those of matrix products, 2 m n k each;
 * biases, activations, softmax, losses and the optimizer are not counted. */
struct valence_model_cost {
    /* "full", the configuration itself; "no-mia", the same without imagination; a baseline's name
     */
    const char *name;
    const char *help; /* what it is, in a few words */
    int64_t n_parameters;
    int n_flows; /* trained */
    /* Operations of a clip with the mean number of rows of those that are scored: in the complete
     * flow alone, and in all trained flows at once. */
    double clip_complete, clip_all;
    /* Of a training step, forward and backward; 0 of a model in closed form. And its parts. */
    double step;
    double step_parts[16]; /* by enum valence_cost_part */
    /* One clip alone, its rows in memory. */
    struct valence_cost_spread latency_complete, latency_all;
    /* Batches in memory, in the complete flow. */
    struct valence_cost_spread scoring_rate;
    /* Training steps: the time of one, and the rate, both with the reading of the batch. Of a model
     * in closed form the rate alone, of its whole training. */
    struct valence_cost_spread step_seconds, training_rate;
    /* The most that networks and batches took at once beyond what was there before: parameters,
     * gradients, optimizer, activations, rows. */
    int64_t scoring_bytes, training_bytes;
};

struct valence_cost {
    const char *version; /* of valence */
    struct valence_machine machine;
    int n_threads;
    const char *store;
    bool synthetic;
    enum valence_split split;
    int64_t n_clips;                       /* scored */
    int64_t batch_size;                    /* scored together */
    int64_t training_batch_size;           /* of a step */
    double mean_rows[VALENCE_MAX_STREAMS]; /* of a clip scored */
    double step_rows[VALENCE_MAX_STREAMS]; /* of a training clip */
    int64_t widths[VALENCE_MAX_STREAMS];   /* 0: no such stream */
    int n_models;
    const struct valence_model_cost *models;
};

/* Measures. The configuration names the store; its "threads" holds for training. *cost is NULL on
 * failure; free it with valence_cost_free(), which takes NULL. `options` may not be NULL: `folder`
 * is needed. `progress` may be NULL.
 *
 * Other programs on the machine make times longer: look at cost->machine.load.
 *
 * Errors: ARGUMENT with the option's key; those of valence_train() and of scoring; NOT_FOUND where
 * the split has no clips; CANCELLED; IO, MEMORY. */
VALENCE_API int valence_cost_measure(const struct valence_train_config *config,
                                     const struct valence_cost_options *options,
                                     const struct valence_progress *progress,
                                     const struct valence_cost **cost, struct valence_error *error);
VALENCE_API void valence_cost_free(const struct valence_cost *cost);

#ifdef __cplusplus
}
#endif
#endif
