/* MMSA's unaligned_50.pkl and aligned_50.pkl, and the pickles of MulT and MultiBench: a dict of
 * splits, each a dict of arrays with N clips.
 *
 *   {"train": {"id", "raw_text", "text" (N, T, D), "audio", "vision", "text_bert" (N, 3, T),
 *              "audio_lengths", "vision_lengths", "regression_labels" (or "labels"), ...},
 *    "valid": ..., "test": ...}
 *
 * or, as an export to npz writes it, an .npz with those arrays under "train/id", "train/raw_text",
 * ...
 *
 * Arrays are read clip by clip from the file; the pickle is read as data (format/pickle/pickle.h).
 * What torch.save wrote, and tensors in place of arrays, are read as well. As MMSA's own loader
 * does, -inf in audio is read as 0.
 *
 * Source: github.com/thuiar/MMSA, src/MMSA/data_loader.py; data/getLengths.py for what the lengths
 * mean; github.com/pliang279/MultiBench, datasets/affect/get_data.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/archive.h"
#include "format/pickle/pickle_numpy.h"
#include "format/pickle/pickled_file.h"
#include "exchange/import_arrays.h"
#include "exchange/source_identity.h"

#define MAX_PARTS      8
#define TEXT_BERT_MASK 1 /* of text_bert's rows: tokens, mask, segments */

/* One split. */
struct part {
    const struct pickled_file *pickled;
    const struct pickle_value *arrays_dict; /* NULL: in an archive */
    struct archive *archive;
    char split[64];
    char name[320]; /* "file.pkl: train" */
    struct import_arrays arrays;
};

struct mmsa {
    const char *path;
    struct pickled_file *pickled; /* one of the two */
    struct archive *archive;
    struct part parts[MAX_PARTS];
    int n_parts;
    int part;         /* of the next clip */
    int64_t position; /* within it */
    struct part *current;
    int64_t current_position;
    enum valence_stream which[VALENCE_N_STREAMS]; /* by the source's index */
    struct import_source source;
};

static const struct import_names usual_names = {
    .id = "id|ids",
    .label = "regression_labels|labels|label", /* MulT and MultiBench: labels */
    .transcript = "raw_text",
    .group = "group", /* this and simulated text are valence's own: export_mmsa.c */
    .metadata = "metadata",
    .streams = {"audio|acoustic|speech|covarep", "text|language|glove|bert",
                "vision|video|visual|facet", "simulated_text"},
    .ignored = "annotations|text_bert|classification_labels|classification_labels_A|"
               "classification_labels_T|classification_labels_V|regression_labels|"
               "regression_labels_A|regression_labels_T|regression_labels_V",
};

/* ---- Opening ---- */

static int open_named(void *self, const char *name, struct import_column *column,
                      struct valence_error *error)
{
    const struct part *part = self;
    if (part->archive) {
        char member[512];
        snprintf(member, sizeof member, "%s/%s", part->split, name);
        return npy_open_member(part->archive, member, &column->array, error);
    }
    const struct pickle_value *value = pickle_get(part->arrays_dict, name);
    struct pickle_array array;
    if (!value)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: it holds no '%s'", part->name, name);
    if (value->type == PICKLE_LIST || value->type == PICKLE_TUPLE) {
        column->values = value->as.items.values;
        column->n_clips = value->as.items.n;
        column->n_parts = 1;
        return VALENCE_OK;
    }
    if (!pickle_get_array(value, &array) || !array.objects)
        return pickled_file_open_array(part->pickled, value, name, &column->array, error);
    column->values = array.objects->as.items.values;
    column->n_clips = array.header.n_dims > 0 ? array.header.shape[0] : 1;
    column->n_parts = column->n_clips > 0 ? array.header.count / column->n_clips : 1;
    return VALENCE_OK;
}

static int open_value(void *self, const struct pickle_value *value, const char *name,
                      struct npy **array, struct valence_error *error)
{
    const struct part *part = self;
    return pickled_file_open_array(part->pickled, value, name, array, error);
}

static int list_names(void *self, struct id_list *names, struct valence_error *error)
{
    const struct part *part = self;
    const struct pickle_value *dict = part->arrays_dict;
    int status = VALENCE_OK;
    for (int64_t i = 0; dict && i < dict->as.items.n && !status; i += 2) {
        const struct pickle_value *key = dict->as.items.values[i];
        if (key->type == PICKLE_TEXT)
            status = id_list_add(names, key->as.bytes.data, key->as.bytes.size, error);
    }
    size_t length = strlen(part->split);
    for (int64_t i = 0; part->archive && i < archive_n_members(part->archive) && !status; i++) {
        const char *name = archive_member_name(part->archive, i);
        if (strncmp(name, part->split, length) == 0 && name[length] == '/' &&
            path_has_ending(name, ".npy"))
            status = id_list_add(names, name + length + 1, strlen(name) - length - 5, error);
    }
    return status;
}

/* Tokens of each clip by BERT's mask, where text has as many rows as the mask and no lengths of its
 * own. */
static int read_text_lengths(struct part *part, struct valence_error *error)
{
    struct array_stream *text = &part->arrays.streams[VALENCE_STREAM_TEXT];
    const struct pickle_value *value = pickle_get(part->arrays_dict, "text_bert");
    int64_t n = part->arrays.n_clips;
    struct npy *array;
    if (!text->array || text->lengths || !pickled_file_is_array(value))
        return VALENCE_OK;
    int status = pickled_file_open_array(part->pickled, value, "text_bert", &array, error);
    if (status)
        return fail_within(status, error, "%s", part->name);
    const struct npy_header *mask = npy_header(array);
    if (mask->kind != NPY_NUMBERS || mask->n_dims != 3 || mask->shape[0] != n ||
        mask->shape[1] <= TEXT_BERT_MASK || mask->shape[2] != text->max_rows) {
        npy_close(array);
        return VALENCE_OK;
    }
    int64_t *tokens = allocate(text->max_rows, sizeof *tokens);
    text->lengths = allocate(n, sizeof *text->lengths);
    if (!status && (!tokens || !text->lengths))
        status = fail_memory(error, (size_t)n * sizeof *text->lengths, "lengths");
    for (int64_t i = 0; i < n && !status; i++) {
        int64_t first = (i * mask->shape[1] + TEXT_BERT_MASK) * text->max_rows;
        status = npy_read_int64(array, first, text->max_rows, tokens, error);
        for (int64_t j = 0; j < text->max_rows && !status; j++)
            text->lengths[i] += tokens[j] != 0;
    }
    npy_close(array);
    free(tokens);
    return status ? fail_within(status, error, "%s: text_bert", part->name) : VALENCE_OK;
}

/* A part of that split, its arrays still to be opened; NULL on error. */
static struct part *add_part(struct mmsa *mmsa, const char *split,
                             const struct valence_import_options *options,
                             struct valence_error *error)
{
    if (mmsa->n_parts == MAX_PARTS) {
        fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d splits", mmsa->path, MAX_PARTS);
        return NULL;
    }
    struct part *part = &mmsa->parts[mmsa->n_parts++];
    snprintf(part->split, sizeof part->split, "%s", split);
    snprintf(part->name, sizeof part->name, "%s: %.40s", mmsa->path, split);
    part->arrays = (struct import_arrays){.name = part->name,
                                          .options = options,
                                          .self = part,
                                          .open = open_named,
                                          .list = list_names,
                                          .opener = {part, open_value},
                                          .split_name = part->split};
    return part;
}

static int open_part(struct mmsa *mmsa, struct part *part, struct valence_error *error)
{
    bool is_empty = part->arrays_dict && part->arrays_dict->as.items.n == 0;
    int status = is_empty ? VALENCE_OK : import_arrays_open(&part->arrays, &usual_names, error);
    if (!status && part->arrays.n_clips > 0)
        status = read_text_lengths(part, error);
    if (!status)
        mmsa->source.n_clips += part->arrays.n_clips;
    return status;
}

/* All splits with clips have the streams of the first of them, of the same widths. */
static int name_streams(struct mmsa *mmsa, struct valence_error *error)
{
    int lead = 0;
    while (lead < mmsa->n_parts - 1 && mmsa->parts[lead].arrays.n_clips == 0)
        lead++;
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        const struct array_stream *first = &mmsa->parts[lead].arrays.streams[i];
        for (int j = lead + 1; j < mmsa->n_parts; j++)
            if (mmsa->parts[j].arrays.n_clips > 0 &&
                mmsa->parts[j].arrays.streams[i].width != first->width)
                return fail(error, VALENCE_ERROR_SHAPE,
                            "%s: stream '%s' has width %lld, in %s it has %lld (0: none)",
                            mmsa->parts[j].name, valence_stream_names[i],
                            (long long)mmsa->parts[j].arrays.streams[i].width,
                            mmsa->parts[lead].name, (long long)first->width);
        if (!array_stream_exists(first))
            continue;
        mmsa->which[mmsa->source.n_streams] = (enum valence_stream)i;
        import_name_stream(&mmsa->source, (enum valence_stream)i, first->width);
    }
    return VALENCE_OK;
}

static int open_pickle(struct mmsa *mmsa, const struct valence_import_options *options,
                       struct valence_error *error)
{
    int status = pickled_file_open(mmsa->path, &mmsa->pickled, error);
    if (status)
        return status;
    const struct pickle_value *root = pickled_file_root(mmsa->pickled);
    if (root->type != PICKLE_DICT || root->as.items.n == 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: a %s, not a dict of splits", mmsa->path,
                    pickle_type_name(root));
    for (int64_t i = 0; i < root->as.items.n && !status; i += 2) {
        const struct pickle_value *split = root->as.items.values[i];
        const struct pickle_value *arrays = root->as.items.values[i + 1];
        if (split->type != PICKLE_TEXT || arrays->type != PICKLE_DICT)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: not a dict of splits with dicts of arrays", mmsa->path);
        struct part *part = add_part(mmsa, split->as.bytes.data, options, error);
        if (!part)
            return VALENCE_ERROR_LIMIT;
        part->pickled = mmsa->pickled;
        part->arrays_dict = arrays;
        status = open_part(mmsa, part, error);
    }
    return status;
}

/* A split is where an array of ids is. */
static int open_archive(struct mmsa *mmsa, const struct valence_import_options *options,
                        struct valence_error *error)
{
    static const char ids[] = "/id.npy";
    int status = archive_open(mmsa->path, &mmsa->archive, error);
    for (int64_t i = 0; !status && i < archive_n_members(mmsa->archive); i++) {
        const char *member = archive_member_name(mmsa->archive, i);
        char split[sizeof mmsa->parts[0].split];
        if (!path_has_ending(member, ids) || strlen(member) - strlen(ids) >= sizeof split)
            continue;
        snprintf(split, sizeof split, "%.*s", (int)(strlen(member) - strlen(ids)), member);
        struct part *part = add_part(mmsa, split, options, error);
        if (!part)
            return VALENCE_ERROR_LIMIT;
        part->archive = mmsa->archive;
        status = open_part(mmsa, part, error);
    }
    if (!status && mmsa->n_parts == 0)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: it holds no arrays SPLIT/id", mmsa->path);
    return status;
}

/* ---- Clips ---- */

static int restart_mmsa(void *self, struct valence_error *error)
{
    struct mmsa *mmsa = self;
    (void)error;
    mmsa->part = 0;
    mmsa->position = 0;
    for (int i = 0; i < mmsa->n_parts; i++)
        import_arrays_restart(&mmsa->parts[i].arrays);
    return VALENCE_OK;
}

static int next_clip(void *self, struct import_record *record, bool *more,
                     struct valence_error *error)
{
    struct mmsa *mmsa = self;
    while (mmsa->part < mmsa->n_parts && mmsa->position == mmsa->parts[mmsa->part].arrays.n_clips) {
        mmsa->part++;
        mmsa->position = 0;
    }
    *more = mmsa->part < mmsa->n_parts;
    if (!*more)
        return VALENCE_OK;
    mmsa->current = &mmsa->parts[mmsa->part];
    mmsa->current_position = mmsa->position++;
    return import_arrays_record(&mmsa->current->arrays, mmsa->current_position, record, error);
}

static int mmsa_rows(void *self, int index, struct valence_clip_rows *rows,
                     struct valence_error *error)
{
    struct mmsa *mmsa = self;
    enum valence_stream which = mmsa->which[index];
    struct array_stream *stream = &mmsa->current->arrays.streams[which];
    int status =
        import_arrays_rows(&mmsa->current->arrays, mmsa->current_position, which, rows, error);
    if (status)
        return status;
    int64_t n = rows->n_rows * stream->width;
    float *values = stream->values + (rows->rows - stream->values);
    for (int64_t i = 0; i < n && which == VALENCE_STREAM_AUDIO; i++)
        if (values[i] == -INFINITY)
            values[i] = 0;
    return VALENCE_OK;
}

/* ---- The import ---- */

static int import_clips(struct mmsa *mmsa, const struct import_request *request,
                        struct valence_error *error)
{
    struct import_arrays *arrays[MAX_PARTS];
    if (mmsa->source.n_streams == 0 && !request->options->labels_only)
        return import_arrays_fail_no_stream(&mmsa->parts[0].arrays, error);
    /* What the identities do not say themselves. */
    fail_memory(error, 0, "a source's description");
    json_t *file = identity_of_file(mmsa->path, error);
    mmsa->source.description = json_pack("{s:s, s:o}", "kind", "mmsa", "file", file);
    int status =
        mmsa->source.description ? import_run(&mmsa->source, request, error) : error->status;
    for (int i = 0; i < mmsa->n_parts; i++)
        arrays[i] = &mmsa->parts[i].arrays;
    return status ? status
                  : import_arrays_note(arrays, mmsa->n_parts, &usual_names, request->result, error);
}

int import_mmsa(const struct import_request *request, struct valence_error *error)
{
    struct mmsa mmsa = {.path = request->source};
    mmsa.source = (struct import_source){
        .self = &mmsa, .restart = restart_mmsa, .next = next_clip, .rows = mmsa_rows};
    bool is_archive = path_has_ending(mmsa.path, ".npz");
    int status = (is_archive ? open_archive : open_pickle)(&mmsa, request->options, error);
    if (!status)
        status = name_streams(&mmsa, error);
    if (!status)
        status = import_clips(&mmsa, request, error);
    for (int i = 0; i < mmsa.n_parts; i++)
        import_arrays_close(&mmsa.parts[i].arrays);
    pickled_file_close(mmsa.pickled);
    archive_close(mmsa.archive);
    return status;
}
