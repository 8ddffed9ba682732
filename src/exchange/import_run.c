/* The walk over a source's clips. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "exchange/import.h"
#include "exchange/import_split.h"
#include "exchange/import_target.h"
#include "data/label_scale.h"
#include "data/value_map.h"
#include "exchange/read_ahead.h"
#include "valence/text.h"

struct import {
    struct import_source *source;
    const struct valence_import_options *options;
    struct valence_import_result *result;
    struct import_target target;
    struct affine label_map;
    struct valence_label_scale classes; /* of options->label_classes; none where that is NULL */
    struct split_draw draw;
    unsigned char *again; /* (target.n_before) 1: met in this source */
    struct read_ahead *ahead;
    /* By stream: clips that have it, and of these those with zeros alone; values made 0. */
    int64_t n_with[VALENCE_STORE_MAX_STREAMS], n_zeros[VALENCE_STORE_MAX_STREAMS];
    int64_t n_invalid[VALENCE_STORE_MAX_STREAMS];
    /* Room for rows that are changed. */
    float *changed[VALENCE_STORE_MAX_STREAMS];
    int64_t capacity[VALENCE_STORE_MAX_STREAMS];
};

void import_name_stream(struct import_source *source, enum valence_stream which, int64_t width)
{
    struct valence_store_stream *stream = &source->streams[source->n_streams++];
    snprintf(stream->name, sizeof stream->name, "%s", valence_stream_names[which]);
    stream->width = width;
}

/* ---- Skipping ---- */

/* A clip that is not to be taken for `reason`: fine where such clips are skipped, or gives the
 * error back, with the reason as its key. */
static int allow(const struct import *import, enum valence_skip reason, struct valence_error *error)
{
    if (import->options->skip & VALENCE_BIT(reason))
        return VALENCE_OK;
    if (error->key[0] == '\0')
        snprintf(error->key, sizeof error->key, "skip.%s", valence_skip_name((int)reason));
    return error->status;
}

/* The same, and counts it. */
static int refuse(struct import *import, const struct import_record *record,
                  enum valence_skip reason, struct valence_error *error)
{
    int status = allow(import, reason, error);
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

/* ---- Labels and splits ---- */

/* On the map's scale. What is beyond the range by rounding alone is at its end. */
static double map_label(const struct import *import, double label)
{
    const struct valence_import_options *options = import->options;
    double mapped = import->label_map.scale * label + import->label_map.offset;
    double slack = 1e-9 * (options->label_maximum - options->label_minimum);
    if (mapped < options->label_minimum && mapped >= options->label_minimum - slack)
        return options->label_minimum;
    if (mapped > options->label_maximum && mapped <= options->label_maximum + slack)
        return options->label_maximum;
    return mapped;
}

/* Of a text that names a class, or of a number that is written like one. */
static int find_class(const struct import *import, const struct import_record *record,
                      const char *text, double *label, struct valence_error *error)
{
    char number[32], list[400];
    *label = NAN;
    if (!text && isnan(record->label_number))
        return VALENCE_OK;
    if (!text)
        snprintf(number, sizeof number, "%.9g", record->label_number);
    text = text ? text : number;
    if (text[0] == '\0')
        return VALENCE_OK;
    int class = label_class_find(&import->classes, text);
    label_classes_list(&import->classes, list, sizeof list);
    if (class < 0)
        return fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': label '%.80s' is none of %s",
                    record->place, record->id, text, list);
    *label = class;
    return VALENCE_OK;
}

/* ERROR_DATA if the label cannot be taken; NaN: there is none. */
static int find_label(const struct import *import, const struct import_record *record,
                      double *label, struct valence_error *error)
{
    const struct valence_import_options *options = import->options;
    char room[VALUE_BYTES];
    const char *text =
        record->label ? values_meaning(options->label_values, record->label, room)
        : isnan(record->label_number)
            ? NULL
            : values_meaning_of_number(options->label_values, record->label_number, room);
    *label = record->label_number;
    if (record->problem)
        return fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': %s", record->place, record->id,
                    record->problem);
    if (import->classes.n_classes)
        return find_class(import, record, text, label, error);
    if (text && text[0] == '\0')
        *label = NAN;
    else if (text && !(parse_double(text, label) && isfinite(*label)))
        return fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': label '%s' is not a number%s",
                    record->place, record->id, text,
                    strchr(text, ',') ? " (numbers are written with a decimal point)" : "");
    double mapped = map_label(import, *label);
    if (mapped < options->label_minimum || mapped > options->label_maximum)
        return fail(error, VALENCE_ERROR_DATA,
                    "%s: clip '%s': label '%g'%s is not within %g and %g", record->place,
                    record->id, mapped, options->label_map ? " (as mapped)" : "",
                    options->label_minimum, options->label_maximum);
    *label = mapped;
    return VALENCE_OK;
}

/* Fills the clip's split and label. *taken is false if it is skipped. */
static int take_record(struct import *import, const struct import_record *record,
                       struct valence_clip *clip, bool *taken, struct valence_error *error)
{
    double label;
    int split = import_split_of(record, import->options);
    *taken = false;
    *clip = (struct valence_clip){.id = record->id,
                                  .group = record->group,
                                  .transcript = record->transcript,
                                  .metadata = record->metadata};
    if (split < 0) {
        if (record->split_problem)
            fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': %s", record->place, record->id,
                 record->split_problem);
        else if (record->split[0])
            fail(error, VALENCE_ERROR_DATA, "%s: clip '%s': unknown split '%s'", record->place,
                 record->id, record->split);
        else
            fail(error, VALENCE_ERROR_DATA, "%s: clip '%s' has no split", record->place,
                 record->id);
        return refuse(import, record, VALENCE_SKIP_SPLIT, error);
    }
    clip->split = split_draw_apply(&import->draw, record, (enum valence_split)split);
    if (find_label(import, record, &label, error))
        return refuse(import, record, VALENCE_SKIP_LABEL, error);
    clip->label = (float)label;
    *taken = true;
    return VALENCE_OK;
}

/* ---- Rows ---- */

static int read_rows(struct import *import, int stream, struct valence_clip_rows *rows,
                     struct valence_error *error)
{
    struct import_source *source = import->source;
    *rows = (struct valence_clip_rows){.stream = stream};
    return import->ahead ? read_ahead_rows(import->ahead, stream, rows, error)
                         : source->rows(source->self, stream, rows, error);
}

/* Makes what is not finite 0, in memory of its own. */
static int zero_invalid(struct import *import, struct valence_clip_rows *rows,
                        struct valence_error *error)
{
    int s = rows->stream;
    int64_t n = rows->n_rows * import->source->streams[s].width, n_invalid = 0;
    for (int64_t i = 0; i < n; i++)
        n_invalid += !isfinite(rows->rows[i]);
    if (n_invalid == 0)
        return VALENCE_OK;
    void *values = import->changed[s];
    int status = grow_array(&values, &import->capacity[s], n, sizeof(float), INT64_MAX,
                            "values of a clip", error);
    import->changed[s] = values;
    if (status)
        return status;
    for (int64_t i = 0; i < n; i++)
        import->changed[s][i] = isfinite(rows->rows[i]) ? rows->rows[i] : 0;
    rows->rows = import->changed[s];
    import->n_invalid[s] += n_invalid;
    return VALENCE_OK;
}

static bool is_all_zero(const float *values, int64_t n)
{
    int64_t i = 0;
    while (i < n && values[i] == 0)
        i++;
    return i == n;
}

/* A stream as it was read to what is stored of it. */
static int treat_rows(struct import *import, struct valence_clip_rows *rows,
                      struct valence_error *error)
{
    int s = rows->stream;
    int status = import->options->zero_invalid ? zero_invalid(import, rows, error) : VALENCE_OK;
    if (status || rows->n_rows == 0)
        return status;
    import->n_with[s]++;
    if (is_all_zero(rows->rows, rows->n_rows * import->source->streams[s].width)) {
        import->n_zeros[s]++;
        rows->n_rows = import->options->zeros_missing ? 0 : rows->n_rows;
    }
    return VALENCE_OK;
}

/* The rows of all streams; *taken is false if the clip is skipped. */
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
        int status = read_rows(import, i, stream, error);
        if (!status)
            status = treat_rows(import, stream, error);
        int reason = reason_of(status);
        if (status && reason < 0)
            return status;
        if (status && reason != VALENCE_SKIP_MISSING)
            return refuse(import, record, (enum valence_skip)reason, error);
        if (status) {
            misses = true;
            status = allow(import, VALENCE_SKIP_MISSING, error);
            if (status)
                return status;
            continue;
        }
        total += stream->n_rows;
        *n_rows += stream->n_rows > 0;
    }
    if (misses)
        import_count(&import->result->skipped[VALENCE_SKIP_MISSING], record->id);
    if (total == 0 && import->source->n_streams > 0) {
        fail(error, VALENCE_ERROR_DATA, "%s: clip '%s' has no rows", record->place, record->id);
        return refuse(import, record, VALENCE_SKIP_EMPTY, error);
    }
    *taken = true;
    return VALENCE_OK;
}

/* ---- One clip ---- */

/* What an interrupted import stored counts for the columns as well; what cannot be read again was
 * not stored. */
static void measure_stored(struct import *import)
{
    struct valence_error ignored;
    for (int i = 0; i < import->source->n_streams; i++) {
        struct valence_clip_rows rows;
        if (read_rows(import, i, &rows, &ignored) == VALENCE_OK)
            import_target_measure(&import->target, &rows);
    }
}

/* Whether the clip is stored already: from an interrupted call, or since this source named it
 * before. */
static int pass_over(struct import *import, const struct import_record *record, bool *passed,
                     struct valence_error *error)
{
    int64_t ordinal = import_target_find(&import->target, record->id);
    *passed = ordinal >= 0;
    if (!*passed)
        return VALENCE_OK;
    if (ordinal < import->target.n_before && !import->again[ordinal]) {
        import->again[ordinal] = 1;
        import->result->n_stored++;
        if (import->target.is_measuring)
            measure_stored(import);
        return VALENCE_OK;
    }
    fail(error, VALENCE_ERROR_EXISTS, "%s: clip '%s' occurs twice", record->place, record->id);
    return refuse(import, record, VALENCE_SKIP_DUPLICATE, error);
}

static int import_clip(struct import *import, const struct import_record *record,
                       struct valence_error *error)
{
    struct valence_clip clip;
    struct valence_clip_rows rows[VALENCE_STORE_MAX_STREAMS];
    int n_rows;
    bool flag = false;
    int status = pass_over(import, record, &flag, error);
    if (status || flag)
        return status;
    status = take_record(import, record, &clip, &flag, error);
    if (status || !flag)
        return status;
    status = take_rows(import, record, rows, &n_rows, &flag, error);
    if (status || !flag)
        return status;
    status = import_target_add(&import->target, &clip, rows, n_rows, error);
    if (status == VALENCE_ERROR_DATA) {
        (void)fail_within(status, error, "%s", record->place);
        if (strcmp(error->key, "skip") == 0) /* a value that is no number */
            snprintf(error->key, sizeof error->key, "zero_invalid");
        return refuse(import, record, VALENCE_SKIP_VALUE, error);
    }
    if (!status) {
        import->result->n_taken++;
        import->result->n_no_label += isnan(clip.label);
    }
    return status;
}

/* ---- All of them ---- */

/* Reads ahead once all that is in the store was skipped, so that no rows are read for nothing;
 * from the start where they are measured. */
static int next_record(struct import *import, struct import_record *record, bool *more,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    bool at_new = import->result->n_stored == import->target.n_before;
    if (!import->ahead && (at_new || import->target.is_measuring))
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
    bool more, looks = import->target.request->summary != NULL;
    int status = source->restart(source->self, error);
    for (int64_t i = 0; !status; i++) {
        struct valence_progress_event event = {looks ? "reading" : "importing", i, source->n_clips,
                                               "clips", NULL};
        if (progress && progress->report(progress->user, &event)) {
            status = fail(error, VALENCE_ERROR_CANCELLED,
                          looks ? "reading was cancelled"
                                : "the import was interrupted; run it again to continue from here");
            break;
        }
        status = next_record(import, &record, &more, error);
        if (status || !more)
            break;
        status = import_clip(import, &record, error);
    }
    read_ahead_stop(import->ahead);
    import->ahead = NULL;
    return status;
}

/* What was counted, as if it had not been. */
static void forget_counts(struct import *import)
{
    struct valence_import_result *result = import->result;
    result->n_taken = result->n_stored = result->n_no_label = 0;
    memset(result->skipped, 0, sizeof result->skipped);
    memset(import->n_with, 0, sizeof import->n_with);
    memset(import->n_zeros, 0, sizeof import->n_zeros);
    memset(import->n_invalid, 0, sizeof import->n_invalid);
}

static int begin(struct import *import, struct valence_error *error)
{
    free(import->again);
    import->again = allocate(import->target.n_before, 1);
    return import->again
               ? VALENCE_OK
               : fail_memory(error, (size_t)import->target.n_before, "the clips there are");
}

static int run(struct import *import, const struct valence_progress *progress,
               struct valence_error *error)
{
    int status = begin(import, error);
    if (!status)
        status = import_clips(import, progress, error);
    if (status || !import_target_check_types(&import->target))
        return status;
    forget_counts(import);
    status = import_target_reopen(&import->target, error);
    if (!status)
        status = begin(import, error);
    return status ? status : import_clips(import, progress, error);
}

static void note_zeros(struct import *import)
{
    for (int i = 0; i < import->source->n_streams; i++) {
        const char *name = import->source->streams[i].name;
        bool missing = import->options->zeros_missing;
        if (import->n_zeros[i])
            import_note(import->result, "zeros_missing",
                        "stream '%s' is all zeros in %lld of %lld clips, as where no face was "
                        "found: %s",
                        name, (long long)import->n_zeros[i], (long long)import->n_with[i],
                        missing ? "stored as missing" : "stored as they are");
        if (import->n_invalid[i])
            import_note(import->result, "zero_invalid",
                        "stream '%s': %lld %s NaN or infinite and stored as 0", name,
                        (long long)import->n_invalid[i],
                        valence_plural(import->n_invalid[i], "value is", "values are"));
    }
}

int import_run(struct import_source *source, const struct import_request *request,
               struct valence_error *error)
{
    const struct valence_import_options *options = request->options;
    struct import import = {
        .source = source, .options = options, .result = request->result, .label_map = {1, 0}};
    int status = VALENCE_OK;
    if (source->n_streams == 0 && !options->labels_only)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "labels_only",
                          "no stream is named (audio, text, video or simulated_text)");
    if (!status && options->label_map)
        status = affine_parse(options->label_map, &import.label_map, error);
    if (!status && options->label_classes)
        status = label_classes_parse(options->label_classes, &import.classes, error);
    if (!status)
        status = split_draw_make(&import.draw, source, options, error);
    if (!status)
        status = import_target_open(&import.target, request, source, error);
    if (!status)
        status = run(&import, request->progress, error);
    if (!status)
        status = import_target_finish(&import.target, error);
    int closed = import_target_close(&import.target, status ? NULL : error);
    if (!status) {
        split_draw_note(&import.draw, request->result);
        note_zeros(&import);
    }
    for (int i = 0; i < VALENCE_STORE_MAX_STREAMS; i++)
        free(import.changed[i]);
    free(import.again);
    split_draw_free(&import.draw);
    json_decref(source->description);
    source->description = NULL;
    return status ? status : closed;
}
