#include "report/scored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text_sort.h"
#include "valence/evaluate.h"

#define N_RESAMPLES 2000

static int no_memory(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
}

/* ---- Finding clips by their ids ---- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct scored_place *)a)->id, ((const struct scored_place *)b)->id);
}

static const struct scored_place *sort_places(struct report_builder *builder,
                                              const char *const *ids, int64_t n)
{
    struct scored_place *places = report_take(builder, n + 1, sizeof *places);
    for (int64_t i = 0; places && i < n; i++)
        places[i] = (struct scored_place){ids[i], i};
    if (places)
        qsort(places, (size_t)n, sizeof *places, by_id);
    return places;
}

int64_t scored_set_find(const struct scored_set *set, const char *id)
{
    const struct scored_place wanted = {id, 0};
    const struct scored_place *found =
        bsearch(&wanted, set->sorted, (size_t)set->clips.n, sizeof *set->sorted, by_id);
    return found ? found->at : -1;
}

static bool has_all(const struct scored_set *set, int64_t n, const char *const *ids)
{
    for (int64_t i = 0; i < n; i++)
        if (scored_set_find(set, ids[i]) < 0)
            return false;
    return true;
}

int scored_check_ids(const char *input, const char *model, int64_t n, const char *const *ids,
                     struct valence_error *error)
{
    const char **sorted = allocate(n + 1, sizeof *sorted);
    if (!sorted)
        return no_memory(error);
    for (int64_t i = 0; i < n; i++)
        sorted[i] = ids[i];
    const char *twice = sort_texts(sorted, n);
    int status = twice ? fail(error, VALENCE_ERROR_FORMAT,
                              "%s: '%.200s' occurs twice for model %.60s", input, twice, model)
                       : VALENCE_OK;
    free(sorted);
    return status;
}

/* ---- Sets ---- */

static struct scored_set *create_set(struct report_builder *builder, const char *name, int64_t n,
                                     const char *const *ids)
{
    struct scored_set *set = report_take(builder, 1, sizeof *set);
    struct scored_list **lists = report_take(builder, MAX_SCORED_LISTS, sizeof *lists);
    const char **copies = report_take(builder, n + 1, sizeof *copies);
    float *labels = report_take(builder, n + 1, sizeof *labels);
    if (!set || !lists || !copies || !labels)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        copies[i] = report_text(builder, ids[i]);
        labels[i] = NAN;
    }
    const struct scored_place *sorted = sort_places(builder, copies, n);
    if (!sorted)
        return NULL;
    *set = (struct scored_set){
        .sorted = sorted,
        .name = report_text(builder, name),
        .split = "",
        .scale = VALENCE_SCALE_OTHER,
        .level = NAN,
        .constant = NAN,
        .lists = lists,
        .clips = {.n = n, .ids = copies, .labels = labels, .low = NAN, .high = NAN}};
    return set;
}

int scored_set_for(struct report_builder *builder, struct scored_sets *sets, const char *name,
                   int64_t n, const char *const *ids, struct scored_set **set,
                   struct valence_error *error)
{
    *set = NULL;
    for (int i = 0; i < sets->n && !*set; i++)
        if (has_all(sets->sets[i], n, ids))
            *set = sets->sets[i];
    if (*set)
        return VALENCE_OK;
    if (sets->n == MAX_SCORED_SETS)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: a report shows the clips of at most %d data sets: make several reports",
                    name, MAX_SCORED_SETS);
    *set = create_set(builder, name, n, ids);
    if (!*set)
        return no_memory(error);
    sets->sets[sets->n++] = *set;
    return VALENCE_OK;
}

static bool has_scores(const struct scored_set *set)
{
    for (int l = 0; l < set->n_lists; l++)
        for (int64_t i = 0; i < set->clips.n; i++)
            if (!isnan(set->lists[l]->shown.score[i]))
                return true;
    return false;
}

int scored_set_class(struct report_builder *builder, struct scored_set *set, const char *name,
                     const char *input, int *class, struct valence_error *error)
{
    if (set->scale != VALENCE_SCALE_CLASSES && has_scores(set))
        return fail(error, VALENCE_ERROR_DATA,
                    "%s: classes of clips that another input has scores of: make a report of each",
                    input);
    set->scale = VALENCE_SCALE_CLASSES;
    for (*class = 0; *class < set->n_classes; ++*class)
        if (strcmp(set->classes[*class], name) == 0)
            return VALENCE_OK;
    if (set->n_classes == VALENCE_MAX_CLASSES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d classes", input,
                    VALENCE_MAX_CLASSES);
    const char **classes = report_take(builder, set->n_classes + 1, sizeof *classes);
    const char *copy = report_text(builder, name);
    if (!classes || report_builder_failed(builder))
        return no_memory(error);
    for (int i = 0; i < set->n_classes; i++)
        classes[i] = set->classes[i];
    classes[set->n_classes++] = copy;
    set->classes = classes;
    return VALENCE_OK;
}

int scored_set_check_scores(const struct scored_set *set, const char *input,
                            struct valence_error *error)
{
    if (set->scale != VALENCE_SCALE_CLASSES)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_DATA,
                "%s: scores of clips that another input has classes of: make a report of each",
                input);
}

void scored_set_find_scale(struct scored_set *set)
{
    if (set->scale == VALENCE_SCALE_CLASSES)
        return;
    bool are_classes = true;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < set->clips.n; i++) {
        double label = (double)set->clips.labels[i];
        if (isnan(label))
            continue;
        are_classes = are_classes && (label == -1 || label == 0 || label == 1);
        low = fmin(low, label);
        high = fmax(high, label);
    }
    bool is_sentiment = low >= -3 && high <= 3;
    set->scale = are_classes    ? VALENCE_SCALE_CLASSES3
                 : is_sentiment ? VALENCE_SCALE_SENTIMENT
                                : VALENCE_SCALE_OTHER;
    if (low <= high) {
        set->clips.low = are_classes ? -1 : is_sentiment ? -3 : low;
        set->clips.high = are_classes ? 1 : is_sentiment ? 3 : high;
    }
}

/* ---- Lists ---- */

int scored_list_add(struct report_builder *builder, struct scored_set *set, const char *run,
                    const char *parent, const char *flow, struct scored_list **added,
                    struct valence_error *error)
{
    *added = NULL;
    if (set->n_lists == MAX_SCORED_LISTS)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: a report shows at most %d models and flows of the same clips", parent,
                    MAX_SCORED_LISTS);
    struct scored_list *list = report_take(builder, 1, sizeof *list);
    float *score = report_take(builder, set->clips.n + 1, sizeof *score);
    if (!list || !score)
        return no_memory(error);
    for (int64_t i = 0; i < set->clips.n; i++)
        score[i] = NAN;
    list->shown = (struct report_scores){
        .run = report_text(builder, run), .flow = report_text(builder, flow), .score = score};
    list->parent = report_text(builder, parent);
    list->is_trained = true;
    list->coverage = list->mean_width = list->expected_error = NAN;
    list->gap = (struct valence_interval){NAN, NAN};
    for (int i = 0; i < VALENCE_MAX_METRICS; i++) {
        list->metrics.values[i] = NAN;
        list->intervals[i] = (struct valence_interval){NAN, NAN};
    }
    set->lists[set->n_lists++] = *added = list;
    return VALENCE_OK;
}

/* ---- Seeds ---- */

bool scored_are_seeds(const struct scored_set *set, int l, int m)
{
    const struct scored_list *a = set->lists[l], *b = set->lists[m];
    return a->is_measured && b->is_measured && strcmp(a->parent, b->parent) == 0 &&
           strcmp(a->shown.flow, b->shown.flow) == 0;
}

bool scored_is_first_seed(const struct scored_set *set, int l)
{
    for (int m = 0; m < l; m++)
        if (scored_are_seeds(set, l, m))
            return false;
    return set->lists[l]->is_measured;
}

const char *scored_seeds_name(struct report_builder *builder, const struct scored_set *set, int l)
{
    int n = 0;
    for (int m = 0; m < set->n_lists; m++)
        n += scored_are_seeds(set, l, m);
    const struct scored_list *list = set->lists[l];
    return report_format(builder, "%s, %s", n > 1 ? list->parent : list->shown.run,
                         list->shown.flow);
}

int scored_count_seeds_once(const struct scored_set *set)
{
    int n = 0;
    for (int l = 0; l < set->n_lists; l++)
        n += scored_is_first_seed(set, l);
    return n;
}

/* ---- Figures ---- */

/* Intervals of the figures, from resamples of the clips. */
static int resample(const struct scored_set *set, struct scored_list *list, const float *predicted,
                    const float *labels, int64_t n, struct valence_error *error)
{
    double *samples = allocate((int64_t)N_RESAMPLES * VALENCE_MAX_METRICS, sizeof *samples);
    int status = samples ? valence_bootstrap(predicted, labels, n, set->scale, N_RESAMPLES, 1,
                                             samples, error)
                         : no_memory(error);
    for (int i = 0; i < VALENCE_N_METRICS && !status; i++)
        status = valence_bootstrap_interval(samples, NULL, N_RESAMPLES, (enum valence_metric)i,
                                            VALENCE_METRIC_LEVEL, &list->intervals[i], error);
    free(samples);
    return status;
}

/* How many labels the predictions' intervals hold, and how wide these are. */
static void measure_intervals(const struct scored_set *set, struct scored_list *list)
{
    const struct report_scores *scores = &list->shown;
    int64_t n = 0, n_inside = 0;
    double width = 0;
    for (int64_t i = 0; scores->low && i < set->clips.n; i++) {
        float label = set->clips.labels[i];
        if (isnan(label) || isnan(scores->low[i]) || isnan(scores->high[i]))
            continue;
        n++;
        n_inside += label >= scores->low[i] && label <= scores->high[i];
        width += (double)(scores->high[i] - scores->low[i]);
    }
    if (n > 0) {
        list->coverage = (double)n_inside / (double)n;
        list->mean_width = width / (double)n;
    }
}

/* Counts by label, then by prediction. */
static int count_classes(struct report_builder *builder, const struct scored_set *set,
                         struct scored_list *list, const float *predicted, const float *labels,
                         int64_t n, struct valence_error *error)
{
    int64_t n_cells = (int64_t)set->n_classes * set->n_classes;
    int64_t *counts = report_take(builder, n_cells + 1, sizeof *counts);
    double *confusion = report_numbers(builder, n_cells);
    if (!counts || !confusion)
        return no_memory(error);
    int status = valence_confusion_compute(predicted, labels, n, set->n_classes, counts, error);
    for (int64_t i = 0; i < n_cells && !status; i++)
        confusion[i] = (double)counts[i];
    list->confusion = confusion;
    return status;
}

int scored_list_measure(struct report_builder *builder, struct scored_set *set,
                        struct scored_list *list, struct valence_error *error)
{
    float *predicted = allocate(2 * set->clips.n + 1, sizeof *predicted);
    float *labels = predicted ? predicted + set->clips.n : NULL;
    int64_t n = 0;
    if (!predicted)
        return no_memory(error);
    for (int64_t i = 0; i < set->clips.n; i++)
        if (!isnan(set->clips.labels[i]) && !isnan(list->shown.score[i])) {
            predicted[n] = list->shown.score[i];
            labels[n++] = set->clips.labels[i];
        }
    int status = VALENCE_OK;
    if (n > 0) {
        valence_metrics_compute(predicted, labels, n, set->scale, &list->metrics);
        list->is_measured = true;
        status = resample(set, list, predicted, labels, n, error);
        if (!status && set->scale == VALENCE_SCALE_CLASSES)
            status = count_classes(builder, set, list, predicted, labels, n, error);
    }
    measure_intervals(set, list);
    free(predicted);
    return status;
}

void scored_add_diagonal(struct report_builder *builder, struct report_chart *chart,
                         const struct scored_set *set, const char *name)
{
    struct report_series *diagonal = report_series(builder, chart, name, 2);
    double *ends = report_numbers(builder, 2);
    if (!diagonal || !ends)
        return;
    ends[0] = set->clips.low;
    ends[1] = set->clips.high;
    diagonal->x = diagonal->y = ends;
    diagonal->reference = true;
}
