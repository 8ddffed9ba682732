/* CMU-MultimodalSDK's computational sequences: labels, each of a segment of a video, and streams
 * aligned to them.
 *
 * A segment's rows are those that the SDK's align(labels) without collapse functions gives: in the
 * order of their starts, rows [s, e] with e - start > -epsilon, end - s > -epsilon and whose
 * overlap with the segment [start, end] is longer than epsilon = 1e-5 s. Clips are VIDEO[0],
 * VIDEO[1], ... as there, and their group is the video. Files that the SDK wrote after an alignment
 * (align, deploy) have these as entries already, of one segment each. A segment shorter than
 * epsilon has no rows, where the SDK leaves it out.
 *
 * Source: github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK, mmsdk/mmdatasdk/dataset/dataset.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/csd.h"
#include "format/csv.h"
#include "exchange/csd_transcripts.h"
#include "exchange/import.h"
#include "exchange/source_identity.h"
#include "exchange/width_vote.h"
#include "store/store_layout.h"

#define EPSILON     10e-6
#define MAX_SAMPLED 200 /* entries that are read to see which width most have */

struct sequence {
    struct csd *csd;
    struct csd_rows rows; /* of `video` */
    int64_t video;        /* the labels' entry that is loaded; -1: none */
    int status;           /* of loading it */
    float *values;        /* of the clip read last */
    int64_t capacity;
};

/* What the table of splits says. */
struct split_entry {
    char *id, *split;
};

struct split_table {
    struct split_entry *entries; /* sorted by id */
    int64_t n, capacity;
};

struct csd_import {
    const char *path;
    const struct valence_import_options *options;
    struct csd *labels;
    int64_t video, segment; /* of the next clip */
    int64_t loaded;         /* the video that `rows` are of; -1: none */
    struct csd_rows rows;   /* labels */
    int64_t column;         /* of the labels; -1: none */
    double start, end;      /* of the clip next() gave last */
    char id[VALENCE_STORE_ID_BYTES], recording[VALENCE_STORE_ID_BYTES];
    char problem[1200]; /* with its split */
    struct split_table splits;
    struct csd_transcripts transcripts;
    struct sequence sequences[VALENCE_N_STREAMS];
    struct import_source source;
};

/* ---- Splits ---- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct split_entry *)a)->id, ((const struct split_entry *)b)->id);
}

static const char *find_split(const struct split_table *table, const char *id)
{
    struct split_entry wanted = {(char *)(uintptr_t)id, NULL};
    const struct split_entry *found = table->n > 0
                                          ? bsearch(&wanted, table->entries, (size_t)table->n,
                                                    sizeof *table->entries, compare_entries)
                                          : NULL;
    return found ? found->split : NULL;
}

static int read_splits(struct split_table *table, const char *path, struct valence_error *error)
{
    struct csv_reader *reader;
    int id = -1, split = -1;
    bool more = true;
    int status = csv_open(path, ',', &reader, error);
    if (!status)
        status = csv_need_column(reader, "id", &id, error);
    if (!status)
        status = csv_need_column(reader, "split", &split, error);
    while (!status) {
        status = csv_next(reader, &more, error);
        if (status || !more)
            break;
        void *entries = table->entries;
        status = grow_array(&entries, &table->capacity, table->n + 1, sizeof *table->entries,
                            STORE_MAX_CLIPS, "splits", error);
        table->entries = entries;
        if (status)
            break;
        struct split_entry *entry = &table->entries[table->n++];
        *entry =
            (struct split_entry){strdup(csv_field(reader, id)), strdup(csv_field(reader, split))};
        if (!entry->id || !entry->split)
            status = fail_memory(error, 64, "a split");
    }
    csv_close(reader);
    if (!status && table->n > 0)
        qsort(table->entries, (size_t)table->n, sizeof *table->entries, compare_entries);
    return status;
}

static void free_splits(struct split_table *table)
{
    for (int64_t i = 0; i < table->n; i++) {
        free(table->entries[i].id);
        free(table->entries[i].split);
    }
    free(table->entries);
}

/* That of the clip, of the entry it is in, or of its recording. */
static void take_split(struct csd_import *import, const char *entry, struct import_record *record)
{
    record->split = find_split(&import->splits, import->id);
    if (!record->split)
        record->split = find_split(&import->splits, entry);
    if (!record->split)
        record->split = find_split(&import->splits, import->recording);
    if (record->split)
        return;
    snprintf(import->problem, sizeof import->problem,
             "%.300s names neither it nor its recording '%.300s'", import->options->splits,
             import->recording);
    record->split = "";
    record->split_problem = import->problem;
}

/* ---- Clips ---- */

/* The length of an entry's name without the "[3]" that an alignment appends. */
static size_t recording_length(const char *entry)
{
    size_t length = strlen(entry), at = length;
    if (length == 0 || entry[length - 1] != ']')
        return length;
    for (at = length - 1; at > 0 && entry[at - 1] >= '0' && entry[at - 1] <= '9';)
        at--;
    return at > 1 && at < length - 1 && entry[at - 1] == '[' ? at - 1 : length;
}

static void find_recording(const char *entry, char recording[VALENCE_STORE_ID_BYTES])
{
    size_t length = recording_length(entry);
    snprintf(recording, VALENCE_STORE_ID_BYTES, "%.*s", (int)(length < 480 ? length : 480), entry);
}

static int restart_csd(void *self, struct valence_error *error)
{
    struct csd_import *import = self;
    (void)error;
    import->video = 0;
    import->segment = 0;
    return VALENCE_OK;
}

static int load_labels(struct csd_import *import, struct valence_error *error)
{
    if (import->loaded == import->video)
        return VALENCE_OK;
    csd_rows_free(&import->rows);
    import->loaded = -1;
    int status = csd_read(import->labels, import->video, &import->rows, error);
    if (!status && import->column >= import->rows.width)
        status = fail_key(error, VALENCE_ERROR_SHAPE, "label",
                          "%s: video '%s' has %lld labels for each segment; label %lld does not "
                          "exist (they count from 0)",
                          import->path, csd_entry(import->labels, import->video),
                          (long long)import->rows.width, (long long)import->column);
    if (!status)
        import->loaded = import->video;
    return status;
}

static int next_clip(void *self, struct import_record *record, bool *more,
                     struct valence_error *error)
{
    struct csd_import *import = self;
    int status = VALENCE_OK;
    *more = false;
    while (import->video < csd_n_entries(import->labels)) {
        status = load_labels(import, error);
        if (status || import->segment < import->rows.n_rows)
            break;
        import->video++;
        import->segment = 0;
    }
    if (status || import->video == csd_n_entries(import->labels))
        return status;
    const char *video = csd_entry(import->labels, import->video);
    int64_t at = import->segment++;
    import->start = import->rows.intervals[2 * at];
    import->end = import->rows.intervals[2 * at + 1];
    find_recording(video, import->recording);
    if (import->rows.n_rows == 1 && recording_length(video) < strlen(video))
        snprintf(import->id, sizeof import->id, "%.500s", video);
    else
        snprintf(import->id, sizeof import->id, "%.480s[%lld]", video, (long long)at);
    *record =
        (struct import_record){.id = import->id, .group = import->recording, .transcript = ""};
    record->label_number =
        import->column < 0
            ? NAN
            : (double)import->rows.features[at * import->rows.width + import->column];
    snprintf(record->place, sizeof record->place, "%s", import->path);
    if (import->options->splits)
        take_split(import, video, record);
    if (import->transcripts.csd)
        status = csd_transcripts_find(&import->transcripts, import->recording, import->start,
                                      import->end, &record->transcript, error);
    *more = !status;
    return status;
}

/* ---- Streams ---- */

static int64_t find_entry(const struct csd *csd, const char *name)
{
    int64_t low = 0, high = csd_n_entries(csd);
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(csd_entry(csd, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_entry(const struct csd *csd, const char *name)
{
    int64_t at = find_entry(csd, name);
    return at < csd_n_entries(csd) && strcmp(csd_entry(csd, at), name) == 0;
}

/* Rows of an entry of the labels: those of the stream's entry of the same name, or else of the
 * recording; or the status that looking for them gave. */
static int load_video(struct csd_import *import, struct sequence *sequence,
                      struct valence_error *error)
{
    if (sequence->video == import->video && sequence->status == VALENCE_OK)
        return VALENCE_OK;
    csd_rows_free(&sequence->rows);
    sequence->video = import->video;
    const char *entry = csd_entry(import->labels, import->video);
    char recording[VALENCE_STORE_ID_BYTES];
    find_recording(entry, recording);
    sequence->status = csd_read_video(
        sequence->csd, has_entry(sequence->csd, entry) ? entry : recording, &sequence->rows, error);
    return sequence->status;
}

static bool overlaps(const double *interval, double start, double end)
{
    double from = fmax(interval[0], start), to = fmin(interval[1], end);
    return interval[1] - start > -EPSILON && end - interval[0] > -EPSILON &&
           fabs(from - to) > EPSILON;
}

static int csd_rows(void *self, int index, struct valence_clip_rows *rows,
                    struct valence_error *error)
{
    struct csd_import *import = self;
    struct sequence *sequence = &import->sequences[index];
    const struct valence_store_stream *format = &import->source.streams[index];
    int status = load_video(import, sequence, error);
    if (status)
        return status;
    const struct csd_rows *all = &sequence->rows;
    if (all->n_rows > 0 && all->width != format->width)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "clip '%s': stream '%s' has width %lld, the store has %lld", import->id,
                    format->name, (long long)all->width, (long long)format->width);
    bool has_length = fabs(import->start - import->end) >= EPSILON;
    rows->n_rows = 0;
    for (int64_t i = 0; i < all->n_rows && has_length && !status; i++) {
        if (!overlaps(all->intervals + 2 * i, import->start, import->end))
            continue;
        void *values = sequence->values;
        status = grow_array(&values, &sequence->capacity, (rows->n_rows + 1) * all->width,
                            sizeof *sequence->values, INT64_MAX, "values of a clip", error);
        sequence->values = values;
        if (!status)
            memcpy(sequence->values + rows->n_rows++ * all->width, all->features + i * all->width,
                   (size_t)all->width * sizeof *sequence->values);
    }
    rows->rows = sequence->values;
    return status;
}

/* The width is that of the file's first entry with rows; where others may be skipped, that of most
 * entries, of a sample spread over the file. */
static int find_width(const struct csd *csd, bool most, int64_t *width, struct valence_error *error)
{
    struct width_vote vote = {0};
    int64_t n = csd_n_entries(csd), step = most && n > MAX_SAMPLED ? n / MAX_SAMPLED : 1;
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n && !status && (most || vote.n == 0); i += step) {
        struct csd_rows rows;
        status = csd_read(csd, i, &rows, error);
        if (!status)
            vote_add(&vote, rows.n_rows > 0 ? rows.width : 0);
        csd_rows_free(&rows);
    }
    *width = vote_width(&vote);
    return status;
}

static int add_stream(struct csd_import *import, enum valence_stream which, const char *path,
                      struct valence_error *error)
{
    struct sequence *sequence = &import->sequences[import->source.n_streams];
    int64_t width = 0;
    sequence->video = -1;
    int status = csd_open(path, &sequence->csd, error);
    if (!status)
        status = find_width(sequence->csd, import->options->skip & VALENCE_BIT(VALENCE_SKIP_WIDTH),
                            &width, error);
    if (!status && width == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: it holds no rows", path);
    import_name_stream(&import->source, which, width);
    return status;
}

/* ---- The import ---- */

/* As an entry, or cut into some. */
static bool has_recording(const struct csd *csd, const char *recording)
{
    char segments[VALENCE_STORE_ID_BYTES + 2];
    snprintf(segments, sizeof segments, "%s[", recording);
    int64_t at = find_entry(csd, segments);
    return has_entry(csd, recording) ||
           (at < csd_n_entries(csd) &&
            strncmp(csd_entry(csd, at), segments, strlen(segments)) == 0);
}

/* Videos, in any of the streams' files, that have no labels. */
static void count_unlisted(const struct csd_import *import, struct valence_import_count *unlisted)
{
    for (int i = 0; i < import->source.n_streams; i++) {
        const struct csd *csd = import->sequences[i].csd;
        char last[VALENCE_STORE_ID_BYTES] = "";
        for (int64_t j = 0; j < csd_n_entries(csd); j++) {
            const char *entry = csd_entry(csd, j);
            char video[VALENCE_STORE_ID_BYTES];
            find_recording(entry, video);
            bool counted = strcmp(video, last) == 0;
            for (int k = 0; k < i && !counted; k++)
                counted = has_recording(import->sequences[k].csd, video);
            if (!counted && !has_recording(import->labels, video))
                import_count(unlisted, video);
            memcpy(last, video, sizeof last);
        }
    }
}

/* The label's column is a number here. */
static int choose_column(struct csd_import *import, struct valence_error *error)
{
    const char *wanted = import->options->label;
    long long column = 0;
    if (wanted && wanted[0] == '\0')
        column = -1;
    else if (wanted && (!parse_int64(wanted, &column) || column < 0))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label",
                        "the labels of a computational sequence have no names: one is chosen by "
                        "its number from 0, not by '%s'",
                        wanted);
    import->column = column;
    return VALENCE_OK;
}

static int open_all(struct csd_import *import, struct valence_error *error)
{
    const struct valence_import_options *options = import->options;
    int status = choose_column(import, error);
    if (!status)
        status = csd_open(import->path, &import->labels, error);
    if (!status && csd_n_entries(import->labels) > 0)
        status = load_labels(
            import, error); /* what is wrong with all of them is said before a store is made */
    if (!status && options->splits)
        status = read_splits(&import->splits, options->splits, error);
    if (!status && options->transcript && options->transcript[0])
        status = csd_transcripts_open(&import->transcripts, options->transcript, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        if (options->streams[i].source)
            status = add_stream(import, (enum valence_stream)i, options->streams[i].source, error);
    return status;
}

/* All files take part, so that none is changed between an interrupted import and the one that goes
 * on with it. */
static int describe(struct csd_import *import, struct valence_error *error)
{
    json_t *files = json_object();
    const char *splits = import->options->splits;
    /* What the identities do not say themselves. */
    fail_memory(error, 0, "a source's description");
    json_t *labels = identity_of_file(import->path, error);
    int status = labels ? json_object_set_new(files, "labels", labels) : -1;
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++) {
        const char *path = import->options->streams[i].source;
        json_t *file = path ? identity_of_file(path, error) : NULL;
        if (path)
            status = file ? json_object_set_new(files, valence_stream_names[i], file) : -1;
    }
    const char *words = import->transcripts.csd ? import->options->transcript : NULL;
    json_t *transcripts = words && !status ? identity_of_file(words, error) : NULL;
    if (words && !status)
        status = transcripts ? json_object_set_new(files, "transcripts", transcripts) : -1;
    json_t *table = splits && !status ? identity_of_file(splits, error) : NULL;
    if (splits && !status)
        status = table ? json_object_set_new(files, "splits", table) : -1;
    import->source.description = json_pack("{s:s, s:o}", "kind", "csd", "files", files);
    return !status && import->source.description ? VALENCE_OK : error->status;
}

int import_csd(const struct import_request *request, struct valence_error *error)
{
    struct csd_import import = {.path = request->source, .options = request->options, .loaded = -1};
    import.source = (struct import_source){
        .self = &import, .restart = restart_csd, .next = next_clip, .rows = csd_rows};
    int status = open_all(&import, error);
    if (!status)
        status = describe(&import, error);
    if (!status)
        status = import_run(&import.source, request, error);
    else
        json_decref(import.source.description);
    if (!status)
        count_unlisted(&import, &request->result->unlisted);
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        csd_rows_free(&import.sequences[i].rows);
        free(import.sequences[i].values);
        csd_close(import.sequences[i].csd);
    }
    csd_rows_free(&import.rows);
    csd_close(import.labels);
    csd_transcripts_close(&import.transcripts);
    free_splits(&import.splits);
    return status;
}
