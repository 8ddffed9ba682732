/* Figures of models on clips, wherever they were measured: by the report, or before it by
 * `valence evaluate`. */
#ifndef VALENCE_REPORT_MEASURED_H
#define VALENCE_REPORT_MEASURED_H

#include "report/scored.h"

/* One model in one flow. */
struct measured {
    const char *run, *parent, *flow;
    double values[VALENCE_MAX_METRICS]; /* NaN where undefined */
    struct valence_interval intervals[VALENCE_MAX_METRICS];
    struct valence_interval gap; /* see struct scored_list */
    unsigned warnings;           /* see struct valence_metrics */
    bool is_trained;
    double coverage, mean_width, expected_error; /* NaN where unknown */
    const double *confusion;                     /* see struct scored_list */
};

/* All that was measured on the same clips, or in the same document. */
struct measured_group {
    const char *name;  /* "corpus" */
    const char *split; /* "test", or "" */
    enum valence_scale scale;
    bool synthetic;
    int64_t n_clips;
    double level;  /* of the predictions' intervals */
    int n_classes; /* 0 where labels are scores */
    const char *const *classes;
    bool has_constant;
    double constant, constant_values[VALENCE_MAX_METRICS];
    int n;
    struct measured *items;
};

#define MAX_MEASURED_GROUPS 128

struct measured_groups {
    int n;
    struct measured_group groups[MAX_MEASURED_GROUPS];
};

/* The figure that sums up a model on a scale: the mean absolute error, or the weighted F1 of
 * classes. */
struct headline {
    enum valence_metric metric;
    const char *name, *title;
    /* from the value to what is shown */
    double factor;
    int digits;
    const char *unit;
    bool smaller_is_better;
};
const struct headline *headline_of(enum valence_scale scale);

/* From the sets and from the documents of evaluations. Where memory is short the builder knows. */
void measured_list(struct report_builder *builder, const struct sources *sources,
                   const struct scored_sets *sets, struct measured_groups *groups);

/* The mean of a metric over those of a parent and a flow, their number, and the sample standard
 * deviation, NaN of one. */
double measured_mean(const struct measured_group *group, const char *parent, const char *flow,
                     enum valence_metric metric, int *n, double *deviation);

#endif
