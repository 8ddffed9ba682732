#include "evaluate/target_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "valence/evaluate.h"

/* Every TO is a number, or nothing, which means no label. */
static int check_numbers(const char *values, struct valence_error *error)
{
    for (const char *item = values; item && *item;) {
        size_t length = strcspn(item, ","), divider = strcspn(item, "=") + 1;
        char to[VALUE_BYTES] = "";
        double number;
        memcpy(to, item + divider, length - divider);
        if (to[0] && !parse_double(to, &number))
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_values",
                            "'%.*s' does not end with a number", (int)length, item);
        item += length + (item[length] == ',');
    }
    return VALENCE_OK;
}

int target_labels_make(const char *values, const char *formula, struct target_labels *labels,
                       struct valence_error *error)
{
    *labels = (struct target_labels){.values = values, .map = {1, 0}, .mapped = values || formula};
    int status = values_check(values, "label_values", error);
    if (!status)
        status = check_numbers(values, error);
    return status || !formula ? status : affine_parse(formula, &labels->map, error);
}

/* NaN: none. */
static float target_label(const struct target_labels *labels, const struct valence_store *store,
                          int64_t clip)
{
    char room[VALUE_BYTES];
    double label = (double)valence_store_clip(store, clip)->label;
    const char *to = labels->values && !isnan(label)
                         ? values_meaning_of_number(labels->values, label, room)
                         : NULL;
    if (to && !parse_double(to, &label))
        label = NAN;
    return (float)(labels->map.scale * label + labels->map.offset);
}

enum valence_scale target_scale(const struct target_labels *labels,
                                const struct valence_store *store)
{
    float low = INFINITY, high = -INFINITY;
    bool classes = true;
    if (!labels->mapped)
        return valence_store_scale(store);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        float label = target_label(labels, store, i);
        if (isnan(label))
            continue;
        classes = classes && (label == -1 || label == 0 || label == 1);
        low = fminf(low, label);
        high = fmaxf(high, label);
    }
    return classes && low < high  ? VALENCE_SCALE_CLASSES3
           : low < -3 || high > 3 ? VALENCE_SCALE_OTHER
                                  : VALENCE_SCALE_SENTIMENT;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int target_median(const struct target_labels *labels, const struct valence_store *store,
                  float *median, struct valence_error *error)
{
    int64_t n_clips = valence_store_n_clips(store), n = 0;
    if (!labels->mapped)
        return training_median(store, median, error);
    float *values = allocate(n_clips, sizeof *values);
    *median = NAN;
    if (!values)
        return fail_memory(error, (size_t)n_clips * sizeof *values, "labels");
    for (int64_t i = 0; i < n_clips; i++) {
        float label = target_label(labels, store, i);
        if (valence_store_clip(store, i)->split == VALENCE_TRAIN && !isnan(label))
            values[n++] = label;
    }
    qsort(values, (size_t)n, sizeof *values, ascending);
    if (n > 0)
        *median = (values[(n - 1) / 2] + values[n / 2]) / 2 + 0.0f; /* no -0 */
    free(values);
    return VALENCE_OK;
}

/* Takes out the clips whose label the values take away. */
static void take_labels(const struct target_labels *labels, const struct valence_store *store,
                        struct clip_selection *selection, float *values)
{
    int64_t n = 0;
    for (int64_t i = 0; i < selection->n; i++) {
        float label = target_label(labels, store, selection->clips[i]);
        if (isnan(label)) {
            selection->n_unlabelled++;
            continue;
        }
        selection->clips[n] = selection->clips[i];
        values[n++] = label;
    }
    selection->n = n;
}

int target_clips(const struct target_labels *labels, const struct valence_store *store,
                 const struct stream_map *map, enum valence_split split,
                 struct clip_selection *selection, float **values, struct valence_error *error)
{
    *values = NULL;
    int status = clip_selection_make(store, map, split, true, selection, error);
    if (status)
        return status;
    *values = allocate(selection->n, sizeof **values);
    if (!*values)
        status = fail_memory(error, (size_t)selection->n * sizeof **values, "labels");
    else
        take_labels(labels, store, selection, *values);
    if (!status && selection->n == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: no clip of the %s split has a label and features",
                      valence_store_path(store), valence_split_names[split]);
    if (status) {
        clip_selection_free(selection);
        free(*values);
        *values = NULL;
    }
    return status;
}
