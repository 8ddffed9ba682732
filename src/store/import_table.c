/* A CSV with a row for each clip; streams are columns of it, or a folder with an array for each clip. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/csv.h"
#include "store/import_folder.h"

struct table_stream {
    struct import_folder folder; /* with `path` NULL: columns */
    int *columns;
    float *values; /* of the columns */
};

struct table {
    const char *path;
    const struct valence_import_options *options;
    struct csv_reader *reader;
    int id, split, label, group, transcript; /* columns, -1: none */
    struct table_stream streams[VALENCE_N_STREAMS];
    struct import_source *source;
};

/* ---- Columns --------------------------------------------------------------------------------- */

/* A column by the option's name; the usual name where the option is NULL, -1 where it is "". */
static int find_column(const struct csv_reader *reader, const char *name, const char *usual,
                       bool needed, const char *option, int *column, struct valence_error *error)
{
    *column = -1;
    if (name && name[0] == '\0')
        return VALENCE_OK;
    if (!name && !needed) {
        *column = csv_find_column(reader, usual);
        return VALENCE_OK;
    }
    int status = csv_need_column(reader, name ? name : usual, column, error);
    if (status && error) {
        size_t used = strlen(error->text);
        snprintf(error->text + used, sizeof error->text - used,
                 "\n  (%s NAME names the column, %s '' says that there is none)", option, option);
    }
    return status;
}

static int find_columns(struct table *table, struct valence_error *error)
{
    const struct valence_import_options *options = table->options;
    const struct csv_reader *reader = table->reader;
    if (options->id && options->id[0] == '\0')
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: clips need an id", table->path);
    int status = find_column(reader, options->id, "id", true, "--id-column", &table->id, error);
    if (!status)
        status = find_column(reader, options->split, "split", true, "--split-column", &table->split,
                             error);
    if (!status)
        status = find_column(reader, options->label, "label", true, "--label-column", &table->label,
                             error);
    if (!status)
        status = find_column(reader, options->group, "group", false, "--group-column",
                             &table->group, error);
    if (!status)
        status = find_column(reader, options->transcript, "transcript", false,
                             "--transcript-column", &table->transcript, error);
    return status;
}

/* The columns from `first` to `last` that an item, "a7" or "a0-a72", names. A column's own name may hold a '-'. */
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

/* "a0-a72,b1" to columns; *width is their number. */
static int parse_columns(const struct table *table, const char *text, int **columns, int64_t *width,
                         struct valence_error *error)
{
    int64_t capacity = 0;
    void *list = NULL;
    char *copy = strdup(text), *rest = copy;
    int status = copy ? VALENCE_OK : fail_memory(error, strlen(text), "a list of columns");
    *width = 0;
    for (char *item; !status && (item = strsep(&rest, ","));) {
        int first, last;
        if (!find_range(table->reader, item, &first, &last)) {
            status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: there are no columns '%s'",
                          table->path, item);
            break;
        }
        status = grow_array(&list, &capacity, *width + last - first + 1, sizeof **columns,
                            VALENCE_STORE_MAX_WIDTH, "columns of a stream", error);
        for (int column = first; column <= last && !status; column++)
            ((int *)list)[(*width)++] = column;
    }
    free(copy);
    *columns = list;
    return status;
}

/* ---- Clips ----------------------------------------------------------------------------------- */

static int restart_table(void *self, struct valence_error *error)
{
    struct table *table = self;
    csv_close(table->reader);
    return csv_open(table->path, table->options->delimiter, &table->reader, error);
}

static const char *field(const struct table *table, int column, const char *absent)
{
    return column < 0 ? absent : csv_field(table->reader, column);
}

static int next_row(void *self, struct import_record *record, bool *more,
                    struct valence_error *error)
{
    struct table *table = self;
    int status = csv_next(table->reader, more, error);
    if (status || !*more)
        return status;
    *record = (struct import_record){
        .id = field(table, table->id, ""),
        .group = field(table, table->group, ""),
        .transcript = field(table, table->transcript, ""),
        .split = field(table, table->split, NULL),
        .label = field(table, table->label, ""),
        .label_number = NAN,
    };
    snprintf(record->place, sizeof record->place, "%s:%lld", table->path,
             (long long)csv_line(table->reader));
    return VALENCE_OK;
}

static int read_columns(const struct table *table, const struct table_stream *stream, int64_t width,
                        struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < width && !status; i++) {
        double value;
        status = csv_number(table->reader, stream->columns[i], &value, error);
        stream->values[i] = (float)value;
    }
    return status;
}

static int table_rows(void *self, int index, struct valence_clip_rows *rows,
                      struct valence_error *error)
{
    struct table *table = self;
    struct table_stream *stream = &table->streams[index];
    const struct valence_store_stream *format = &table->source->streams[index];
    if (stream->folder.path)
        return import_folder_rows(&stream->folder, csv_field(table->reader, table->id), format,
                                  rows, error);
    rows->n_rows = 1;
    rows->rows = stream->values;
    return read_columns(table, stream, format->width, error);
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* The width of a folder's stream: that of the first clip that has an array with rows there. */
static int find_width(struct table *table, const struct import_folder *folder, int64_t *width,
                      struct valence_error *error)
{
    struct import_record record;
    bool more = true;
    *width = 0;
    int status = restart_table(table, error);
    while (!status && *width == 0) {
        status = next_row(table, &record, &more, error);
        if (status || !more)
            break;
        status = import_folder_width(folder, record.id, width, error);
    }
    if (!status && *width == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no clip of %s has an array ID.npy there",
                      folder->path, table->path);
    return status;
}

static int add_stream(struct table *table, enum valence_stream which, struct valence_error *error)
{
    const struct valence_import_stream *wanted = &table->options->streams[which];
    struct table_stream *stream = &table->streams[table->source->n_streams];
    int64_t width = 0;
    int status = VALENCE_OK;
    if (!wanted->source && !wanted->folder)
        return VALENCE_OK;
    if (wanted->source && wanted->folder)
        return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s': columns or a folder, not both",
                    valence_stream_names[which]);
    stream->folder =
        (struct import_folder){.path = wanted->folder, .feat_scale = table->options->feat_scale};
    if (wanted->folder)
        status = find_width(table, &stream->folder, &width, error);
    else
        status = parse_columns(table, wanted->source, &stream->columns, &width, error);
    if (!status && !wanted->folder && !(stream->values = allocate(width, sizeof *stream->values)))
        status = fail_memory(error, (size_t)width * sizeof *stream->values, "a row");
    import_name_stream(table->source, which, width);
    return status;
}

int valence_import_table(const char *csv_path, const char *store_path,
                         const struct valence_import_options *options,
                         const struct valence_progress *progress,
                         struct valence_import_result *result, struct valence_error *error)
{
    struct table table = {.path = csv_path, .options = options};
    struct import_source source = {
        .self = &table, .restart = restart_table, .next = next_row, .rows = table_rows};
    *result = (struct valence_import_result){0};
    table.source = &source;
    int status = restart_table(&table, error);
    if (!status)
        status = find_columns(&table, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        status = add_stream(&table, (enum valence_stream)i, error);
    if (!status) {
        json_t *file = import_describe_file(csv_path, error);
        source.description = file ? json_pack("{s:s, s:o}", "kind", "table", "file", file) : NULL;
        status = file ? import_run(&source, store_path, options, progress, result, error)
                      : VALENCE_ERROR_IO;
    }
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        import_folder_free(&table.streams[i].folder);
        free(table.streams[i].columns);
        free(table.streams[i].values);
    }
    csv_close(table.reader);
    return status;
}
