/* Clips with the scores that models gave them: what predictions, errors, intervals and the list of
 * clips are made of. A set is one data set's clips; all scores of the same clips share it.
 *
 * Everything belongs to the builder. */
#ifndef VALENCE_REPORT_SCORED_H
#define VALENCE_REPORT_SCORED_H

#include "report/document.h"
#include "report/sources.h"
#include "valence/metrics.h"
#include "valence/progress.h"
#include "valence/report.h"

/* Parts into which the rows of a clip's modality are summed, to show where the network looked. */
#define ATTENTION_BINS 24

/* One model's scores in one flow. */
struct scored_list {
    struct report_scores shown;
    const char *parent; /* of the seeds of a run: the same; else the run itself */
    bool is_trained;    /* the model was trained with the flow */
    bool is_measured;   /* there are labels, and the figures below */
    struct valence_metrics metrics;
    struct valence_interval intervals[VALENCE_MAX_METRICS]; /* NaN where unknown */
    double coverage, mean_width, expected_error;            /* NaN where unknown */
    /* Of the difference of headline_of()'s figure to that of the run's first flow. */
    struct valence_interval gap;
    /* Of classes: (n_classes, n_classes) clips by label, then by prediction; else NULL. */
    const double *confusion;
};

#define MAX_SCORED_LISTS 4096

/* A clip's id and its number in the set. */
struct scored_place {
    const char *id;
    int64_t at;
};

struct scored_set {
    const struct scored_place *sorted; /* (clips.n), by id */
    const char *name;                  /* the store's or the file's */
    const char *split;
    enum valence_scale scale;
    bool synthetic;
    double level; /* of the predictions' intervals; NaN where unknown */
    /* The names of the classes, where labels are some: labels and scores are their numbers. */
    int n_classes;
    const char *const *classes;
    double constant;
    struct valence_metrics constant_metrics;
    bool has_constant;
    /* What the explorer shows, but for its scores, which are those of the lists. */
    struct report_clips clips;
    int n_lists;
    struct scored_list **lists; /* (MAX_SCORED_LISTS) */
};

#define MAX_SCORED_SETS 64

struct scored_sets {
    int n;
    struct scored_set *sets[MAX_SCORED_SETS];
};

/* ERROR_FORMAT where two of a model's ids are the same; `input` stands for the place. */
int scored_check_ids(const char *input, const char *model, int64_t n, const char *const *ids,
                     struct valence_error *error);

/* The set that has all of these clips, or a new one of that name. Ids are different from each
 * other. Errors: LIMIT for too many sets, MEMORY. */
int scored_set_for(struct report_builder *builder, struct scored_sets *sets, const char *name,
                   int64_t n, const char *const *ids, struct scored_set **set,
                   struct valence_error *error);

/* The clip's number in the set, -1 where it has none of that id. */
int64_t scored_set_find(const struct scored_set *set, const char *id);

/* A list of NaN in the set. Errors: LIMIT for too many lists, MEMORY. */
int scored_list_add(struct report_builder *builder, struct scored_set *set, const char *run,
                    const char *parent, const char *flow, struct scored_list **added,
                    struct valence_error *error);

/* ERROR_DATA where clips that have classes are to have scores; `input` stands for the place. */
int scored_set_check_scores(const struct scored_set *set, const char *input,
                            struct valence_error *error);

/* The number of a class of this name, which becomes one of the set's classes where it is none yet:
 * its labels and scores are then numbers of classes. Errors: LIMIT for too many classes, DATA where
 * the set has scores of an order; MEMORY. `input` stands for the place in errors.
 */
int scored_set_class(struct report_builder *builder, struct scored_set *set, const char *name,
                     const char *input, int *class, struct valence_error *error);

/* Measures a list whose scores and labels are there: figures with intervals, coverage. Errors:
 * MEMORY. */
int scored_list_measure(struct report_builder *builder, struct scored_set *set,
                        struct scored_list *list, struct valence_error *error);

/* Lists of the same run in the same flow are its seeds: charts show their mean. Whether measured
 * list `l` is the first of its seeds, and whether `m` is one of the same; the name of the seeds
 * together: "run, complete", or "run/seed-2, complete" where there is one alone. */
bool scored_is_first_seed(const struct scored_set *set, int l);
bool scored_are_seeds(const struct scored_set *set, int l, int m);
const char *scored_seeds_name(struct report_builder *builder, const struct scored_set *set, int l);

/* How many runs and flows are measured, the seeds of each counted once. */
int scored_count_seeds_once(const struct scored_set *set);

/* Adds the line of scores that equal the labels, over the labels' range, as something to compare
 * with. */
void scored_add_diagonal(struct report_builder *builder, struct report_chart *chart,
                         const struct scored_set *set, const char *name);

/* Looks at the labels of a set that does not come from a store: its scale and range. */
void scored_set_find_scale(struct scored_set *set);

/* ---- Where they come from ---- */

/* The models of the runs score a store; the sections say which store was not there. Errors: those
 * of valence_report_create(). */
int score_runs(struct report_builder *builder, const struct sources *sources,
               const struct valence_report_options *options,
               const struct valence_progress *progress, struct scored_sets *sets,
               struct valence_error *error);

/* Predictions that were written before: `predict --json`, `evaluate --predictions`. Errors: FORMAT,
 * DATA, IO, MEMORY. */
int read_predictions(struct report_builder *builder, const struct sources *sources,
                     struct scored_sets *sets, struct valence_error *error);

#endif
