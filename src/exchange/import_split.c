#include "exchange/import_split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text_sort.h"
#include "data/value_map.h"
#include "store/store_layout.h"

#define PURPOSE_VALIDATION 201

int import_split_of(const struct import_record *record,
                    const struct valence_import_options *options)
{
    char room[VALUE_BYTES];
    return record->split
               ? valence_split_from_name(values_meaning(options->split_values, record->split, room))
               : (int)options->all_in;
}

/* A clip without a group is its own. */
static const char *group_of(const struct import_record *record)
{
    return record->group[0] ? record->group : record->id;
}

/* The group of every training clip. */
static int collect(struct split_draw *draw, struct import_source *source,
                   const struct valence_import_options *options, struct valence_error *error)
{
    struct import_record record;
    int64_t capacity = 0;
    bool more;
    int status = source->restart(source->self, error);
    while (!status) {
        status = source->next(source->self, &record, &more, error);
        if (status || !more)
            break;
        int split = import_split_of(&record, options);
        if (split == VALENCE_VALIDATION)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, "validation_fraction",
                            "%s: clip '%s' is for validation already; validation clips are drawn "
                            "only from a source without a validation split",
                            record.place, record.id);
        if (split != VALENCE_TRAIN)
            continue;
        void *groups = draw->groups;
        status = grow_array(&groups, &capacity, draw->n + 1, sizeof *draw->groups, STORE_MAX_CLIPS,
                            "clips", error);
        draw->groups = groups;
        if (!status && !(draw->groups[draw->n] = strdup(group_of(&record))))
            status = fail_memory(error, strlen(group_of(&record)), "a group");
        draw->n += !status;
    }
    return status;
}

/* Leaves one of equal neighbours, with its number in `counts`; gives how many are left. */
static int64_t merge_equal(char **groups, int64_t n, int64_t *counts)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (kept > 0 && strcmp(groups[kept - 1], groups[i]) == 0) {
            counts[kept - 1]++;
            free(groups[i]);
            continue;
        }
        counts[kept] = 1;
        groups[kept++] = groups[i];
    }
    return kept;
}

/* Keeps the groups drawn; the order they were met in does not matter, for they are sorted
 * before. */
static int draw_groups(struct split_draw *draw, double fraction, uint64_t seed,
                       struct valence_error *error)
{
    int64_t n_clips = draw->n;
    int64_t *counts = allocate(n_clips, sizeof *counts), *order = allocate(n_clips, sizeof *order);
    if (!counts || !order) {
        free(counts);
        free(order);
        return fail_memory(error, 2 * (size_t)n_clips * sizeof *counts, "the groups");
    }
    qsort(draw->groups, (size_t)n_clips, sizeof *draw->groups, compare_texts);
    draw->n = merge_equal(draw->groups, n_clips, counts);
    draw->n_groups = draw->n;
    draw->n_clips = n_clips;
    for (int64_t i = 0; i < draw->n; i++)
        order[i] = i;
    struct random_source source = random_source(seed, PURPOSE_VALIDATION);
    random_shuffle(&source, order, draw->n);
    int64_t wanted = llround(fraction * (double)n_clips), drawn = 0, kept = 0;
    for (int64_t i = 0; i < draw->n; i++) {
        if (drawn >= wanted)
            counts[order[i]] = 0;
        drawn += counts[order[i]];
    }
    draw->n_wanted = wanted;
    draw->n_drawn = drawn;
    for (int64_t i = 0; i < draw->n; i++)
        if (counts[i])
            draw->groups[kept++] = draw->groups[i];
        else
            free(draw->groups[i]);
    draw->n = kept;
    free(counts);
    free(order);
    return VALENCE_OK;
}

int split_draw_make(struct split_draw *draw, struct import_source *source,
                    const struct valence_import_options *options, struct valence_error *error)
{
    *draw = (struct split_draw){0};
    if (options->validation_fraction == 0)
        return VALENCE_OK;
    int status = collect(draw, source, options, error);
    return status || draw->n == 0
               ? status
               : draw_groups(draw, options->validation_fraction, options->seed, error);
}

void split_draw_note(const struct split_draw *draw, struct valence_import_result *result)
{
    if (draw->n_clips > 0 && draw->n_drawn == draw->n_clips)
        import_note(result, "validation_fraction",
                    "all %lld training clips went to validation, since they are %s and recordings "
                    "are kept whole: no clip is left to train on",
                    (long long)draw->n_clips,
                    draw->n_groups == 1 ? "of one recording" : "of few recordings");
    else if (draw->n_drawn > 2 * draw->n_wanted)
        import_note(result, "validation_fraction",
                    "%lld of %lld training clips went to validation instead of %lld, since "
                    "recordings are kept whole and there are %lld of them",
                    (long long)draw->n_drawn, (long long)draw->n_clips, (long long)draw->n_wanted,
                    (long long)draw->n_groups);
}

void split_draw_free(struct split_draw *draw)
{
    for (int64_t i = 0; i < draw->n; i++)
        free(draw->groups[i]);
    free(draw->groups);
    *draw = (struct split_draw){0};
}

enum valence_split split_draw_apply(const struct split_draw *draw,
                                    const struct import_record *record, enum valence_split split)
{
    const char *group = group_of(record);
    bool drawn =
        split == VALENCE_TRAIN && draw->n > 0 &&
        bsearch(&group, draw->groups, (size_t)draw->n, sizeof *draw->groups, compare_texts);
    return drawn ? VALENCE_VALIDATION : split;
}
