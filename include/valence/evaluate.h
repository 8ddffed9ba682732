/* Measuring models on a split of a store, and comparing them.
 *
 *     valence_model_load("run/best.safetensors", &model, &error);
 *     valence_store_open("corpus", &store, &error);
 *     valence_evaluate(model, store, NULL, NULL, &evaluation, &error);
 *     printf("%.3f\n", evaluation->flows[0].metrics.values[VALENCE_METRIC_MAE]); */
#ifndef VALENCE_EVALUATE_H
#define VALENCE_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/collective.h"
#include "valence/error.h"
#include "valence/metrics.h"
#include "valence/model.h"
#include "valence/progress.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What labels mean ---- */

/* The scale of a store's labels: classes where the store declares some; classes3 where every label
 * is -1, 0 or 1; else sims where they were declared to lie in -1 ... 1 when they were imported;
 * else sentiment where they lie in -3 ... 3 and no other range was declared; else other. */
VALENCE_API enum valence_scale valence_store_scale(const struct valence_store *store);

/* ---- Is it the data that a model was trained on? ---- */

enum valence_data_match {
    VALENCE_DATA_UNKNOWN, /* the checkpoint does not say what it was trained on */
    VALENCE_DATA_SAME,
    VALENCE_DATA_OTHER /* other clips, labels, splits or rows */
};

/* Compares a store with the fingerprint of the training's data in the checkpoint: the ids, labels,
 * splits and lengths of all training and validation clips, and the rows of some of them, so that it
 * takes no time. Errors: those of reading the store. */
VALENCE_API int valence_model_match_data(const struct valence_model *model,
                                         const struct valence_store *store,
                                         enum valence_data_match *match,
                                         struct valence_error *error);

/* ---- Evaluation ---- */

struct valence_evaluate_options {
    size_t size;              /* set by valence_evaluate_options_default() */
    enum valence_split split; /* test */
    /* The flows to measure, the first being what others are compared with; NULL and 0: those that
     * the model was trained with. */
    const unsigned *flows;
    int n_flows;
    int scale;           /* enum valence_scale, or -1: valence_store_scale() */
    int64_t n_resamples; /* for intervals of the metrics, 2000; 0: none */
    uint64_t seed;       /* of the resampling, 1 */
    int64_t batch_size;  /* clips computed together, 64 */
    int64_t max_rows;    /* of a stream of a clip, 10000; longer ones are cut at their end */
    double level;        /* of a prediction's interval, 0.9; limits: valence/reliability.h */
    /* For a store whose labels are on another scale than those of the training: what its labels
     * stand for ("0=-1,1=0,2=1", "-10=" for no label), then a formula in x ("x-3", "(x-50)/25"), as
     * in valence/import.h; NULL: the labels as they are. */
    const char *label_values, *label_map;
    /* The store's stream that is read as text: recognised or damaged words, say, encoded as the
     * model's text was. NULL: the one that it was trained with. */
    const char *text_stream;
    /* The ranks that evaluate together (valence/collective.h); NULL: this process alone. All of
     * them call valence_evaluate(), or valence_compare(), with the same options, model and clips.
     * Each scores its share of the clips and computes its share of the resamples, and all get the
     * whole evaluation: the bytes that one rank with as many threads gets. Where one rank fails,
     * all do: it with its own error, which names the rank, the others with ERROR_RANK. A rank whose
     * progress function cancels stops all. */
    const struct valence_collective *collective;
};
VALENCE_API void valence_evaluate_options_default(struct valence_evaluate_options *options);

/* Of the intervals of metrics. */
#define VALENCE_METRIC_LEVEL 0.95

/* How reliable the predictions of a flow were said to be: the one list of figures, key in JSON. */
#define VALENCE_RELIABILITY_MAP(X)                                                                 \
    X(COVERAGE, "coverage")       /* share of the labels in their prediction's interval */         \
    X(WIDTH, "mean_width")        /* of the intervals */                                           \
    X(EXPECTED, "expected_error") /* mean; compare it with the MAE */

enum valence_reliability_figure {
#define VALENCE_RELIABILITY_ENUM(name, key) VALENCE_RELIABILITY_##name,
    VALENCE_RELIABILITY_MAP(VALENCE_RELIABILITY_ENUM)
#undef VALENCE_RELIABILITY_ENUM
        VALENCE_N_RELIABILITY_FIGURES
};
extern VALENCE_API const char *const valence_reliability_keys[VALENCE_MAX_NAMES];

/* A flow measured on all clips of an evaluation. */
struct valence_flow_evaluation {
    unsigned flow; /* the set of missing modalities */
    bool trained;  /* the model was trained with it */
    float *scores; /* (n_clips), as the network gives them */
    struct valence_metrics metrics;
    struct valence_interval *intervals;   /* (VALENCE_N_METRICS); NaN without resamples */
    struct valence_interval *differences; /* (VALENCE_N_METRICS), of this flow less the first */
    /* (VALENCE_N_RELIABILITY_FIGURES); NaN where the model has no calibration set for the flow */
    double *reliability;
    int64_t n_incomplete;  /* clips that lack a modality which the model reads in this flow */
    int64_t n_unsimulated; /* clips without simulated text, where the flow reads it */
    int64_t n_outside;     /* clips far outside the training data (valence/score.h) */
    /* Of classes: (n_classes, n_classes) counts by label, then by prediction
     * (valence_confusion_compute()); else NULL. `scores` are then numbers of classes. */
    int64_t *confusion;
};

/* The ids belong to the store. */
struct valence_evaluation {
    enum valence_split split;
    enum valence_scale scale;
    bool synthetic; /* the store's data are made up */
    enum valence_data_match data;
    double level; /* of predictions' intervals */
    int64_t n_resamples;

    int64_t n_clips;
    int64_t *clips; /* (n_clips): indices in the store */
    float *labels;  /* (n_clips) */

    /* Clips that were left out. */
    int64_t n_unlabelled;
    int64_t n_empty;    /* no rows in any stream that the model reads */
    int64_t n_unscored; /* values too large for the network */
    const char *first_unscored;

    /* Clips whose label lies outside the range of the labels that the model was trained on. */
    int64_t n_labels_beyond;

    int64_t n_cut; /* longer than max_rows */
    const char *first_cut;
    const char *first_outside; /* far outside the training data in the first flow, or NULL */

    int n_flows;
    struct valence_flow_evaluation *flows;

    /* The best constant score: the median of the training labels; NaN where the store has no
     * labelled training clip. */
    float constant;
    struct valence_metrics constant_metrics;

    /* Of first_outside: the store's stream and the column that lie furthest outside; NULL and -1
     * where nothing does. */
    const char *outside_stream;
    int64_t outside_column;

    int n_classes; /* 0 where labels are scores; their names are those of the store's label scale */
    /* Clips whose label lies outside the range that the metrics of `scale` are defined for. */
    int64_t n_beyond_scale;

    char clips_sha256[65]; /* of the ids and labels of `clips`, in this order */
    /* Of the model's training: the fingerprint of its data, and the configuration as a JSON object;
     * "" where the checkpoint does not say. */
    char trained_on[64];
    const char *configuration;
};

/* Measures a model. *evaluation is NULL on failure; free with valence_evaluation_free(), which
 * takes NULL. `options` and `progress` may be NULL.
 *
 * Errors: NOT_FOUND where no clip of the split has a label and features, or the store has none of
 * the model's streams; DATA with key "labels" where the model gives scores and the store's labels
 * are classes, or the other way round, or they are other classes; SHAPE where a stream has another
 * width; DATA where a stream was not encoded as for training; ARGUMENT for options out of range;
 * CANCELLED; those of reading the store; DATA where ranks have different models or clips, RANK;
 * MEMORY. */
VALENCE_API int valence_evaluate(const struct valence_model *model,
                                 const struct valence_store *store,
                                 const struct valence_evaluate_options *options,
                                 const struct valence_progress *progress,
                                 const struct valence_evaluation **evaluation,
                                 struct valence_error *error);
VALENCE_API void valence_evaluation_free(const struct valence_evaluation *evaluation);

/* ---- Several seeds ---- */

/* Mean and standard deviation (n - 1) of a metric, or of a figure of reliability, over evaluations
 * of several models in the same flows; a value undefined in one is undefined in all. `flow` is an
 * index. */
struct valence_seed_summary {
    double mean, deviation;
};
VALENCE_API struct valence_seed_summary
valence_summarise_metric(const struct valence_evaluation *const *evaluations, int n, int flow,
                         enum valence_metric metric);
VALENCE_API struct valence_seed_summary
valence_summarise_reliability(const struct valence_evaluation *const *evaluations, int n, int flow,
                              enum valence_reliability_figure figure);

/* ---- Comparison ---- */

struct valence_difference {
    double value;                     /* NaN where a metric is undefined in any of the models */
    struct valence_interval interval; /* of VALENCE_METRIC_LEVEL; NaN without resamples */
};

struct valence_comparison {
    int n_flows;                            /* those of the evaluations */
    struct valence_difference *differences; /* (n_flows, VALENCE_N_METRICS) */
};

/* The mean over the n models of a run less the mean over the `n_others` of another. Intervals are
 * paired: every model of both is measured on the same resamples of the clips. They say nothing
 * about what other seeds would give. Of `options`, n_resamples, seed and collective count; NULL:
 * the defaults. *comparison is NULL on failure; free with valence_comparison_free(). Errors: DATA
 * where the evaluations are not of the same clips, flows and scale; ARGUMENT; RANK; MEMORY. */
VALENCE_API int valence_compare(const struct valence_evaluation *const *evaluations, int n,
                                const struct valence_evaluation *const *others, int n_others,
                                const struct valence_evaluate_options *options,
                                const struct valence_comparison **comparison,
                                struct valence_error *error);
VALENCE_API void valence_comparison_free(const struct valence_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
