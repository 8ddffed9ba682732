/* A table of clips: a row each. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/text.h"
#include "extract/plan.h"
#include "format/csv.h"

enum column { FILE_, ID, START, END, LABEL, SPLIT, GROUP, TRANSCRIPT, TRANSCRIPT_FILE, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {
    "file", "id", "start", "end", "label", "split", "group", "transcript", "transcript_file"};

struct table {
    struct csv_reader *reader;
    const char *path;
    char *folder;           /* that its files are relative to */
    int columns[N_COLUMNS]; /* -1: the table does not have it */
    const struct valence_extract_config *config;
};

static const char *field(const struct table *table, enum column column)
{
    int index = table->columns[column];
    return index < 0 ? "" : csv_field(table->reader, index);
}

static int fail_row(const struct table *table, int status, struct valence_error *error)
{
    return fail_within(status, error, "%s:%" PRId64, table->path, csv_line(table->reader));
}

/* A number, or `standard` where the field is empty. */
static int read_number(const struct table *table, enum column column, double standard,
                       double *value, struct valence_error *error)
{
    const char *text = field(table, column);
    *value = standard;
    if (!*text || (parse_double(text, value) && isfinite(*value)))
        return VALENCE_OK;
    return fail_row(
        table,
        fail(error, VALENCE_ERROR_DATA, "%s: '%.80s' is not a number", column_names[column], text),
        error);
}

/* A file of the table, in fresh memory: NULL where memory is short. */
static char *resolve(const struct table *table, const char *file)
{
    return file[0] == '/' || !*table->folder ? strdup(file) : path_join(table->folder, file);
}

static int read_transcript(const struct table *table, struct planned_clip *clip,
                           struct valence_error *error)
{
    const char *file = field(table, TRANSCRIPT_FILE);
    if (!*file || *field(table, TRANSCRIPT)) {
        clip->transcript = strdup(field(table, TRANSCRIPT));
        return clip->transcript ? VALENCE_OK : fail_memory(error, 0, "a transcript");
    }
    char *path = resolve(table, file);
    int status =
        path ? plan_read_transcript(clip, path, error) : fail_memory(error, strlen(file), "a path");
    free(path);
    return status;
}

static int read_place(const struct table *table, struct planned_clip *clip,
                      struct valence_error *error)
{
    double label;
    const char *split = field(table, SPLIT);
    int status = read_number(table, START, 0, &clip->start, error);
    if (!status)
        status = read_number(table, END, INFINITY, &clip->end, error);
    if (!status)
        status = read_number(table, LABEL, NAN, &label, error);
    if (status)
        return status;
    clip->label = (float)label;
    clip->has_range = clip->start > 0 || clip->end < INFINITY;
    clip->split = table->config->split;
    if (*split) {
        int found = valence_split_from_name(split);
        if (found < 0)
            return fail_row(table,
                            fail(error, VALENCE_ERROR_DATA,
                                 "split: '%.40s' is not train, validation or test", split),
                            error);
        clip->split = (enum valence_split)found;
    }
    return clip->start >= 0 && clip->start < clip->end
               ? VALENCE_OK
               : fail_row(table,
                          fail(error, VALENCE_ERROR_DATA,
                               "a clip from %g to %g seconds: the end must be after the start",
                               clip->start, clip->end),
                          error);
}

static int read_row(const struct table *table, struct plan *plan, struct valence_error *error)
{
    struct planned_clip clip = {0};
    const char *file = field(table, FILE_);
    int status =
        *file ? read_place(table, &clip, error)
              : fail_row(table, fail(error, VALENCE_ERROR_DATA, "the file is missing"), error);
    if (!status)
        status = read_transcript(table, &clip, error);
    if (status) {
        planned_clip_free(&clip);
        return status;
    }
    const char *id = field(table, ID), *group = field(table, GROUP);
    clip.file = strdup(file);
    clip.path = resolve(table, file);
    clip.id = strdup(id); /* "" is filled later, when it is known how many clips a file has */
    clip.group = *group ? strdup(group) : path_without_ending(file);
    return plan_add(plan, &clip, error);
}

/* ---- Ids ---- */

/* Clips without an id are called as their file, and where there are several of it, numbered. */
static int name_clips(struct plan *plan, struct valence_error *error)
{
    for (int64_t i = 0; i < plan->n;) {
        int64_t end = i + 1;
        while (end < plan->n && strcmp(plan->clips[end].file, plan->clips[i].file) == 0)
            end++;
        for (int64_t j = i; j < end; j++) {
            struct planned_clip *clip = &plan->clips[j];
            struct text id = {.maximum = VALENCE_STORE_ID_BYTES - 1};
            if (*clip->id)
                continue;
            char *stem = path_without_ending(clip->file);
            if (stem && end - i == 1)
                text_format(&id, "%s", stem);
            else if (stem)
                text_format(&id, "%s_%04" PRId64, stem, j - i + 1);
            free(stem);
            if (!id.data || id.failed) {
                text_free(&id);
                return fail(error, VALENCE_ERROR_LIMIT,
                            "%.200s: the name is too long for a clip's id (give one in a column "
                            "'id')",
                            clip->file);
            }
            free(clip->id);
            clip->id = id.data;
        }
        i = end;
    }
    return VALENCE_OK;
}

/* ---- The table ---- */

static int open_table(struct table *table, struct valence_error *error)
{
    const char *slash = strrchr(table->path, '/');
    table->folder = slash ? strndup(table->path, (size_t)(slash - table->path)) : strdup("");
    if (!table->folder)
        return fail_memory(error, strlen(table->path), "a path");
    if (slash == table->path) { /* "/table.csv" */
        free(table->folder);
        table->folder = strdup("/");
    }
    int status = csv_open(table->path, CSV_FIND_DELIMITER, &table->reader, error);
    for (int i = 0; i < N_COLUMNS && !status; i++)
        table->columns[i] = csv_find_column(table->reader, column_names[i]);
    return status
               ? status
               : csv_need_column(table->reader, column_names[FILE_], &table->columns[FILE_], error);
}

int plan_read_table(struct plan *plan, const struct valence_extract_config *config,
                    struct valence_error *error)
{
    struct table table = {.path = config->input, .config = config};
    bool more = true;
    int status = open_table(&table, error);
    while (!status && more) {
        status = csv_next(table.reader, &more, error);
        if (!status && more)
            status = read_row(&table, plan, error);
    }
    csv_close(table.reader);
    free(table.folder);
    if (!status && plan->n == 0)
        status = fail(error, VALENCE_ERROR_DATA, "%s: the table has no rows", config->input);
    return status ? status : name_clips(plan, error);
}
