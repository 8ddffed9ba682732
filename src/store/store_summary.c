#include "store/store_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* ---- Streams ---------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* `lengths` has room for all clips. */
static void summarise_stream(const struct valence_store *store, int stream, int64_t *lengths,
                             struct stream_summary *summary)
{
    int64_t n = 0;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        int64_t rows = valence_store_clip(store, i)->n_rows[stream];
        if (rows > 0)
            lengths[n++] = rows;
        summary->n_rows += rows;
    }
    summary->n_clips = n;
    if (n == 0)
        return;
    qsort(lengths, (size_t)n, sizeof *lengths, by_size);
    summary->shortest = lengths[0];
    summary->median = lengths[(n - 1) / 2];
    summary->percentile_95 = lengths[(n - 1) * 95 / 100];
    summary->longest = lengths[n - 1];
}

/* ---- Splits ------------------------------------------------------------------------------------ */

static void add_label(struct split_summary *split, double label)
{
    double clipped = label < -3 ? -3 : label > 3 ? 3 : label;
    split->label_bins[(int)rint(clipped) + 3]++;
    split->label_mean += label; /* sums, until all clips are in */
    split->label_deviation += label * label;
}

static void finish_labels(struct split_summary *split)
{
    double n = (double)(split->n_clips - split->n_unlabelled);
    split->label_mean /= n; /* 0 / 0: NaN */
    double variance = split->label_deviation / n - split->label_mean * split->label_mean;
    split->label_deviation = variance < 0 ? 0 : sqrt(variance);
}

static bool is_empty(const struct valence_store *store, const struct valence_clip *clip)
{
    for (int s = 0; s < valence_store_n_streams(store); s++)
        if (clip->n_rows[s])
            return false;
    return true;
}

static int by_group(const void *a, const void *b)
{
    const struct valence_clip *x = *(const struct valence_clip *const *)a;
    const struct valence_clip *y = *(const struct valence_clip *const *)b;
    int order = strcmp(x->group, y->group);
    return order ? order : (int)x->split - (int)y->split;
}

/* Counts the groups of each split and those that several splits share. */
static void count_groups(const struct valence_clip **clips, int64_t n,
                         struct store_summary *summary)
{
    qsort(clips, (size_t)n, sizeof *clips, by_group);
    for (int64_t first = 0, end; first < n; first = end) {
        int n_splits = 0;
        for (end = first; end < n && strcmp(clips[end]->group, clips[first]->group) == 0; end++)
            if (end == first || clips[end]->split != clips[end - 1]->split) {
                summary->splits[clips[end]->split].n_groups++;
                n_splits++;
            }
        summary->n_shared_groups += n_splits > 1;
    }
}

int store_summarise(const struct valence_store *store, struct store_summary *summary,
                    struct valence_error *error)
{
    int64_t n = valence_store_n_clips(store), n_grouped = 0;
    *summary = (struct store_summary){.n_streams = valence_store_n_streams(store)};
    int64_t *lengths = allocate(n, sizeof *lengths);
    const struct valence_clip **grouped = allocate(n, sizeof(struct valence_clip *));
    if (!lengths || !grouped) {
        free(lengths);
        free(grouped);
        return fail_memory(error, (size_t)n * sizeof *lengths, "a summary");
    }
    for (int s = 0; s < summary->n_streams; s++)
        summarise_stream(store, s, lengths, &summary->streams[s]);
    for (int64_t i = 0; i < n; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        struct split_summary *split = &summary->splits[clip->split];
        split->n_clips++;
        split->n_empty += is_empty(store, clip);
        split->n_transcripts += clip->transcript[0] != '\0';
        if (isnan(clip->label))
            split->n_unlabelled++;
        else
            add_label(split, (double)clip->label);
        if (clip->group[0])
            grouped[n_grouped++] = clip;
    }
    count_groups(grouped, n_grouped, summary);
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        finish_labels(&summary->splits[s]);
    free(lengths);
    free(grouped);
    return VALENCE_OK;
}
