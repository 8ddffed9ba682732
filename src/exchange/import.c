#include "exchange/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/data_summary.h"
#include "exchange/import_split.h"
#include "exchange/read_ahead.h"
#include "format/byte_source.h"
#include "store/store_layout.h"
#include "store/store_writer.h"
#include "valence/version.h"

#define SKIP_NAME(name, word, text) word,
const char *const valence_skip_names[VALENCE_N_SKIPS] = {VALENCE_SKIP_MAP(SKIP_NAME)};
#undef SKIP_NAME
#define SKIP_TEXT(name, word, text) text,
const char *const valence_skip_texts[VALENCE_N_SKIPS] = {VALENCE_SKIP_MAP(SKIP_TEXT)};
#undef SKIP_TEXT

void valence_import_options_default(struct valence_import_options *options)
{
    *options = (struct valence_import_options){
        .label_minimum = -3, .label_maximum = 3, .feat_scale = 1, .delimiter = ','};
}

void import_name_stream(struct import_source *source, enum valence_stream which, int64_t width)
{
    struct valence_store_stream *stream = &source->streams[source->n_streams++];
    snprintf(stream->name, sizeof stream->name, "%s", valence_stream_names[which]);
    stream->width = width;
}

/* ---- Values ---- */

#define MAX_VALUE_BYTES 64

/* What `value` stands for in a list "from=to,from=to": itself where it is not there, or the list is
 * NULL. `room` keeps it. */
static const char *meaning(const char *list, const char *value, char room[MAX_VALUE_BYTES])
{
    size_t length = strlen(value);
    while (list && *list) {
        size_t item = strcspn(list, ","), from = strcspn(list, "=");
        if (from == length && from < item && strncmp(list, value, length) == 0) {
            snprintf(room, MAX_VALUE_BYTES, "%.*s", (int)(item - from - 1), list + from + 1);
            return room;
        }
        list += item + (list[item] == ',');
    }
    return value;
}

/* Each item must be one of such a list, and fit. */
static int check_values(const char *list, const char *option, struct valence_error *error)
{
    while (list && *list) {
        size_t item = strcspn(list, ","), from = strcspn(list, "=");
        if (from >= item || item >= MAX_VALUE_BYTES)
            return fail(error, VALENCE_ERROR_ARGUMENT, "%s: '%.*s' is not FROM=TO", option,
                        (int)(item < 80 ? item : 80), list);
        list += item + (list[item] == ',');
    }
    return VALENCE_OK;
}

int import_split_of(const struct import_record *record,
                    const struct valence_import_options *options)
{
    char room[MAX_VALUE_BYTES];
    return record->split
               ? valence_split_from_name(meaning(options->split_values, record->split, room))
               : (int)options->all_in;
}

/* ---- The source's description ---- */

#define HASHED_BYTES (64 << 10)

static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

json_t *import_describe_file(const char *path, struct valence_error *error)
{
    struct byte_source source;
    unsigned char bytes[HASHED_BYTES];
    uint64_t hash = 0xcbf29ce484222325u;
    int status = byte_source_open(path, &source, error);
    size_t end = source.size < HASHED_BYTES ? (size_t)source.size : HASHED_BYTES;
    for (int i = 0; i < 2 && !status; i++) { /* both ends */
        status = byte_source_read(&source, i ? source.size - end : 0, bytes, end, error);
        hash = status ? hash : hash_bytes(hash, bytes, end);
    }
    uint64_t size = source.size;
    byte_source_close(&source);
    if (status)
        return NULL;
    char digits[20];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)hash);
    json_t *description = json_pack("{s:s, s:I, s:s}", "name", path_name(path), "bytes",
                                    (json_int_t)size, "hash", digits);
    if (!description)
        fail(error, VALENCE_ERROR_ARGUMENT, "%s: its name is not UTF-8", path);
    return description;
}

/* Whatever changes what is stored belongs to it. */
static json_t *describe(const struct import_source *source,
                        const struct valence_import_options *options)
{
    json_t *description = source->description;
    json_t *how = json_pack(
        "{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:[f,f], s:f, s:I, s:I, s:i}",
        "version", valence_version(), "id", options->id, "split", options->split, "label",
        options->label, "group", options->group, "transcript", options->transcript, "label_values",
        options->label_values, "split_values", options->split_values, "splits", options->splits,
        "all_in", valence_split_names[options->all_in], "label_range", options->label_minimum,
        options->label_maximum, "validation_fraction", options->validation_fraction, "seed",
        (json_int_t)options->seed, "feat_scale", (json_int_t)options->feat_scale, "trim_zeros",
        options->trim_zeros);
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        const struct valence_import_stream *stream = &options->streams[i];
        json_object_set_new(how, valence_stream_names[i],
                            json_pack("{s:s*, s:s*, s:s*}", "source", stream->source, "folder",
                                      stream->folder, "lengths", stream->lengths));
    }
    bool whole = description && how && json_object_update(description, how) == 0;
    json_decref(how);
    return whole ? json_incref(description) : NULL;
}

/* ---- One clip ---- */

struct import {
    struct import_source *source;
    const struct valence_import_options *options;
    struct valence_import_result *result;
    struct valence_store_writer *writer;
    struct split_draw draw;
    int64_t n_before;     /* clips in the store when it was opened */
    unsigned char *again; /* (n_before) 1: met in this source */
    struct read_ahead *ahead;
};

void import_count(struct valence_import_count *count, const char *id)
{
    int64_t n = count->n++;
    if (n >= VALENCE_IMPORT_N_EXAMPLES)
        return;
    size_t length = strlen(id);
    if (length >= VALENCE_IMPORT_EXAMPLE_BYTES) /* no character is cut in two */
        for (length = VALENCE_IMPORT_EXAMPLE_BYTES - 1;
             length > 0 && ((unsigned char)id[length] & 0xC0) == 0x80;)
            length--;
    memcpy(count->examples[n], id, length);
    count->examples[n][length] = '\0';
}

/* A clip that cannot be taken for `reason`, of which `error` tells: fine where such clips are
 * skipped, or `status`. */
static int allow(const struct import *import, int status, enum valence_skip reason,
                 struct valence_error *error)
{
    if (!(import->options->skip & 1u << reason)) {
        const char *consequence = reason == VALENCE_SKIP_MISSING ? "import without" : "skip";
        size_t used = error ? strlen(error->text) : 0;
        if (error)
            snprintf(error->text + used, sizeof error->text - used,
                     "\n  (mend it, or %s such clips with --skip %s)", consequence,
                     valence_skip_names[reason]);
        return status;
    }
    return VALENCE_OK;
}

/* The same, and counts it. */
static int refuse(struct import *import, int status, const struct import_record *record,
                  enum valence_skip reason, struct valence_error *error)
{
    status = allow(import, status, reason, error);
    if (!status)
        import_count(&import->result->skipped[reason], record->id);
    return status;
}

/* The reason that stands for an error, or -1 for one that always stops the import. */
static int reason_of(int status)
{
    switch (status) {
    case VALENCE_ERROR_DATA:
        return VALENCE_SKIP_VALUE;
    case VALENCE_ERROR_SHAPE:
        return VALENCE_SKIP_WIDTH;
    case VALENCE_ERROR_NOT_FOUND:
        return VALENCE_SKIP_MISSING;
    default:
        return -1;
    }
}

/* Fills the clip's split and label. *taken is false where it is skipped. */
static int take_record(struct import *import, const struct import_record *record,
                       struct valence_clip *clip, bool *taken, struct valence_error *error)
{
    const struct valence_import_options *options = import->options;
    double label = record->label_number; /* NaN: none */
    int split = import_split_of(record, options);
    char room[MAX_VALUE_BYTES];
    const char *text = record->label ? meaning(options->label_values, record->label, room) : NULL;
    *taken = false;
    *clip = (struct valence_clip){.id = record->id,
                                  .group = record->group,
                                  .transcript = record->transcript,
                                  .metadata = record->metadata};
    if (split < 0) {
        fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': there is no split '%s'", record->place,
             record->id, record->split);
        return refuse(import, VALENCE_ERROR_DATA, record, VALENCE_SKIP_SPLIT, error);
    }
    clip->split = split_draw_apply(&import->draw, record, (enum valence_split)split);
    bool is_number = !text || text[0] == '\0' || (parse_double(text, &label) && isfinite(label));
    if (!is_number) {
        fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': label '%s' is no number%s", record->place,
             record->id, text,
             strchr(text, ',') ? " (numbers are written with a decimal point)" : "");
        return refuse(import, VALENCE_ERROR_DATA, record, VALENCE_SKIP_LABEL, error);
    }
    if (label < options->label_minimum || label > options->label_maximum) {
        char number[32];
        snprintf(number, sizeof number, "%g", label);
        fail(error, VALENCE_ERROR_DATA,
             "%s: clip '%s': label '%s' is not within %g and %g (--label-range)", record->place,
             record->id, text ? text : number, options->label_minimum, options->label_maximum);
        return refuse(import, VALENCE_ERROR_DATA, record, VALENCE_SKIP_LABEL, error);
    }
    clip->label = (float)label;
    *taken = true;
    return VALENCE_OK;
}

/* The rows of all streams; *taken is false where the clip is skipped. */
static int take_rows(struct import *import, const struct import_record *record,
                     struct valence_clip_rows *rows, int *n_rows, bool *taken,
                     struct valence_error *error)
{
    int64_t total = 0;
    bool misses = false;
    *taken = false;
    *n_rows = 0;
    for (int i = 0; i < import->source->n_streams; i++) {
        struct valence_clip_rows *stream = &rows[*n_rows];
        int status = import->ahead ? read_ahead_rows(import->ahead, i, stream, error)
                                   : import->source->rows(import->source->self, i, stream, error);
        int reason = reason_of(status);
        if (status && reason < 0)
            return status;
        if (status && reason != VALENCE_SKIP_MISSING)
            return refuse(import, status, record, (enum valence_skip)reason, error);
        if (status) {
            misses = true;
            status = allow(import, status, VALENCE_SKIP_MISSING, error);
            if (status)
                return status;
            continue;
        }
        stream->stream = i;
        total += stream->n_rows;
        *n_rows += stream->n_rows > 0;
    }
    if (misses)
        import_count(&import->result->skipped[VALENCE_SKIP_MISSING], record->id);
    if (total == 0 && import->source->n_streams > 0) {
        fail(error, VALENCE_ERROR_DATA, "%s: clip '%s' has no rows", record->place, record->id);
        return refuse(import, VALENCE_ERROR_DATA, record, VALENCE_SKIP_EMPTY, error);
    }
    *taken = true;
    return VALENCE_OK;
}

/* Whether the clip is stored already: from an interrupted call, or since this source named it
 * before. */
static int pass_over(struct import *import, const struct import_record *record, bool *passed,
                     struct valence_error *error)
{
    int64_t ordinal = store_writer_find(import->writer, record->id);
    *passed = ordinal >= 0;
    if (!*passed)
        return VALENCE_OK;
    if (ordinal < import->n_before && !import->again[ordinal]) {
        import->again[ordinal] = 1;
        import->result->n_stored++;
        return VALENCE_OK;
    }
    fail(error, VALENCE_ERROR_EXISTS, "%s: clip '%s' was there before", record->place, record->id);
    return refuse(import, VALENCE_ERROR_EXISTS, record, VALENCE_SKIP_DUPLICATE, error);
}

/* A clip that is only looked at. */
static int look_at(struct data_summary *summary, struct valence_clip *clip,
                   const struct valence_clip_rows *rows, int n_rows, struct valence_error *error)
{
    for (int i = 0; i < n_rows; i++)
        clip->n_rows[rows[i].stream] = rows[i].n_rows;
    int status = data_summary_add(summary, clip, error);
    for (int i = 0; i < n_rows && !status; i++)
        data_summary_add_rows(summary, summary->n_clips - 1, rows[i].stream, rows[i].rows,
                              rows[i].n_rows);
    return status;
}

static int store_clip(struct import *import, const struct import_record *record,
                      const struct valence_clip *clip, const struct valence_clip_rows *rows,
                      int n_rows, struct valence_error *error)
{
    int status = valence_store_writer_add(import->writer, clip, rows, n_rows, error);
    if (status == VALENCE_ERROR_DATA) {
        (void)fail_within(status, error, "%s", record->place);
        return refuse(import, status, record, VALENCE_SKIP_VALUE, error);
    }
    if (!status) {
        import->result->n_taken++;
        import->result->n_no_label += isnan(clip->label);
    }
    return status;
}

static int import_clip(struct import *import, const struct import_record *record,
                       struct valence_error *error)
{
    struct valence_clip clip;
    struct valence_clip_rows rows[VALENCE_STORE_MAX_STREAMS];
    int n_rows;
    struct data_summary *summary = import->options->summary;
    bool flag = false;
    int status = summary ? VALENCE_OK : pass_over(import, record, &flag, error);
    if (status || flag)
        return status;
    status = take_record(import, record, &clip, &flag, error);
    if (status || !flag)
        return status;
    status = take_rows(import, record, rows, &n_rows, &flag, error);
    if (status || !flag)
        return status;
    return summary ? look_at(summary, &clip, rows, n_rows, error)
                   : store_clip(import, record, &clip, rows, n_rows, error);
}

/* ---- All of them ---- */

/* Reads ahead once all that is in the store was passed over, so that no rows are read for
 * nothing. */
static int next_record(struct import *import, struct import_record *record, bool *more,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    if (!import->ahead && import->result->n_stored == import->n_before)
        status = read_ahead_start(import->source, &import->ahead, error);
    if (status)
        return status;
    return import->ahead ? read_ahead_next(import->ahead, record, more, error)
                         : import->source->next(import->source->self, record, more, error);
}

static int import_clips(struct import *import, const struct valence_progress *progress,
                        struct valence_error *error)
{
    struct import_source *source = import->source;
    struct import_record record;
    bool more;
    int status = source->restart(source->self, error);
    for (int64_t i = 0; !status; i++) {
        bool looks = import->options->summary != NULL;
        struct valence_progress_event event = {looks ? "reading" : "importing", i, source->n_clips,
                                               "clips", NULL};
        if (progress && progress->report(progress->user, &event))
            return fail(error, VALENCE_ERROR_CANCELLED,
                        looks ? "reading was cancelled"
                              : "the import was interrupted; the same command goes on with it");
        status = next_record(import, &record, &more, error);
        if (status || !more)
            break;
        status = import_clip(import, &record, error);
    }
    return status;
}

/* Where the clips go: the store or, where they are only looked at, a summary. */
static int open_store(struct import *import, const char *store_path, struct valence_error *error)
{
    struct import_source *source = import->source;
    for (int i = 0; i < source->n_streams; i++)
        source->streams[i].type = import->options->type;
    if (import->options->summary)
        return data_summary_begin(import->options->summary, source->streams, source->n_streams,
                                  error);
    int status = valence_store_writer_open(store_path, source->streams, source->n_streams, NULL,
                                           &import->writer, error);
    if (!status)
        status = store_writer_set_source(import->writer, describe(source, import->options), error);
    if (status)
        return status;
    import->n_before = valence_store_writer_n_clips(import->writer);
    import->again = allocate(import->n_before, 1);
    return import->again ? VALENCE_OK
                         : fail_memory(error, (size_t)import->n_before, "the clips there are");
}

static int check_options(const struct import_source *source,
                         const struct valence_import_options *options, struct valence_error *error)
{
    if (source->n_streams == 0 && !options->labels_only)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "no stream is named that the source has (audio, text, video or "
                    "simulated_text); --labels-only imports what is said of the clips alone");
    if (!(options->label_minimum <= options->label_maximum))
        return fail(error, VALENCE_ERROR_ARGUMENT, "a label range from %g to %g is empty",
                    options->label_minimum, options->label_maximum);
    if (options->feat_scale < 1)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a feat_scale of %lld is not at least 1",
                    (long long)options->feat_scale);
    int status = check_values(options->label_values, "--label-values", error);
    if (!status)
        status = check_values(options->split_values, "--split-values", error);
    if (status)
        return status;
    if (!(options->validation_fraction >= 0 && options->validation_fraction < 1))
        return fail(error, VALENCE_ERROR_ARGUMENT, "a validation fraction of %g is not 0 ... 1",
                    options->validation_fraction);
    return VALENCE_OK;
}

int import_run(struct import_source *source, const char *store_path,
               const struct valence_import_options *options,
               const struct valence_progress *progress, struct valence_import_result *result,
               struct valence_error *error)
{
    struct valence_error own;
    struct import import = {.source = source, .options = options, .result = result};
    error = error ? error : &own; /* reasons are told apart by it */
    int status = check_options(source, options, error);
    if (!status)
        status = split_draw_make(&import.draw, source, options, error);
    if (!status)
        status = open_store(&import, store_path, error);
    if (!status)
        status = import_clips(&import, progress, error);
    read_ahead_stop(import.ahead);
    if (!status && options->summary)
        status = data_summary_finish(options->summary, error);
    if (!status && import.writer)
        status = valence_store_writer_finish(import.writer, error);
    int closed = valence_store_writer_close(import.writer, status ? NULL : error);
    free(import.again);
    split_draw_free(&import.draw);
    json_decref(source->description);
    source->description = NULL;
    return status ? status : closed;
}
