#include "data/data_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/data_counts.h"
#include "store/store_layout.h"

int data_summary_begin(struct valence_data_summary *summary,
                       const struct valence_store_stream *streams, int n_streams,
                       struct valence_error *error)
{
    *summary = (struct valence_data_summary){.n_streams = n_streams,
                                             .counts = allocate(1, sizeof *summary->counts)};
    if (!summary->counts)
        return fail_memory(error, sizeof *summary->counts, "a summary");
    for (int s = 0; s < n_streams; s++) {
        struct stream_counts *counts = &summary->counts->streams[s];
        int status = stream_counts_begin(counts, streams[s].width, error);
        if (status)
            return status;
        summary->streams[s] = (struct valence_stream_summary){.format = streams[s],
                                                              .low = INFINITY,
                                                              .high = -INFINITY,
                                                              .lows = counts->lows,
                                                              .highs = counts->highs};
    }
    for (int split = 0; split < VALENCE_N_SPLITS; split++) {
        summary->splits[split].label_low = INFINITY;
        summary->splits[split].label_high = -INFINITY;
    }
    return VALENCE_OK;
}

void data_summary_borrow(struct valence_data_summary *summary)
{
    summary->counts->borrows = true;
}

void data_summary_free(struct valence_data_summary *summary)
{
    struct valence_data_counts *counts = summary->counts;
    if (!counts)
        return;
    for (int s = 0; s < summary->n_streams; s++)
        stream_counts_clear(&counts->streams[s]);
    for (int64_t i = 0; i < summary->n_clips && !counts->borrows; i++)
        free((void *)(uintptr_t)counts->clips[i].id);
    free(counts->clips);
    free(counts);
    *summary = (struct valence_data_summary){0};
}

void valence_data_summary_free(struct valence_data_summary *summary)
{
    if (summary)
        data_summary_free(summary);
    free(summary);
}

static const struct summary_clip *clip_of(const struct valence_data_summary *summary, int64_t clip)
{
    return clip >= 0 && clip < summary->n_clips ? &summary->counts->clips[clip] : NULL;
}

const char *valence_data_summary_id(const struct valence_data_summary *summary, int64_t clip)
{
    const struct summary_clip *found = clip_of(summary, clip);
    return found ? found->id : NULL;
}

const char *valence_data_summary_group(const struct valence_data_summary *summary, int64_t clip)
{
    const struct summary_clip *found = clip_of(summary, clip);
    return found ? found->group : NULL;
}

enum valence_split valence_data_summary_split(const struct valence_data_summary *summary,
                                              int64_t clip)
{
    const struct summary_clip *found = clip_of(summary, clip);
    return found ? found->split : VALENCE_TRAIN;
}

/* ---- Clips ---- */

void add_example(struct valence_clip_examples *examples, int64_t clip)
{
    if (examples->n < VALENCE_N_EXAMPLES)
        examples->clips[examples->n] = clip;
    examples->n++;
}

static void add_label(struct valence_split_summary *split, double label)
{
    double clipped = label < -3 ? -3 : label > 3 ? 3 : label;
    split->label_bins[(int)rint(clipped) + 3]++;
    split->label_mean += label; /* sums, until all clips are in */
    split->label_deviation += label * label;
    split->label_low = label < split->label_low ? label : split->label_low;
    split->label_high = label > split->label_high ? label : split->label_high;
}

static int add_lengths(struct valence_data_summary *summary, const struct valence_clip *clip,
                       struct summary_clip *added, struct valence_error *error)
{
    for (int s = 0; s < summary->n_streams; s++) {
        struct valence_stream_summary *stream = &summary->streams[s];
        struct stream_counts *counts = &summary->counts->streams[s];
        int64_t n = clip->n_rows[s];
        added->hash = mix_keys(added->hash, (uint64_t)n);
        added->has_rows = added->has_rows || n > 0;
        stream->n_rows += n;
        if (n == 0)
            continue;
        void *lengths = counts->lengths;
        int status =
            grow_array(&lengths, &counts->length_capacity, stream->n_clips + 1,
                       sizeof *counts->lengths, STORE_MAX_CLIPS, "clips of a summary", error);
        counts->lengths = lengths;
        if (status)
            return status;
        counts->lengths[stream->n_clips++] = (int32_t)n;
    }
    for (int s = 0; s < summary->n_streams && added->has_rows; s++)
        if (clip->n_rows[s] == 0)
            add_example(&summary->streams[s].absent, summary->n_clips);
    return VALENCE_OK;
}

/* The clip's id and group: the caller's, or one block of both. */
static int take_texts(const struct valence_data_summary *summary, const struct valence_clip *clip,
                      struct summary_clip *added, struct valence_error *error)
{
    const char *group = clip->group ? clip->group : "";
    *added = (struct summary_clip){.id = clip->id, .group = group, .split = clip->split};
    if (summary->counts->borrows)
        return VALENCE_OK;
    size_t id_bytes = strlen(clip->id) + 1, group_bytes = strlen(group) + 1;
    char *block = malloc(id_bytes + group_bytes);
    if (!block)
        return fail_memory(error, id_bytes + group_bytes, "a clip of a summary");
    added->id = memcpy(block, clip->id, id_bytes);
    added->group = memcpy(block + id_bytes, group, group_bytes);
    return VALENCE_OK;
}

int data_summary_add(struct valence_data_summary *summary, const struct valence_clip *clip,
                     struct valence_error *error)
{
    struct valence_data_counts *counts = summary->counts;
    struct summary_clip added;
    void *clips = counts->clips;
    int status = grow_array(&clips, &counts->clip_capacity, summary->n_clips + 1,
                            sizeof *counts->clips, STORE_MAX_CLIPS, "clips of a summary", error);
    counts->clips = clips;
    if (!status)
        status = take_texts(summary, clip, &added, error);
    if (status)
        return status;
    status = add_lengths(summary, clip, &added, error);
    if (status) {
        if (!counts->borrows)
            free((void *)(uintptr_t)added.id);
        return status;
    }
    struct valence_split_summary *split = &summary->splits[clip->split];
    split->n_clips++;
    split->n_empty += !added.has_rows;
    split->n_transcripts += clip->transcript && clip->transcript[0] != '\0';
    summary->n_grouped += added.group[0] != '\0';
    if (isnan(clip->label))
        split->n_unlabelled++;
    else
        add_label(split, (double)clip->label);
    counts->clips[summary->n_clips++] = added;
    return VALENCE_OK;
}

/* ---- What needs all clips ---- */

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void finish_lengths(struct valence_stream_summary *stream, int32_t *lengths)
{
    int64_t n = stream->n_clips;
    if (n == 0)
        return;
    qsort(lengths, (size_t)n, sizeof *lengths, by_size);
    stream->shortest = lengths[0];
    stream->percentile_5 = lengths[(n - 1) * 5 / 100];
    stream->median = lengths[(n - 1) / 2];
    stream->percentile_95 = lengths[(n - 1) * 95 / 100];
    stream->longest = lengths[n - 1];
}

static void finish_labels(struct valence_split_summary *split)
{
    double n = (double)(split->n_clips - split->n_unlabelled);
    if (n == 0)
        split->label_low = split->label_high = NAN;
    split->label_mean /= n; /* 0 / 0: NaN */
    double variance = split->label_deviation / n - split->label_mean * split->label_mean;
    split->label_deviation = variance < 0 ? 0 : sqrt(variance);
}

/* Clips of one group stand together, those of one split within it, in the order they were added. */
static int by_group(const void *a, const void *b)
{
    const struct summary_clip *x = *(const struct summary_clip *const *)a;
    const struct summary_clip *y = *(const struct summary_clip *const *)b;
    int order = strcmp(x->group, y->group);
    return order ? order : x->split != y->split ? (int)x->split - (int)y->split : (x > y) - (x < y);
}

static int by_hash(const void *a, const void *b)
{
    const struct summary_clip *x = *(const struct summary_clip *const *)a;
    const struct summary_clip *y = *(const struct summary_clip *const *)b;
    return x->hash != y->hash     ? (x->hash > y->hash) - (x->hash < y->hash)
           : x->split != y->split ? (int)x->split - (int)y->split
                                  : (x > y) - (x < y);
}

static void add_pair(struct valence_clip_pair *pairs, int64_t n_before,
                     const struct valence_data_summary *summary, const struct summary_clip *first,
                     const struct summary_clip *second)
{
    if (n_before < VALENCE_N_EXAMPLES)
        pairs[n_before] = (struct valence_clip_pair){first - summary->counts->clips,
                                                     second - summary->counts->clips};
}

/* Counts the groups of each split and those that several splits share. */
static void count_groups(struct valence_data_summary *summary, const struct summary_clip **clips)
{
    int64_t n = 0;
    for (int64_t i = 0; i < summary->n_clips; i++)
        if (summary->counts->clips[i].group[0])
            clips[n++] = &summary->counts->clips[i];
    qsort(clips, (size_t)n, sizeof *clips, by_group);
    for (int64_t first = 0, end; first < n; first = end) {
        summary->n_groups++;
        for (end = first; end < n && strcmp(clips[end]->group, clips[first]->group) == 0; end++)
            if (end == first || clips[end]->split != clips[end - 1]->split)
                summary->splits[clips[end]->split].n_groups++;
        if (clips[first]->split != clips[end - 1]->split)
            add_pair(summary->shared_groups, summary->n_shared_groups++, summary, clips[first],
                     clips[end - 1]);
    }
}

static void count_duplicates(struct valence_data_summary *summary,
                             const struct summary_clip **clips)
{
    int64_t n = 0, n_within = 0;
    for (int64_t i = 0; i < summary->n_clips; i++)
        if (summary->counts->clips[i].has_rows)
            clips[n++] = &summary->counts->clips[i];
    qsort(clips, (size_t)n, sizeof *clips, by_hash);
    for (int64_t first = 0, i = 1; i < n; i++) {
        if (clips[i]->hash != clips[first]->hash)
            first = i;
        else if (clips[i]->split != clips[first]->split)
            add_pair(summary->leaked, summary->n_leaked++, summary, clips[first], clips[i]);
        if (clips[i]->hash == clips[i - 1]->hash && clips[i]->split == clips[i - 1]->split) {
            add_pair(summary->duplicates, n_within++, summary, clips[i - 1], clips[i]);
            summary->splits[clips[i]->split].n_duplicates++;
        }
    }
}

static int by_id(const void *a, const void *b)
{
    const struct summary_clip *x = *(const struct summary_clip *const *)a;
    const struct summary_clip *y = *(const struct summary_clip *const *)b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x > y) - (x < y);
}

/* A store has none; a source may. */
static void count_repeated(struct valence_data_summary *summary, const struct summary_clip **clips)
{
    for (int64_t i = 0; i < summary->n_clips; i++)
        clips[i] = &summary->counts->clips[i];
    qsort(clips, (size_t)summary->n_clips, sizeof *clips, by_id);
    for (int64_t i = 1; i < summary->n_clips; i++)
        if (strcmp(clips[i]->id, clips[i - 1]->id) == 0)
            add_example(&summary->repeated, clips[i] - summary->counts->clips);
}

int data_summary_finish(struct valence_data_summary *summary, struct valence_error *error)
{
    const struct summary_clip **clips = allocate(summary->n_clips, sizeof(struct summary_clip *));
    if (!clips)
        return fail_memory(error, (size_t)summary->n_clips * sizeof *clips, "a summary");
    for (int s = 0; s < summary->n_streams; s++) {
        finish_lengths(&summary->streams[s], summary->counts->streams[s].lengths);
        stream_values_finish(summary, s);
    }
    for (int split = 0; split < VALENCE_N_SPLITS; split++)
        finish_labels(&summary->splits[split]);
    count_repeated(summary, clips);
    count_groups(summary, clips);
    if (summary->has_values)
        count_duplicates(summary, clips);
    free(clips);
    return VALENCE_OK;
}
