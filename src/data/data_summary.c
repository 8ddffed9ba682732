#include "data/data_summary.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/store_layout.h"

#define LARGEST_HALF 65504.0f

int data_summary_begin(struct data_summary *summary, const struct valence_store_stream *streams,
                       int n_streams, struct valence_error *error)
{
    *summary = (struct data_summary){.n_streams = n_streams};
    for (int s = 0; s < n_streams; s++) {
        struct stream_summary *stream = &summary->streams[s];
        stream->format = streams[s];
        stream->low = INFINITY;
        stream->high = -INFINITY;
        stream->last_broken = -1;
        stream->lows = allocate(streams[s].width, sizeof *stream->lows);
        stream->highs = allocate(streams[s].width, sizeof *stream->highs);
        if (!stream->lows || !stream->highs)
            return fail_memory(error, (size_t)streams[s].width * 2 * sizeof *stream->lows,
                               "a summary");
        for (int64_t j = 0; j < streams[s].width; j++) {
            stream->lows[j] = INFINITY;
            stream->highs[j] = -INFINITY;
        }
    }
    for (int split = 0; split < VALENCE_N_SPLITS; split++) {
        summary->splits[split].label_low = INFINITY;
        summary->splits[split].label_high = -INFINITY;
    }
    return VALENCE_OK;
}

void data_summary_free(struct data_summary *summary)
{
    for (int s = 0; s < summary->n_streams; s++) {
        free(summary->streams[s].lengths);
        free(summary->streams[s].lows);
        free(summary->streams[s].highs);
    }
    for (int64_t i = 0; i < summary->n_clips; i++)
        free(summary->clips[i].id);
    free(summary->clips);
    *summary = (struct data_summary){0};
}

/* ---- Clips ---- */

static void add_example(struct clip_examples *examples, int64_t clip)
{
    if (examples->n < SUMMARY_EXAMPLES)
        examples->clips[examples->n] = clip;
    examples->n++;
}

static void add_label(struct split_summary *split, double label)
{
    double clipped = label < -3 ? -3 : label > 3 ? 3 : label;
    split->label_bins[(int)rint(clipped) + 3]++;
    split->label_mean += label; /* sums, until all clips are in */
    split->label_deviation += label * label;
    split->label_low = label < split->label_low ? label : split->label_low;
    split->label_high = label > split->label_high ? label : split->label_high;
}

static int add_lengths(struct data_summary *summary, const struct valence_clip *clip,
                       struct summary_clip *added, struct valence_error *error)
{
    for (int s = 0; s < summary->n_streams; s++) {
        struct stream_summary *stream = &summary->streams[s];
        int64_t n = clip->n_rows[s];
        added->hash = mix_keys(added->hash, (uint64_t)n);
        added->n_rows += n;
        stream->n_rows += n;
        if (n == 0)
            continue;
        void *lengths = stream->lengths;
        int status =
            grow_array(&lengths, &stream->length_capacity, stream->n_clips + 1,
                       sizeof *stream->lengths, STORE_MAX_CLIPS, "clips of a summary", error);
        stream->lengths = lengths;
        if (status)
            return status;
        stream->lengths[stream->n_clips++] = n;
    }
    for (int s = 0; s < summary->n_streams && added->n_rows > 0; s++)
        if (clip->n_rows[s] == 0)
            add_example(&summary->streams[s].absent, summary->n_clips);
    return VALENCE_OK;
}

int data_summary_add(struct data_summary *summary, const struct valence_clip *clip,
                     struct valence_error *error)
{
    void *clips = summary->clips;
    int status = grow_array(&clips, &summary->clip_capacity, summary->n_clips + 1,
                            sizeof *summary->clips, STORE_MAX_CLIPS, "clips of a summary", error);
    summary->clips = clips;
    if (status)
        return status;
    struct summary_clip *added = &summary->clips[summary->n_clips];
    size_t id_bytes = strlen(clip->id) + 1, group_bytes = strlen(clip->group) + 1;
    *added = (struct summary_clip){.id = malloc(id_bytes + group_bytes), .split = clip->split};
    if (!added->id)
        return fail_memory(error, id_bytes + group_bytes, "a clip of a summary");
    memcpy(added->id, clip->id, id_bytes);
    added->group = memcpy(added->id + id_bytes, clip->group, group_bytes);
    status = add_lengths(summary, clip, added, error);
    if (status) {
        free(added->id);
        return status;
    }
    struct split_summary *split = &summary->splits[clip->split];
    split->n_clips++;
    split->n_empty += added->n_rows == 0;
    split->n_transcripts += clip->transcript[0] != '\0';
    if (isnan(clip->label))
        split->n_unlabelled++;
    else
        add_label(split, (double)clip->label);
    summary->n_clips++;
    return VALENCE_OK;
}

/* ---- Values ---- */

static void add_row(struct stream_summary *stream, const float *restrict row)
{
    float *restrict lows = stream->lows, *restrict highs = stream->highs;
    int64_t width = stream->format.width;
    int n_nan = 0, n_beyond = 0, n_largest = 0;
    for (int64_t j = 0; j < width; j++) { /* a NaN is neither below nor above */
        float value = row[j], magnitude = fabsf(value);
        lows[j] = value < lows[j] ? value : lows[j];
        highs[j] = value > highs[j] ? value : highs[j];
        n_nan += value != value;
        n_beyond += magnitude > FLT_MAX;
        n_largest += magnitude == LARGEST_HALF;
    }
    stream->n_nan += n_nan;
    stream->n_infinite += n_beyond;
    if (stream->format.type == VALENCE_F16)
        stream->n_saturated += n_largest;
}

static uint64_t hash_values(uint64_t hash, const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = (hash ^ bits) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

void data_summary_add_rows(struct data_summary *summary, int64_t clip, int index, const float *rows,
                           int64_t n_rows)
{
    struct stream_summary *stream = &summary->streams[index];
    int64_t width = stream->format.width, n_bad = stream->n_nan + stream->n_infinite;
    for (int64_t i = 0; i < n_rows; i++)
        add_row(stream, rows + i * width);
    if (stream->n_nan + stream->n_infinite > n_bad && stream->last_broken != clip) {
        add_example(&stream->broken, clip);
        stream->last_broken = clip;
    }
    summary->clips[clip].hash = hash_values(summary->clips[clip].hash, rows, n_rows * width);
    summary->has_values = true;
}

/* ---- What needs all clips ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void finish_stream(struct stream_summary *stream)
{
    int64_t n = stream->n_clips, *lengths = stream->lengths;
    if (n > 0) {
        qsort(lengths, (size_t)n, sizeof *lengths, by_size);
        stream->shortest = lengths[0];
        stream->percentile_5 = lengths[(n - 1) * 5 / 100];
        stream->median = lengths[(n - 1) / 2];
        stream->percentile_95 = lengths[(n - 1) * 95 / 100];
        stream->longest = lengths[n - 1];
    }
    for (int64_t j = 0; j < stream->format.width; j++) {
        float low = stream->lows[j], high = stream->highs[j];
        stream->low = low < stream->low ? low : stream->low;
        stream->high = high > stream->high ? high : stream->high;
        if (low != high || stream->n_rows < 2)
            continue;
        if (stream->n_constant < SUMMARY_EXAMPLES)
            stream->constant[stream->n_constant] = j;
        stream->n_constant++;
    }
}

static void finish_labels(struct split_summary *split)
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

static void add_pair(struct clip_pair *pairs, int64_t n_before, const struct data_summary *summary,
                     const struct summary_clip *first, const struct summary_clip *second)
{
    if (n_before < SUMMARY_EXAMPLES)
        pairs[n_before] = (struct clip_pair){first - summary->clips, second - summary->clips};
}

/* Counts the groups of each split and those that several splits share. */
static void count_groups(struct data_summary *summary, const struct summary_clip **clips)
{
    int64_t n = 0;
    for (int64_t i = 0; i < summary->n_clips; i++)
        if (summary->clips[i].group[0])
            clips[n++] = &summary->clips[i];
    qsort(clips, (size_t)n, sizeof *clips, by_group);
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && strcmp(clips[end]->group, clips[first]->group) == 0; end++)
            if (end == first || clips[end]->split != clips[end - 1]->split)
                summary->splits[clips[end]->split].n_groups++;
        if (clips[first]->split != clips[end - 1]->split)
            add_pair(summary->shared_groups, summary->n_shared_groups++, summary, clips[first],
                     clips[end - 1]);
    }
}

static void count_duplicates(struct data_summary *summary, const struct summary_clip **clips)
{
    int64_t n = 0, n_within = 0;
    for (int64_t i = 0; i < summary->n_clips; i++)
        if (summary->clips[i].n_rows > 0)
            clips[n++] = &summary->clips[i];
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
static void count_repeated(struct data_summary *summary, const struct summary_clip **clips)
{
    for (int64_t i = 0; i < summary->n_clips; i++)
        clips[i] = &summary->clips[i];
    qsort(clips, (size_t)summary->n_clips, sizeof *clips, by_id);
    for (int64_t i = 1; i < summary->n_clips; i++)
        if (strcmp(clips[i]->id, clips[i - 1]->id) == 0)
            add_example(&summary->repeated, clips[i] - summary->clips);
}

int data_summary_finish(struct data_summary *summary, struct valence_error *error)
{
    const struct summary_clip **clips = allocate(summary->n_clips, sizeof(struct summary_clip *));
    if (!clips)
        return fail_memory(error, (size_t)summary->n_clips * sizeof *clips, "a summary");
    for (int s = 0; s < summary->n_streams; s++)
        finish_stream(&summary->streams[s]);
    for (int split = 0; split < VALENCE_N_SPLITS; split++)
        finish_labels(&summary->splits[split]);
    count_repeated(summary, clips);
    count_groups(summary, clips);
    if (summary->has_values)
        count_duplicates(summary, clips);
    free(clips);
    return VALENCE_OK;
}
