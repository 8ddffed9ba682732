#include "exchange/import_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/pickle/pickled_file.h"

#define ID_DIVIDER "$_$" /* MMSA's ids are VIDEO$_$CLIP */
#define MAX_PARTS  4     /* of an id */
#define NAME_BYTES 64

/* ---- Names ---- */

/* The next of "a|b|c"; false at the end. */
static bool next_name(const char **names, char name[NAME_BYTES])
{
    if (!*names || !**names)
        return false;
    size_t length = strcspn(*names, "|");
    snprintf(name, NAME_BYTES, "%.*s", (int)length, *names);
    *names += length + ((*names)[length] == '|');
    return true;
}

static bool is_among(const char *names, const char *wanted)
{
    char name[NAME_BYTES];
    while (next_name(&names, name))
        if (strcmp(name, wanted) == 0)
            return true;
    return false;
}

static int open_named(struct import_arrays *arrays, const char *name, struct import_column *column,
                      struct valence_error *error)
{
    *column = (struct import_column){0};
    int status = arrays->open(arrays->self, name, column, error);
    if (!status && column->array && npy_header(column->array)->kind == NPY_OBJECTS)
        status = arrays->n_objects == IMPORT_MAX_OBJECT_ARRAYS
                     ? fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d arrays of objects",
                            arrays->name, IMPORT_MAX_OBJECT_ARRAYS)
                     : column_unpickle(column, name, &arrays->objects[arrays->n_objects++], error);
    return status ? status : id_list_add(&arrays->used, name, strlen(name), error);
}

/* The first array whose name is `name` but for upper and lower case, which `name` receives. False
 * if there is none. */
static bool find_in_other_case(struct import_arrays *arrays, char name[NAME_BYTES])
{
    struct id_list names = {0};
    bool found = false;
    if (arrays->list(arrays->self, &names, NULL) == VALENCE_OK) {
        id_list_sort(&names);
        for (int64_t i = 0; i < names.n && !found; i++)
            if (strcasecmp(names.ids[i], name) == 0) {
                snprintf(name, NAME_BYTES, "%s", names.ids[i]);
                found = true;
            }
    }
    id_list_free(&names);
    return found;
}

/* The first of the usual names that there is, which `name` receives; in any case where none is
 * there as it stands. */
static int open_usual(struct import_arrays *arrays, const char *usual, char name[NAME_BYTES],
                      struct import_column *column, struct valence_error *error)
{
    int status = VALENCE_ERROR_NOT_FOUND;
    for (const char *rest = usual; status == VALENCE_ERROR_NOT_FOUND && next_name(&rest, name);)
        status = open_named(arrays, name, column, error);
    for (const char *rest = usual; status == VALENCE_ERROR_NOT_FOUND && next_name(&rest, name);)
        if (find_in_other_case(arrays, name))
            status = open_named(arrays, name, column, error);
    return status;
}

/* The names of the arrays that there are: "id, label, wave", cut where there are many. */
static int list_all(struct import_arrays *arrays, char list[512], struct valence_error *error)
{
    struct id_list names = {0};
    int status = arrays->list(arrays->self, &names, error);
    if (!status && names.n == 0)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: it holds no arrays", arrays->name);
    id_list_sort(&names);
    list[0] = '\0';
    for (int64_t i = 0; i < names.n && !status && strlen(list) + 64 < 512; i++) {
        size_t used = strlen(list);
        snprintf(list + used, 512 - used, "%s%.60s", i ? ", " : "", names.ids[i]);
    }
    id_list_free(&names);
    return status;
}

int import_arrays_fail_no_stream(struct import_arrays *arrays, struct valence_error *error)
{
    char list[512];
    int status = list_all(arrays, list, error);
    return status ? status
                  : fail_key(error, VALENCE_ERROR_ARGUMENT, "streams",
                             "%s: none of its arrays is named as a stream (audio, text, video or "
                             "simulated_text); it holds %s",
                             arrays->name, list);
}

/* Completes ERROR_NOT_FOUND by what there is. */
static int fail_not_found(struct import_arrays *arrays, const char *usual, const char *key,
                          struct valence_error *error)
{
    char wanted[NAME_BYTES], list[512];
    (void)next_name(&usual, wanted);
    int status = list_all(arrays, list, error);
    return status ? status
                  : fail_key(error, VALENCE_ERROR_NOT_FOUND, key,
                             "%s: it holds no array '%s'; it holds %s", arrays->name, wanted, list);
}

/* ---- Columns ---- */

/* The first dimension is the number of clips, which the first column sets. Only ids may have more
 * than one element a clip. */
static int check_column(struct import_arrays *arrays, const char *name,
                        struct import_column *column, struct valence_error *error)
{
    const struct npy_header *header = column->array ? npy_header(column->array) : NULL;
    if (header && header->n_dims < 1)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' is a single value", arrays->name,
                    name);
    if (header) {
        column->n_clips = header->shape[0];
        column->n_parts = column->n_clips > 0 ? header->count / column->n_clips : 1;
    }
    if (arrays->n_clips < 0)
        arrays->n_clips = column->n_clips;
    if (column->n_clips != arrays->n_clips)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has %lld clips, others have %lld",
                    arrays->name, name, (long long)column->n_clips, (long long)arrays->n_clips);
    bool is_id = column == &arrays->id;
    if (column->n_parts < 1 || column->n_parts > (is_id ? MAX_PARTS : 1))
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has %lld values for a clip, not %s",
                    arrays->name, name, (long long)column->n_parts, is_id ? "1 to 4" : "one");
    return VALENCE_OK;
}

/* By the option's name, or the usual ones where that is NULL; none if it is "" or there are no
 * usual ones, or where what has a usual name is absent and not needed. */
static int open_column(struct import_arrays *arrays, const char *option, const char *usual,
                       const char *needed, struct import_column *column,
                       struct valence_error *error)
{
    char name[NAME_BYTES] = "";
    *column = (struct import_column){0};
    if (option ? option[0] == '\0' : !usual)
        return VALENCE_OK;
    int status = option ? open_named(arrays, option, column, error)
                        : open_usual(arrays, usual, name, column, error);
    if (status == VALENCE_ERROR_NOT_FOUND && !option && !needed)
        return VALENCE_OK;
    if (status == VALENCE_ERROR_NOT_FOUND)
        return fail_not_found(arrays, option ? option : usual, needed ? needed : "", error);
    return status ? status : check_column(arrays, option ? option : name, column, error);
}

static int open_columns(struct import_arrays *arrays, const struct import_names *usual,
                        struct valence_error *error)
{
    const struct valence_import_options *options = arrays->options;
    if (options->id && options->id[0] == '\0')
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "id", "%s: clips need an id", arrays->name);
    int status = open_column(arrays, options->id, usual->id, "id", &arrays->id, error);
    if (!status && !arrays->split_name)
        status = open_column(arrays, options->split, usual->split, "split", &arrays->split, error);
    if (!status && arrays->n_clips > 0)
        status = open_column(arrays, options->label, usual->label, "label", &arrays->label, error);
    if (!status && arrays->n_clips > 0)
        status = open_column(arrays, options->group, usual->group, NULL, &arrays->group, error);
    if (!status && arrays->n_clips > 0)
        status = open_column(arrays, options->transcript, usual->transcript, NULL,
                             &arrays->transcript, error);
    if (!status && arrays->n_clips > 0)
        status = open_column(arrays, NULL, usual->metadata, NULL, &arrays->metadata, error);
    return status;
}

/* ---- Streams ---- */

static int read_lengths(struct import_arrays *arrays, const struct import_column *column,
                        struct array_stream *stream, struct valence_error *error)
{
    stream->lengths = allocate(arrays->n_clips, sizeof *stream->lengths);
    if (!stream->lengths)
        return fail_memory(error, (size_t)arrays->n_clips * sizeof *stream->lengths, "lengths");
    int status = VALENCE_OK;
    if (column->array)
        status = npy_read_int64(column->array, 0, arrays->n_clips, stream->lengths, error);
    for (int64_t i = 0; i < arrays->n_clips && column->values && !status; i++)
        status = column_read_whole(column, i, &stream->lengths[i], error);
    return status
               ? fail_within(status, error, "%s: the lengths of '%s'", arrays->name, stream->name)
               : VALENCE_OK;
}

/* The lengths that the options name, or those called as the stream's array or as one of its usual
 * names, if any. */
static int open_lengths(struct import_arrays *arrays, const char *usual, const char *option,
                        struct array_stream *stream, struct valence_error *error)
{
    struct import_column column;
    char names[1024], name[NAME_BYTES];
    size_t used = (size_t)snprintf(names, sizeof names, "%s_lengths", stream->name);
    for (const char *rest = usual; next_name(&rest, name) && used < sizeof names;)
        used += (size_t)snprintf(names + used, sizeof names - used, "|%s_lengths", name);
    int status = open_column(arrays, option, names, NULL, &column, error);
    if (!status && column_exists(&column))
        status = read_lengths(arrays, &column, stream, error);
    column_close(&column);
    return status;
}

/* An array within an array of objects. */
static int open_pickled(void *self, const struct pickle_value *value, const char *name,
                        struct npy **array, struct valence_error *error)
{
    return pickle_open_any_array(self, value, name, array, error);
}

static int open_stream(struct import_arrays *arrays, const char *usual, int which,
                       struct valence_error *error)
{
    const struct valence_import_stream *wanted = &arrays->options->streams[which];
    struct array_stream *stream = &arrays->streams[which];
    struct import_column column;
    char name[NAME_BYTES] = "";
    if (wanted->source ? wanted->source[0] == '\0' : !usual)
        return VALENCE_OK;
    int status = wanted->source ? open_named(arrays, wanted->source, &column, error)
                                : open_usual(arrays, usual, name, &column, error);
    if (status == VALENCE_ERROR_NOT_FOUND)
        return wanted->source ? fail_not_found(arrays, wanted->source, "streams", error)
                              : VALENCE_OK;
    if (status)
        return status;
    snprintf(stream->name, sizeof stream->name, "%s", wanted->source ? wanted->source : name);
    stream->array = column.array;
    stream->items = column.values;
    stream->opener =
        column.pickle ? (struct array_opener){column.pickle, open_pickled} : arrays->opener;
    stream->trims = arrays->options->trim_zeros;
    if (column.values && (!stream->opener.open || column.n_clips != arrays->n_clips))
        return fail(error, VALENCE_ERROR_SHAPE, "%s: '%s' is not an array or a list of %lld arrays",
                    arrays->name, stream->name, (long long)arrays->n_clips);
    status = open_lengths(arrays, usual, wanted->lengths, stream, error);
    bool most = arrays->options->skip & VALENCE_BIT(VALENCE_SKIP_WIDTH);
    return status ? status : array_stream_open(stream, arrays->n_clips, most, arrays->name, error);
}

/* ---- All of it ---- */

int import_arrays_open(struct import_arrays *arrays, const struct import_names *usual,
                       struct valence_error *error)
{
    arrays->n_clips = -1;
    int status = open_columns(arrays, usual, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status && arrays->n_clips > 0; i++)
        status = open_stream(arrays, usual->streams[i], i, error);
    return status;
}

void import_arrays_close(struct import_arrays *arrays)
{
    column_close(&arrays->id);
    column_close(&arrays->split);
    column_close(&arrays->label);
    column_close(&arrays->group);
    column_close(&arrays->transcript);
    column_close(&arrays->metadata);
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        array_stream_close(&arrays->streams[i]);
    for (size_t i = 0; i < sizeof arrays->texts / sizeof *arrays->texts; i++)
        free(arrays->texts[i]);
    free(arrays->recording);
    id_list_free(&arrays->used);
    for (int i = 0; i < arrays->n_objects; i++)
        pickled_objects_free(&arrays->objects[i]);
}

void import_arrays_restart(struct import_arrays *arrays)
{
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        arrays->streams[i].n_front = arrays->streams[i].n_zero_ends = 0;
}

/* ---- Records ---- */

/* The parts with '_' between; the first to `recording`. */
static int join_id(struct import_arrays *arrays, int64_t at, struct valence_error *error)
{
    char *part = NULL, joined[VALENCE_STORE_ID_BYTES] = "";
    int status = VALENCE_OK;
    for (int64_t i = 0; i < arrays->id.n_parts && !status; i++) {
        status = column_read_text(&arrays->id, at * arrays->id.n_parts + i, false, &part, error);
        if (status)
            break;
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s%s", i ? "_" : "", part);
        if (i == 0) {
            free(arrays->recording);
            arrays->recording = part;
            part = NULL;
        }
    }
    free(part);
    free(arrays->texts[0]);
    arrays->texts[0] = status ? NULL : strdup(joined);
    return status || arrays->texts[0] ? status : fail_memory(error, sizeof joined, "an id");
}

/* The recording that an id of one part names: what stands before "$_$" or "[3]". */
static int find_recording(struct import_arrays *arrays, struct valence_error *error)
{
    const char *id = arrays->texts[0], *divider = strstr(id, ID_DIVIDER);
    size_t length = strlen(id), digits = 0;
    free(arrays->recording);
    if (!divider && length > 2 && id[length - 1] == ']') {
        while (digits < length - 2 && id[length - 2 - digits] >= '0' &&
               id[length - 2 - digits] <= '9')
            digits++;
        if (digits > 0 && id[length - 2 - digits] == '[')
            divider = id + length - 2 - digits;
    }
    arrays->recording = strndup(id, divider ? (size_t)(divider - id) : 0);
    return arrays->recording ? VALENCE_OK : fail_memory(error, length, "an id");
}

static int read_id(struct import_arrays *arrays, int64_t at, struct valence_error *error)
{
    if (arrays->id.n_parts > 1)
        return join_id(arrays, at, error);
    int status = column_read_text(&arrays->id, at, false, &arrays->texts[0], error);
    return status ? status : find_recording(arrays, error);
}

int import_arrays_record(struct import_arrays *arrays, int64_t at, struct import_record *record,
                         struct valence_error *error)
{
    const struct import_column *const columns[] = {NULL, &arrays->split, &arrays->group,
                                                   &arrays->transcript, &arrays->metadata};
    double label = NAN;
    const char *problem = NULL;
    int status = read_id(arrays, at, error);
    for (int i = 1; i < 5 && !status; i++)
        status = column_read_text(columns[i], at, i > 1, &arrays->texts[i], error);
    if (!status)
        status = column_read_label(&arrays->label, at, &label, &arrays->texts[5], &problem, error);
    if (status)
        return fail_within(status, error, "%s: clip %lld", arrays->name, (long long)at);
    bool has_group = arrays->texts[2][0] || (arrays->options->group && !arrays->options->group[0]);
    *record = (struct import_record){
        .id = arrays->texts[0],
        .split = column_exists(&arrays->split) ? arrays->texts[1] : arrays->split_name,
        .group = has_group ? arrays->texts[2] : arrays->recording,
        .transcript = arrays->texts[3],
        .metadata = arrays->texts[4],
        .label = arrays->texts[5],
        .label_number = label,
        .problem = problem,
    };
    snprintf(record->place, sizeof record->place, "%s[%lld]", arrays->name, (long long)at);
    return VALENCE_OK;
}

int import_arrays_rows(struct import_arrays *arrays, int64_t at, enum valence_stream which,
                       struct valence_clip_rows *rows, struct valence_error *error)
{
    int status = array_stream_rows(&arrays->streams[which], at, rows, error);
    return status ? fail_within(status, error, "%s: '%s'", arrays->name, arrays->texts[0])
                  : VALENCE_OK;
}

/* ---- Notes ---- */

/* Of one stream: under which other name it was found, and padding. */
static void note_stream(struct import_arrays *const *arrays, int n, int which, const char *usual,
                        struct valence_import_result *result)
{
    int64_t n_front = 0, n_zero_ends = 0, n_clips = 0;
    for (int i = 0; i < n; i++) {
        const struct array_stream *stream = &arrays[i]->streams[which];
        n_front += stream->n_front;
        n_zero_ends += stream->n_zero_ends;
        n_clips += arrays[i]->n_clips;
    }
    const char *name = valence_stream_names[which];
    char first[NAME_BYTES] = "";
    (void)next_name(&usual, first);
    for (int i = 0; i < n; i++)
        if (arrays[i]->streams[which].name[0] && !arrays[i]->options->streams[which].source &&
            strcmp(arrays[i]->streams[which].name, first) != 0) {
            import_note(result, "streams", "array '%s' was taken as stream '%s'",
                        arrays[i]->streams[which].name, name);
            break;
        }
    if (n_front)
        import_note(result, "",
                    "stream '%s' has its padding in front of the rows in %lld of %lld clips; the "
                    "rows behind it were taken",
                    name, (long long)n_front, (long long)n_clips);
    if (n_zero_ends)
        import_note(result, "trim_zeros",
                    "stream '%s' begins or ends with rows of zeros in %lld of %lld clips, which "
                    "may be padding; they are stored as rows",
                    name, (long long)n_zero_ends, (long long)n_clips);
}

int import_arrays_note(struct import_arrays *const *arrays, int n, const struct import_names *usual,
                       struct valence_import_result *result, struct valence_error *error)
{
    struct id_list names = {0};
    char unused[400] = "";
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        note_stream(arrays, n, i, usual->streams[i], result);
    int status = arrays[0]->list(arrays[0]->self, &names, error);
    id_list_sort(&names);
    id_list_sort(&arrays[0]->used);
    for (int64_t i = 0; i < names.n && !status; i++) {
        size_t used = strlen(unused);
        if (!id_list_has(&arrays[0]->used, names.ids[i]) &&
            !is_among(usual->ignored, names.ids[i]) && used + 8 < sizeof unused)
            snprintf(unused + used, sizeof unused - used, "%s'%.60s'", used ? ", " : "",
                     names.ids[i]);
    }
    if (unused[0])
        import_note(result, "streams", "arrays that were not used: %s", unused);
    id_list_free(&names);
    return status;
}
