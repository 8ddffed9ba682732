/* A model measured on a split of a store, in one or more flows. */
#ifndef VALENCE_EVALUATE_EVALUATION_H
#define VALENCE_EVALUATE_EVALUATION_H

#include <jansson.h>

#include "evaluate/scoring.h"
#include "data/clips.h"
#include "valence/evaluate.h"

#define EVALUATION_LEVEL 0.95 /* of the intervals */

struct evaluation_options {
    enum valence_split split;
    int n_flows; /* 0: those the model was trained with */
    unsigned flows[VALENCE_MAX_FLOWS];
    int64_t n_resamples; /* 0: no intervals */
    uint64_t seed;
    int64_t batch_size;
    int64_t max_rows; /* of a stream of a clip */
    double level;     /* of the interval of a prediction */
};

/* How well a flow's predictions were known to be reliable: the one list of figures, keys in JSON
 * and headings. */
#define RELIABILITY_FIGURE_MAP(X)                                                                  \
    X(COVERAGE, "coverage")       /* share of the labels in their prediction's interval */         \
    X(WIDTH, "mean_width")        /* of the intervals */                                           \
    X(EXPECTED, "expected_error") /* mean; to be compared with the MAE */

enum reliability_figure {
#define RELIABILITY_ENUM(name, key) RELIABILITY_##name,
    RELIABILITY_FIGURE_MAP(RELIABILITY_ENUM)
#undef RELIABILITY_ENUM
        N_RELIABILITY_FIGURES
};
extern const char *const reliability_figure_keys[N_RELIABILITY_FIGURES];

struct flow_result {
    unsigned flow;
    bool trained;     /* the model was trained with this flow */
    float *predicted; /* one per clip */
    struct valence_metrics metrics;
    struct valence_interval intervals[VALENCE_N_METRICS];   /* NaN without resamples */
    struct valence_interval differences[VALENCE_N_METRICS]; /* of this flow less the first one */
    /* NaN where the model has no calibration set for the flow */
    double reliability[N_RELIABILITY_FIGURES];
    int64_t n_incomplete;  /* clips that lack a modality the flow does not miss */
    int64_t n_unsimulated; /* clips without simulated text in a flow that misses text */
};

struct evaluation {
    struct clip_selection selection; /* the clips measured, and how many were skipped */
    float *labels;                   /* one per clip */
    int n_flows;
    struct flow_result flows[VALENCE_MAX_FLOWS];
};

/* Errors: NOT_FOUND where the split has no labelled clip; those of scoring. Empty on failure; free
 * with evaluation_free(). `progress` may be NULL. */
int evaluation_run(const struct valence_model *model, const struct valence_store *store,
                   const struct evaluation_options *options,
                   const struct valence_progress *progress, struct evaluation *evaluation,
                   struct valence_error *error);
void evaluation_free(struct evaluation *evaluation);

/* The best that can be had without looking: the median of the training labels for every clip.
 * `value` is NaN where the store has no labelled training clip. */
struct constant_predictor {
    float value;
    struct valence_metrics metrics;
};
int evaluation_constant(const struct valence_store *store, const struct evaluation *evaluation,
                        struct constant_predictor *constant, struct valence_error *error);

/* Mean and standard deviation (n - 1) of a metric over evaluations of several seeds; a value
 * undefined in one is undefined in all. */
struct seed_summary {
    double mean, deviation;
};
struct seed_summary evaluation_summarise(const struct evaluation *evaluations, int n, int flow,
                                         enum valence_metric metric);
struct seed_summary evaluation_summarise_reliability(const struct evaluation *evaluations, int n,
                                                     int flow, enum reliability_figure figure);

/* True where the store's source says that its data are synthetic. */
bool store_is_synthetic(const struct valence_store *store);

/* {FLOW: {"n", "metrics", "intervals", "reliability", "warnings", "difference", ...}}; undefined
 * values are null. NULL where memory is short. */
json_t *evaluation_to_json(const struct evaluation *evaluation);
json_t *metrics_to_json(const struct valence_metrics *metrics);
json_t *summary_to_json(const struct evaluation *evaluations, int n);

#endif
