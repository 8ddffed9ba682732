/* A CSV with a row for each clip; streams are columns of it, or a folder with an array for each
 * clip. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "exchange/import_folder.h"
#include "exchange/table_field.h"
#include "exchange/table_files.h"
#include "exchange/table_layout.h"

struct table_stream {
    struct import_folder folder; /* with `path` NULL: columns */
    int *columns;
    float *values; /* of the columns */
};

struct table {
    const char *path;
    struct valence_import_options options; /* with what the layout says */
    const char *layout;
    struct table_files files;
    bool split_by_file; /* there is no split column, but files are named by their split */
    struct table_field id, split, label, group, transcript;
    const char *clip_id;   /* of the row read last */
    char passed_over[256]; /* columns inside ranges that hold no features */
    struct table_stream streams[VALENCE_N_STREAMS];
    struct import_source *source;
};

/* ---- Columns ---- */

/* The field that an option, filled from the layout, names; none if it is "" or NULL. */
static int find_field(const struct table *table, const char *spec, const char *key,
                      struct table_field *field, struct valence_error *error)
{
    if (!spec || spec[0] == '\0')
        return VALENCE_OK;
    int status = table_field_parse(field, table->files.reader, spec, error);
    if (status)
        snprintf(error->key, sizeof error->key, "%s", key);
    return status;
}

static int find_fields(struct table *table, struct valence_error *error)
{
    struct valence_import_options *options = &table->options;
    const struct csv_reader *reader = table->files.reader;
    bool is_asked = options->split != NULL; /* else a folder's files may say the split */
    table->split_by_file =
        !is_asked && path_is_folder(table->path) && csv_find_column(reader, "split") < 0;
    if (options->id && options->id[0] == '\0')
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: clips need an id", table->path);
    if (table->split_by_file)
        options->split = "";
    table->layout = table_layout_apply(reader, options)->name;
    table->split_by_file = table->split_by_file || (!is_asked && !options->split);
    int status = find_field(table, options->id, "id", &table->id, error);
    if (!status)
        status = find_field(table, options->split, "split", &table->split, error);
    if (!status)
        status = find_field(table, options->label, "label", &table->label, error);
    if (!status)
        status = find_field(table, options->group, "group", &table->group, error);
    if (!status)
        status = find_field(table, options->transcript, "transcript", &table->transcript, error);
    return status;
}

/* The columns from `first` to `last` that an item, "a7" or "a0-a72", names. A column's own name may
 * hold a '-'. */
static bool find_range(const struct csv_reader *reader, char *item, int *first, int *last)
{
    *first = *last = csv_find_column(reader, item);
    for (char *dash = strchr(item, '-'); dash && *first < 0; dash = strchr(dash + 1, '-')) {
        *dash = '\0';
        int from = csv_find_column(reader, item), to = csv_find_column(reader, dash + 1);
        *dash = '-';
        if (from >= 0 && to >= from) {
            *first = from;
            *last = to;
        }
    }
    return *first >= 0;
}

/* What the clips' own fields are made of is no feature. */
static bool is_field(const struct table *table, int column)
{
    const struct table_field *fields[] = {&table->id, &table->split, &table->label, &table->group,
                                          &table->transcript};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (int j = 0; j < fields[i]->n_parts; j++)
            if (!fields[i]->parts[j].literal && fields[i]->parts[j].column == column)
                return true;
    return false;
}

/* The length of a column's name before the number at its end. */
static size_t stem_length(const char *name)
{
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9')
        length--;
    return length;
}

/* Whether a column belongs to the range: where both ends are numbered alike, as in "a0-a72", what
 * is called otherwise and stands between them is something else, such as another label. */
static bool is_numbered_alike(const struct csv_reader *reader, int first, int last, int column)
{
    const char *from = csv_column_name(reader, first), *to = csv_column_name(reader, last);
    const char *name = csv_column_name(reader, column);
    size_t length = stem_length(from);
    bool is_series =
        from[length] && stem_length(to) == length && to[length] && memcmp(from, to, length) == 0;
    return !is_series ||
           (stem_length(name) == length && name[length] && memcmp(from, name, length) == 0);
}

/* Adds the columns of an item; a range passes over those of the clips' fields. */
static int add_columns(struct table *table, const char *item, int first, int last, int **columns,
                       int64_t *width, struct valence_error *error)
{
    if (first == last && is_field(table, first))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "%s: column '%s' is a clip's id, split, label, group or transcript, and cannot "
                    "be a feature as well",
                    table->path, item);
    for (int column = first; column <= last; column++) {
        if (!is_field(table, column) &&
            is_numbered_alike(table->files.reader, first, last, column)) {
            (*columns)[(*width)++] = column;
            continue;
        }
        size_t used = strlen(table->passed_over);
        snprintf(table->passed_over + used, sizeof table->passed_over - used, "%s'%.60s'",
                 used ? ", " : "", csv_column_name(table->files.reader, column));
    }
    return VALENCE_OK;
}

/* "a0-a72,b1" to columns; *width is their number. */
static int parse_columns(struct table *table, const char *text, int **columns, int64_t *width,
                         struct valence_error *error)
{
    int64_t capacity = 0;
    void *list = NULL;
    char *copy = strdup(text), *rest = copy;
    int status = copy ? VALENCE_OK : fail_memory(error, strlen(text), "a list of columns");
    *width = 0;
    for (char *item; !status && (item = strsep(&rest, ","));) {
        int first, last;
        if (!find_range(table->files.reader, item, &first, &last)) {
            status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no columns '%s'", table->path, item);
            break;
        }
        status = grow_array(&list, &capacity, *width + last - first + 1, sizeof **columns,
                            VALENCE_STORE_MAX_WIDTH, "columns of a stream", error);
        *columns = list;
        if (!status)
            status = add_columns(table, item, first, last, columns, width, error);
    }
    free(copy);
    *columns = list;
    if (!status && *width == 0)
        status = fail(error, VALENCE_ERROR_ARGUMENT, "%s: '%s' names no column of features",
                      table->path, text);
    return status;
}

/* ---- Clips ---- */

static int restart_table(void *self, struct valence_error *error)
{
    struct table *table = self;
    return table_files_restart(&table->files, error);
}

/* The clip's split as the source spells it; NULL: it has none. */
static const char *split_of(struct table *table)
{
    const char *by_file = table->files.files[table->files.current].split;
    if (table->split.n_parts)
        return table_field_text(&table->split, table->files.reader, "");
    return table->split_by_file && by_file[0] ? by_file : NULL;
}

static int next_row(void *self, struct import_record *record, bool *more,
                    struct valence_error *error)
{
    struct table *table = self;
    int status = table_files_next(&table->files, more, error);
    if (status || !*more)
        return status;
    const struct csv_reader *reader = table->files.reader;
    const char *split = split_of(table);
    const char *spelt = split ? split : valence_split_names[table->options.all_in];
    *record = (struct import_record){
        .id = table_field_text(&table->id, reader, spelt),
        .group = table_field_text(&table->group, reader, spelt),
        .transcript = table_field_text(&table->transcript, reader, spelt),
        .split = split,
        .label = table_field_text(&table->label, reader, spelt),
        .label_number = NAN,
    };
    table->clip_id = record->id;
    snprintf(record->place, sizeof record->place, "%s:%lld",
             table->files.files[table->files.current].path, (long long)csv_line(reader));
    return record->id && record->group && record->transcript && record->label
               ? VALENCE_OK
               : fail_memory(error, CSV_MAX_ROW_BYTES, "a field");
}

static int read_columns(const struct table *table, const struct table_stream *stream, int64_t width,
                        struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < width && !status; i++) {
        double value;
        status = csv_number(table->files.reader, stream->columns[i], &value, error);
        stream->values[i] = (float)value;
    }
    return status;
}

static int folder_rows(void *self, const char *id, int index, struct valence_clip_rows *rows,
                       struct valence_error *error)
{
    struct table *table = self;
    return import_folder_rows(&table->streams[index].folder, id, &table->source->streams[index],
                              rows, error);
}

static int table_rows(void *self, int index, struct valence_clip_rows *rows,
                      struct valence_error *error)
{
    struct table *table = self;
    struct table_stream *stream = &table->streams[index];
    if (stream->folder.path)
        return folder_rows(self, table->clip_id, index, rows, error);
    rows->n_rows = 1;
    rows->rows = stream->values;
    return read_columns(table, stream, table->source->streams[index].width, error);
}

static void expect(void *self, const char *id)
{
    const struct table *table = self;
    for (int i = 0; i < table->source->n_streams; i++)
        import_folder_expect(&table->streams[i].folder, id);
}

/* Where no stream is columns of the rows themselves. */
static bool all_are_folders(const struct table *table)
{
    bool all = true;
    for (int i = 0; i < table->source->n_streams; i++)
        all = all && table->streams[i].folder.path;
    return all;
}

/* ---- Streams ---- */

/* The width of a folder's stream: that of the first clip that has an array with rows there or,
 * where clips of other widths may be skipped, that of most. */
static int find_width(struct table *table, struct import_folder *folder, int64_t *width,
                      struct valence_error *error)
{
    int status = import_folder_find_width(
        folder, table->source, table->options.skip & VALENCE_BIT(VALENCE_SKIP_WIDTH), width, error);
    if (!status && *width == 0)
        status = import_folder_fail_empty(folder, table->source, table->path, error);
    return status;
}

static int add_stream(struct table *table, enum valence_stream which, struct valence_error *error)
{
    const struct valence_import_stream *wanted = &table->options.streams[which];
    struct table_stream *stream = &table->streams[table->source->n_streams];
    int64_t width = 0;
    int status = VALENCE_OK;
    if (!wanted->source && !wanted->folder)
        return VALENCE_OK;
    if (wanted->source && wanted->folder)
        return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s': columns or a folder, not both",
                    valence_stream_names[which]);
    stream->folder =
        (struct import_folder){.path = wanted->folder, .feat_scale = table->options.feat_scale};
    if (wanted->folder)
        status = find_width(table, &stream->folder, &width, error);
    else
        status = parse_columns(table, wanted->source, &stream->columns, &width, error);
    if (!status && !wanted->folder && !(stream->values = allocate(width, sizeof *stream->values)))
        status = fail_memory(error, (size_t)width * sizeof *stream->values, "a row");
    import_name_stream(table->source, which, width);
    return status;
}

/* The streams' folders; NULL for one that is columns. False if all are. */
static bool list_folders(const struct table *table, const char *folders[VALENCE_N_STREAMS])
{
    bool any = false;
    for (int i = 0; i < table->source->n_streams; i++) {
        folders[i] = table->streams[i].folder.path;
        any = any || folders[i];
    }
    return any;
}

static int describe(struct table *table, struct valence_error *error)
{
    const char *folders[VALENCE_N_STREAMS];
    (void)list_folders(table, folders);
    /* What the identities do not say themselves. */
    fail_memory(error, 0, "a source's description");
    json_t *file = table_files_describe(&table->files, error);
    json_t *arrays = file ? import_folder_identities(table->source, folders, error) : NULL;
    table->source->description = json_pack("{s:s, s:s, s:o, s:o}", "kind", "table", "layout",
                                           table->layout, "file", file, "folders", arrays);
    return table->source->description ? VALENCE_OK : error->status;
}

/* Arrays in the streams' folders that the table does not name. */
static int count_unlisted(struct table *table, struct valence_import_count *unlisted,
                          struct valence_error *error)
{
    const char *folders[VALENCE_N_STREAMS];
    return list_folders(table, folders)
               ? import_folder_count_unlisted(table->source, folders, table->source->n_streams,
                                              unlisted, error)
               : VALENCE_OK;
}

static void close_table(struct table *table)
{
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        import_folder_free(&table->streams[i].folder);
        free(table->streams[i].columns);
        free(table->streams[i].values);
    }
    table_field_free(&table->id);
    table_field_free(&table->split);
    table_field_free(&table->label);
    table_field_free(&table->group);
    table_field_free(&table->transcript);
    table_files_close(&table->files);
}

int import_table(const struct import_request *request, struct valence_error *error)
{
    struct table table = {.path = request->source, .options = *request->options};
    struct import_request with_layout = *request;
    struct import_source source = {
        .self = &table, .restart = restart_table, .next = next_row, .rows = table_rows};
    table.source = &source;
    with_layout.options = &table.options;
    int status = table_files_open(&table.files, table.path, table.options.delimiter, error);
    if (!status)
        status = find_fields(&table, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        status = add_stream(&table, (enum valence_stream)i, error);
    if (all_are_folders(&table)) {
        source.rows_of = folder_rows;
        source.expect = expect;
    }
    if (!status)
        status = describe(&table, error);
    if (!status)
        status = import_run(&source, &with_layout, error);
    if (!status)
        status = count_unlisted(&table, &request->result->unlisted, error);
    if (!status && table.passed_over[0])
        import_note(request->result, "streams",
                    "columns inside a range that hold no features were passed over: %s",
                    table.passed_over);
    close_table(&table);
    return status;
}
