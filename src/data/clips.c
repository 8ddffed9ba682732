#include "data/clips.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/label_scale.h"

/* ---- Streams ---- */

/* What a network without a modality reads as it: one column, of which no clip has a row. */
#define WIDTH_OF_NOTHING 1

static int fail_without_stream(const struct valence_store *store, const char *modality,
                               const char *name, struct valence_error *error)
{
    struct text names = {.maximum = 2048};
    if (valence_store_n_streams(store) == 0)
        return fail(error, VALENCE_ERROR_NOT_FOUND,
                    "%s: holds labels and transcripts, but no feature streams: encode their media, "
                    "or import features",
                    valence_store_path(store));
    for (int i = 0; i < valence_store_n_streams(store); i++)
        text_format(&names, "%s%s", i ? ", " : "", valence_store_get_stream(store, i)->name);
    int status =
        name[0] ? fail(error, VALENCE_ERROR_NOT_FOUND,
                       "%s: no stream '%s' for %s; the store has %s\n"
                       "         (set streams.%s to one of them)",
                       valence_store_path(store), name, modality,
                       names.length ? names.data : "none", modality)
                : fail(error, VALENCE_ERROR_CONFIG, "streams: %s are all empty; the store has %s",
                       modality, names.length ? names.data : "none");
    text_free(&names);
    return status;
}

int stream_map_make(const struct valence_store *store,
                    const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES], int64_t max_rows,
                    struct stream_map *map, struct valence_error *error)
{
    *map = (struct stream_map){.max_rows = max_rows};
    bool any = false;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const char *usual = valence_stream_names[s];
        bool is_modality = s != VALENCE_STREAM_SIMULATED_TEXT;
        int index = names[s][0] ? valence_store_find_stream(store, names[s]) : -1;
        if (index < 0 && names[s][0] && (is_modality || strcmp(names[s], usual) != 0))
            return fail_without_stream(store, usual, names[s], error);
        map->index[s] = index;
        map->width[s] = index >= 0    ? valence_store_get_stream(store, index)->width
                        : is_modality ? WIDTH_OF_NOTHING
                                      : 0;
        any = any || (is_modality && index >= 0);
    }
    if (!any)
        return fail_without_stream(store, "audio, text and video", "", error);
    int64_t simulated = map->width[VALENCE_STREAM_SIMULATED_TEXT];
    int64_t text = map->width[VALENCE_STREAM_TEXT];
    if (simulated && simulated != text)
        return fail(
            error, VALENCE_ERROR_SHAPE,
            "%s: simulated text '%s' has width %lld, text '%s' has %lld\n"
            "         (both go through the same projection; extract them with one encoder, or set "
            "streams.simulated_text to \"\")",
            valence_store_path(store), names[VALENCE_STREAM_SIMULATED_TEXT], (long long)simulated,
            names[VALENCE_STREAM_TEXT], (long long)text);
    return VALENCE_OK;
}

static int64_t stored_rows(const struct valence_store *store, const struct stream_map *map,
                           int64_t clip, int stream)
{
    int index = map->index[stream];
    return index < 0 ? 0 : valence_store_clip(store, clip)->n_rows[index];
}

int64_t clip_rows(const struct valence_store *store, const struct stream_map *map, int64_t clip,
                  enum valence_stream stream)
{
    int64_t n = stored_rows(store, map, clip, (int)stream);
    return n < map->max_rows ? n : map->max_rows;
}

/* ---- Clips ---- */

/* Puts the clip into the selection or counts why not; `clips` has room for it. */
static void consider(const struct valence_store *store, const struct stream_map *map, int64_t clip,
                     bool labelled, struct clip_selection *selection)
{
    const struct valence_clip *record = valence_store_clip(store, clip);
    int64_t longest = 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t n = stored_rows(store, map, clip, s);
        longest = n > longest ? n : longest;
    }
    if (labelled && isnan(record->label)) {
        selection->n_unlabelled++;
        return;
    }
    if (longest == 0) {
        selection->n_empty++;
        return;
    }
    if (longest > map->max_rows && selection->n_cut++ == 0)
        strncpy(selection->first_cut, record->id, sizeof selection->first_cut - 1);
    selection->clips[selection->n++] = clip;
}

int clip_selection_make(const struct valence_store *store, const struct stream_map *map,
                        enum valence_split split, bool labelled, struct clip_selection *selection,
                        struct valence_error *error)
{
    *selection = (struct clip_selection){0};
    int64_t n = 0;
    for (int64_t clip = 0; clip < valence_store_n_clips(store); clip++)
        n += valence_store_clip(store, clip)->split == split;
    selection->clips = allocate(n, sizeof *selection->clips);
    if (!selection->clips)
        return fail_memory(error, (size_t)n * sizeof *selection->clips, "the list of clips");
    for (int64_t clip = 0; clip < valence_store_n_clips(store); clip++)
        if (valence_store_clip(store, clip)->split == split)
            consider(store, map, clip, labelled, selection);
    return VALENCE_OK;
}

void clip_selection_free(struct clip_selection *selection)
{
    free(selection->clips);
    *selection = (struct clip_selection){0};
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The class that most training clips have, the first of several. */
static float most_frequent_class(const struct valence_store *store,
                                 const struct valence_label_scale *classes)
{
    int64_t counts[VALENCE_MAX_CLASSES] = {0}, most = 0;
    float found = NAN;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        if (clip->split == VALENCE_TRAIN && clip->label >= 0 &&
            clip->label < (float)classes->n_classes)
            counts[(int)clip->label]++;
    }
    for (int c = 0; c < classes->n_classes; c++)
        if (counts[c] > most) {
            most = counts[c];
            found = (float)c;
        }
    return found;
}

int training_median(const struct valence_store *store, float *median, struct valence_error *error)
{
    if (label_classes(store)) {
        *median = most_frequent_class(store, label_classes(store));
        return VALENCE_OK;
    }
    int64_t n_clips = valence_store_n_clips(store), n = 0;
    float *labels = allocate(n_clips, sizeof *labels);
    *median = NAN;
    if (!labels)
        return fail_memory(error, (size_t)n_clips * sizeof *labels, "labels");
    for (int64_t i = 0; i < n_clips; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        if (clip->split == VALENCE_TRAIN && !isnan(clip->label))
            labels[n++] = clip->label;
    }
    qsort(labels, (size_t)n, sizeof *labels, ascending);
    if (n > 0)
        *median = (labels[(n - 1) / 2] + labels[n / 2]) / 2 + 0.0f; /* no -0 */
    free(labels);
    return VALENCE_OK;
}

void largest_batch(const struct valence_store *store, const struct stream_map *map,
                   const int64_t *clips, int64_t n, int64_t batch_size,
                   int64_t n_rows[VALENCE_N_STREAMS])
{
    memset(n_rows, 0, VALENCE_N_STREAMS * sizeof n_rows[0]);
    for (int64_t first = 0; first < n; first += batch_size)
        for (int s = 0; s < VALENCE_N_STREAMS; s++) {
            int64_t rows = 0;
            for (int64_t i = first; i < n && i < first + batch_size; i++)
                rows += clip_rows(store, map, clips[i], (enum valence_stream)s);
            n_rows[s] = rows > n_rows[s] ? rows : n_rows[s];
        }
}
