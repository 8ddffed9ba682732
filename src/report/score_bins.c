#include "report/score_bins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- Classes ---- */

bool score_classes_fit(const struct scored_set *set)
{
    double range = set->clips.high - set->clips.low;
    return range >= 1 && range <= MAX_SCORE_CLASSES - 1;
}

void score_classes_of(const struct scored_set *set, struct score_classes *classes)
{
    classes->lowest = (int)nearbyint(set->clips.low);
    classes->n = (int)nearbyint(set->clips.high) - classes->lowest + 1;
    if (classes->n > MAX_SCORE_CLASSES)
        classes->n = MAX_SCORE_CLASSES;
    for (int i = 0; i < classes->n; i++) {
        snprintf(classes->texts[i], sizeof classes->texts[i],
                 classes->lowest < 0 && classes->lowest + i > 0 ? "%+d" : "%d",
                 classes->lowest + i);
        classes->names[i] = classes->texts[i];
    }
}

int score_class(const struct score_classes *classes, double value)
{
    double class = nearbyint(value) - classes->lowest;
    return class < 0 ? 0 : class >= classes->n ? classes->n - 1 : (int)class;
}

void score_confusion_axes(struct report_builder *builder, struct report_chart *chart,
                          const char *const *names, int n)
{
    report_axis_names(builder, &chart->x, names, n);
    report_axis_names(builder, &chart->y, names, n);
    chart->x.title = "Predicted class";
    chart->y.title = "True class";
    chart->z.title = "Share of the true class";
    chart->z.unit = "%";
    chart->z.digits = 0;
    chart->z.low = 0;
    chart->z.high = 100;
}

/* ---- Bins ---- */

static int *take_bins(struct report_builder *builder, const struct scored_set *set)
{
    int *bin = report_take(builder, set->clips.n + 1, sizeof *bin);
    for (int64_t i = 0; bin && i < set->clips.n; i++)
        bin[i] = -1;
    return bin;
}

bool score_bins_by_label(struct report_builder *builder, const struct scored_set *set,
                         struct score_bins *bins)
{
    struct score_classes classes;
    int *bin = take_bins(builder, set);
    if (!bin || !score_classes_fit(set))
        return false;
    score_classes_of(set, &classes);
    bins->n = classes.n;
    bins->bin = bin;
    for (int i = 0; i < classes.n; i++)
        bins->names[i] = report_text(builder, classes.names[i]);
    for (int64_t i = 0; i < set->clips.n; i++)
        if (!isnan(set->clips.labels[i]))
            bin[i] = score_class(&classes, (double)set->clips.labels[i]);
    return true;
}

#define N_ROW_BINS 5

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Clips without rows are in no bin. Equal lengths are in one bin, so that there may be fewer. */
bool score_bins_by_rows(struct report_builder *builder, const struct scored_set *set, int modality,
                        struct score_bins *bins)
{
    int64_t n = 0, cuts[N_ROW_BINS + 1] = {0};
    int *bin = take_bins(builder, set);
    int64_t *sorted = set->clips.rows ? allocate(set->clips.n + 1, sizeof *sorted) : NULL;
    if (!bin || !sorted) {
        free(sorted);
        return false;
    }
    for (int64_t i = 0; i < set->clips.n; i++)
        if (set->clips.rows[3 * i + modality] > 0)
            sorted[n++] = set->clips.rows[3 * i + modality];
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    bins->n = 0;
    bins->bin = bin;
    for (int i = 0; i < N_ROW_BINS && n > 0; i++) {
        int64_t from = i == 0 ? sorted[0] : sorted[n * i / N_ROW_BINS];
        if (bins->n == 0 || from > cuts[bins->n - 1])
            cuts[bins->n++] = from;
    }
    for (int i = 0; i < bins->n; i++) {
        int64_t last = i + 1 < bins->n ? cuts[i + 1] - 1 : sorted[n - 1];
        bins->names[i] = last > cuts[i] ? report_format(builder, "%lld\u2013%lld",
                                                        (long long)cuts[i], (long long)last)
                                        : report_format(builder, "%lld", (long long)cuts[i]);
    }
    free(sorted);
    for (int64_t i = 0; i < set->clips.n; i++)
        for (int b = 0; b < bins->n; b++)
            if (set->clips.rows[3 * i + modality] >= cuts[b])
                bin[i] = b;
    return bins->n > 1;
}

/* ---- Recordings ---- */

struct recording {
    const char *name;
    int64_t first, n;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct recording *)a)->name, ((const struct recording *)b)->name);
}

static int by_size(const void *a, const void *b)
{
    const struct recording *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n)
                        : (x->first > y->first) - (x->first < y->first);
}

/* Each clip's recording, sorted by name, then those with the most clips first; their number. */
static int64_t list_recordings(const struct scored_set *set, struct recording *recordings)
{
    int64_t n = 0, n_clips = 0;
    for (int64_t i = 0; i < set->clips.n; i++)
        if (*set->clips.groups[i] && !isnan(set->clips.labels[i]))
            recordings[n_clips++] = (struct recording){set->clips.groups[i], i, 1};
    qsort(recordings, (size_t)n_clips, sizeof *recordings, by_name);
    for (int64_t i = 0; i < n_clips; i++)
        if (n > 0 && strcmp(recordings[n - 1].name, recordings[i].name) == 0)
            recordings[n - 1].n++;
        else
            recordings[n++] = recordings[i];
    qsort(recordings, (size_t)n, sizeof *recordings, by_size);
    return n;
}

bool score_bins_by_group(struct report_builder *builder, const struct scored_set *set,
                         struct score_bins *bins)
{
    int *bin = set->clips.groups ? take_bins(builder, set) : NULL;
    struct recording *recordings = bin ? allocate(set->clips.n + 1, sizeof *recordings) : NULL;
    if (!recordings)
        return false;
    int64_t n = list_recordings(set, recordings);
    bins->n = n < MAX_SCORE_BINS ? (int)n : MAX_SCORE_BINS;
    bins->bin = bin;
    qsort(recordings, (size_t)bins->n, sizeof *recordings, by_name);
    for (int i = 0; i < bins->n; i++)
        bins->names[i] = recordings[i].name;
    for (int64_t i = 0; i < set->clips.n; i++) {
        const struct recording wanted = {set->clips.groups[i], 0, 0};
        const struct recording *found =
            bsearch(&wanted, recordings, (size_t)bins->n, sizeof *recordings, by_name);
        bin[i] = found ? (int)(found - recordings) : -1;
    }
    free(recordings);
    return bins->n > 1;
}
