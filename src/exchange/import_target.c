#include "exchange/import_target.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "data/data_summary.h"
#include "data/label_scale.h"
#include "exchange/source_identity.h"
#include "store/store_source.h"
#include "store/store_writer.h"
#include "valence/version.h"

/* ---- The source's description ---- */

static bool is_text(const char *text)
{
    return !text || is_utf8(text, strlen(text));
}

static bool are_texts(const struct valence_import_options *options)
{
    bool fine = is_text(options->id) && is_text(options->split) && is_text(options->label) &&
                is_text(options->group) && is_text(options->transcript) &&
                is_text(options->label_values) && is_text(options->split_values) &&
                is_text(options->label_map) && is_text(options->label_scale) &&
                is_text(options->label_classes);
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        fine = fine && is_text(options->streams[i].source) && is_text(options->streams[i].folder) &&
               is_text(options->streams[i].lengths);
    return fine;
}

/* Whatever changes what is stored belongs to it. */
static int describe(const struct import_source *source,
                    const struct valence_import_options *options, struct valence_error *error)
{
    if (!are_texts(options))
        return fail(error, VALENCE_ERROR_ARGUMENT, "an option's text is not valid UTF-8");
    json_t *how = json_pack(
        "{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:[f,f], s:f, s:I, s:I}",
        "version", valence_version(), "id", options->id, "split", options->split, "label",
        options->label, "group", options->group, "transcript", options->transcript, "label_values",
        options->label_values, "split_values", options->split_values, "label_map",
        options->label_map, "label_scale", options->label_scale, "all_in",
        valence_split_names[options->all_in], "label_range", options->label_minimum,
        options->label_maximum, "validation_fraction", options->validation_fraction, "seed",
        (json_int_t)options->seed, "feat_scale", (json_int_t)options->feat_scale);
    json_t *rows = json_pack("{s:b, s:b, s:b, s:s*}", "trim_zeros", options->trim_zeros,
                             "zeros_missing", options->zeros_missing, "zero_invalid",
                             options->zero_invalid, "label_classes", options->label_classes);
    bool whole = how && rows && json_object_update(how, rows) == 0;
    for (int i = 0; i < VALENCE_N_STREAMS && whole; i++) {
        const struct valence_import_stream *stream = &options->streams[i];
        json_t *from = json_pack("{s:s*, s:s*, s:s*}", "source", stream->source, "folder",
                                 stream->folder, "lengths", stream->lengths);
        whole = json_object_set_new(how, valence_stream_names[i], from) == 0;
    }
    whole = whole && json_object_update(source->description, how) == 0;
    json_decref(rows);
    json_decref(how);
    return whole ? VALENCE_OK : fail_memory(error, 0, "a source's description");
}

/* ---- The store that is there ---- */

static bool is_imported(const json_t *recorded)
{
    const char *kind = json_string_value(json_object_get(recorded, "kind"));
    for (int i = 0; kind && i < valence_n_import_kinds(); i++)
        if (strcmp(kind, valence_import_kind_name(i)) == 0)
            return true;
    return false;
}

/* The types that an interrupted import of the same had decided on. */
static void adopt_types(struct import_target *target, const struct valence_store *store)
{
    const struct valence_import_options *options = target->request->options;
    for (int i = 0; i < target->source->n_streams; i++) {
        const struct valence_store_stream *there = valence_store_get_stream(store, i);
        bool fits = there && strcmp(there->name, target->streams[i].name) == 0;
        if (fits && options->type == VALENCE_F16 && !options->keep_type)
            target->streams[i].type = there->type;
    }
}

/* Looks at what an earlier import left. *replace: an unfinished store of other options or another
 * state of the source is to be started again. Where it is of the same, the description becomes the
 * recorded one. What is no store is left to the writer to refuse. */
static int look_at_store(struct import_target *target, json_t **description, bool *replace,
                         struct valence_error *error)
{
    struct valence_store_options options;
    struct valence_store *store;
    char difference[DIFFERENCE_BYTES];
    valence_store_options_default(&options);
    options.accept_unfinished = true;
    *replace = false;
    if (valence_store_open(target->request->store, &options, &store, NULL))
        return VALENCE_OK;
    int status = VALENCE_OK;
    bool finished = valence_store_is_finished(store);
    const json_t *recorded = store_source_json(store);
    bool same = recorded && identity_is_same(recorded, *description, difference);
    if (same) {
        adopt_types(target, store);
        json_decref(*description);
        *description = json_incref((json_t *)(uintptr_t)recorded);
        target->was_finished = finished;
    } else if (finished && recorded && !target->request->options->overwrite) {
        status = fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                          "%s: is a finished store with another source or other options: %s",
                          target->request->store, difference);
    }
    *replace = !finished && (is_imported(recorded) || valence_store_n_clips(store) == 0);
    valence_store_close(store);
    return status;
}

/* ---- Opening ---- */

static int begin_measuring(struct import_target *target, struct valence_error *error)
{
    int status = VALENCE_OK;
    target->is_measuring = false;
    for (int i = 0; i < target->source->n_streams && !status; i++) {
        rounding_end(&target->rounding[i]);
        if (target->streams[i].type != VALENCE_F16)
            continue;
        status = rounding_begin(&target->rounding[i], target->streams[i].width, error);
        target->is_measuring = !target->was_finished;
    }
    return status;
}

static int declare_scale(struct import_target *target, struct valence_error *error)
{
    const struct valence_import_options *options = target->request->options;
    struct valence_label_scale scale = {.low = options->label_minimum,
                                        .high = options->label_maximum};
    if (options->label_classes) {
        int status = label_classes_parse(options->label_classes, &scale, error);
        return status ? status
                      : valence_store_writer_set_label_scale(target->writer, &scale, error);
    }
    if (!options->label_scale)
        return VALENCE_OK;
    if (strlen(options->label_scale) >= sizeof scale.name)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_scale",
                        "the name of a label scale has up to %zu bytes", sizeof scale.name - 1);
    snprintf(scale.name, sizeof scale.name, "%s", options->label_scale);
    return valence_store_writer_set_label_scale(target->writer, &scale, error);
}

static int open_writer(struct import_target *target, bool replace, json_t *description,
                       struct valence_error *error)
{
    struct valence_store_writer_options options;
    valence_store_writer_options_default(&options);
    options.replace_unfinished = replace;
    options.overwrite = target->request->options->overwrite;
    int status =
        valence_store_writer_open(target->request->store, target->streams,
                                  target->source->n_streams, &options, &target->writer, error);
    if (!status)
        status = store_writer_set_source(target->writer, json_incref(description), error);
    if (!status)
        status = declare_scale(target, error);
    target->n_before = status ? 0 : valence_store_writer_n_clips(target->writer);
    return status;
}

int import_target_open(struct import_target *target, const struct import_request *request,
                       struct import_source *source, struct valence_error *error)
{
    bool replace = false;
    *target = (struct import_target){.request = request, .source = source};
    for (int i = 0; i < source->n_streams; i++) {
        target->streams[i] = source->streams[i];
        target->streams[i].type = request->options->type;
    }
    if (request->summary) {
        int status =
            data_summary_begin(request->summary, target->streams, source->n_streams, error);
        return status ? status : begin_measuring(target, error);
    }
    int status = describe(source, request->options, error);
    if (!status)
        status = look_at_store(target, &source->description, &replace, error);
    if (!status)
        status = open_writer(target, replace, source->description, error);
    if (!status && valence_store_writer_replaced(target->writer)) {
        import_note(request->result, "",
                    replace ? "an unfinished import with other options, or of a source that has "
                              "changed since, was removed; all clips are imported again"
                            : "the store that was there was replaced");
        target->was_finished = false;
    }
    return status ? status : begin_measuring(target, error);
}

/* ---- Clips ---- */

int64_t import_target_find(const struct import_target *target, const char *id)
{
    return target->writer ? store_writer_find(target->writer, id) : -1;
}

void import_target_measure(struct import_target *target, const struct valence_clip_rows *rows)
{
    if (target->rounding[rows->stream].width)
        rounding_add(&target->rounding[rows->stream], rows->rows, rows->n_rows);
}

static int look_at(struct valence_data_summary *summary, struct valence_clip *clip,
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

int import_target_add(struct import_target *target, struct valence_clip *clip,
                      const struct valence_clip_rows *rows, int n_rows, struct valence_error *error)
{
    struct valence_data_summary *summary = target->request->summary;
    int status = summary ? look_at(summary, clip, rows, n_rows, error)
                         : valence_store_writer_add(target->writer, clip, rows, n_rows, error);
    for (int i = 0; i < n_rows && !status; i++)
        import_target_measure(target, &rows[i]);
    return status;
}

/* ---- Types ---- */

/* A finished store keeps what it has. */
static bool keeps_types(const struct import_target *target)
{
    return target->request->options->keep_type || target->was_finished;
}

static void note_damage(struct import_target *target, int stream, int64_t n_damaged, int64_t worst,
                        double mean, double deviation)
{
    const struct valence_store_stream *format = &target->streams[stream];
    bool kept = keeps_types(target);
    import_note(target->request->result, "dtype",
                "stream '%s' is stored as %s%s: f16 rounds %lld of its %lld columns by more than "
                "%g %% of their spread (column %lld is %.6g +- %.3g)",
                format->name, kept ? "f16" : "f32", kept ? " and loses by it" : "",
                (long long)n_damaged, (long long)format->width, 100 * ROUNDING_LIMIT,
                (long long)worst, mean, deviation);
}

bool import_target_check_types(struct import_target *target)
{
    struct valence_data_summary *summary = target->request->summary;
    bool again = false;
    for (int i = 0; i < target->source->n_streams; i++) {
        int64_t worst = 0;
        double mean = 0, deviation = 0;
        int64_t n_damaged = target->rounding[i].width
                                ? rounding_count(&target->rounding[i], &worst, &mean, &deviation)
                                : 0;
        if (n_damaged == 0)
            continue;
        note_damage(target, i, n_damaged, worst, mean, deviation);
        if (keeps_types(target))
            continue;
        target->streams[i].type = VALENCE_F32;
        if (summary)
            summary->streams[i].format.type = VALENCE_F32;
        again = !summary;
    }
    return again;
}

int import_target_reopen(struct import_target *target, struct valence_error *error)
{
    int status = valence_store_writer_close(target->writer, error);
    target->writer = NULL;
    if (!status)
        status = open_writer(target, true, target->source->description, error);
    return status ? status : begin_measuring(target, error);
}

/* ---- The end ---- */

int import_target_finish(struct import_target *target, struct valence_error *error)
{
    struct valence_data_summary *summary = target->request->summary;
    return summary ? data_summary_finish(summary, error)
                   : valence_store_writer_finish(target->writer, error);
}

int import_target_close(struct import_target *target, struct valence_error *error)
{
    for (int i = 0; i < VALENCE_STORE_MAX_STREAMS; i++)
        rounding_end(&target->rounding[i]);
    return valence_store_writer_close(target->writer, error);
}
