#include "exchange/feature_files.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/csd.h"
#include "exchange/id_list.h"
#include "exchange/import.h"
#include "exchange/import_folder.h"
#include "valence/progress.h"

/* ---- Folders of arrays ---- */

struct feature_folders {
    int n_streams;
    char *paths[VALENCE_STORE_MAX_STREAMS];
    struct import_folder folders[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    struct id_list ids; /* of all streams */
};

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A stream of the arrays in a folder; none if it has no arrays. */
static int add_folder(struct feature_folders *found, const char *path, struct valence_error *error)
{
    int64_t n_before = found->ids.n;
    int at = found->n_streams;
    int status = id_list_add_folder(&found->ids, path, error);
    if (status || found->ids.n == n_before)
        return status;
    if (at == VALENCE_STORE_MAX_STREAMS)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d folders of arrays", path,
                    VALENCE_STORE_MAX_STREAMS);
    found->paths[at] = strdup(path);
    if (!found->paths[at])
        return fail_memory(error, strlen(path), "a path");
    found->folders[at] = (struct import_folder){.path = found->paths[at], .feat_scale = 1};
    snprintf(found->streams[at].name, sizeof found->streams[at].name, "%s", path_name(path));
    found->streams[at].type = VALENCE_F32;
    found->n_streams++;
    return VALENCE_OK;
}

/* The folder itself, or the folders in it. */
static int find_folders(struct feature_folders *found, const char *path,
                        struct valence_error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *trimmed = strndup(path, length);
    int status = trimmed ? add_folder(found, trimmed, error) : fail_memory(error, length, "a path");
    struct dirent **entries = NULL;
    int n = !status && found->n_streams == 0 ? scandir(path, &entries, is_visible, alphasort) : 0;
    for (int i = 0; i < n && !status; i++) {
        char *inner = path_join(trimmed, entries[i]->d_name);
        if (inner && path_is_folder(inner))
            status = add_folder(found, inner, error);
        free(inner);
    }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    free(trimmed);
    if (!status && found->n_streams == 0)
        status =
            fail(error, VALENCE_ERROR_UNSUPPORTED,
                 "%s: no store, run, table or arrays ID.npy in this folder or the folders below it",
                 path);
    if (!status)
        id_list_sort(&found->ids);
    return status;
}

/* A stream's width is that of its first readable array with rows. */
static void find_widths(struct feature_folders *found)
{
    for (int s = 0; s < found->n_streams; s++) {
        int64_t width = 0;
        for (int64_t i = 0; i < found->ids.n && width == 0; i++)
            if (import_folder_width(&found->folders[s], found->ids.ids[i], &width, NULL))
                width = 0;
        found->streams[s].width = width > 0 && width <= VALENCE_STORE_MAX_WIDTH ? width : 1;
    }
}

/* What is wrong with one file is counted; what is wrong with the machine ends it. */
static int note_failure(int status, const char *id, struct valence_import_result *result)
{
    switch (status) {
    case VALENCE_ERROR_NOT_FOUND:
        return VALENCE_OK;
    case VALENCE_ERROR_SHAPE:
        import_count(&result->skipped[VALENCE_SKIP_WIDTH], id);
        return VALENCE_OK;
    case VALENCE_ERROR_FORMAT:
    case VALENCE_ERROR_DATA:
    case VALENCE_ERROR_LIMIT:
    case VALENCE_ERROR_UNSUPPORTED:
        import_count(&result->skipped[VALENCE_SKIP_VALUE], id);
        return VALENCE_OK;
    default:
        return status;
    }
}

static int add_clip(struct feature_folders *found, const char *id,
                    struct valence_data_summary *summary, struct valence_import_result *result,
                    struct valence_error *error)
{
    struct valence_clip clip = {.id = id, .group = "", .transcript = "", .label = NAN};
    struct valence_clip_rows rows[VALENCE_STORE_MAX_STREAMS] = {{0}};
    struct valence_error reason;
    int64_t at = summary->n_clips;
    int status = VALENCE_OK;
    for (int s = 0; s < found->n_streams && !status; s++) {
        int failure =
            import_folder_rows(&found->folders[s], id, &found->streams[s], &rows[s], &reason);
        status = note_failure(failure, id, result);
        if (status && error)
            *error = reason;
        clip.n_rows[s] = failure ? 0 : rows[s].n_rows;
    }
    if (!status)
        status = data_summary_add(summary, &clip, error);
    for (int s = 0; s < found->n_streams && !status; s++)
        data_summary_add_rows(summary, at, s, rows[s].rows, clip.n_rows[s]);
    return status;
}

static int report(const struct valence_progress *progress, int64_t done, int64_t total,
                  const char *path, struct valence_error *error)
{
    struct valence_progress_event event = {"reading", done, total, "clips", NULL};
    return progress && progress->report(progress->user, &event)
               ? fail(error, VALENCE_ERROR_CANCELLED, "%s: reading was cancelled", path)
               : VALENCE_OK;
}

static int summarise_folders(const char *path, const struct valence_progress *progress,
                             struct valence_data_summary *summary,
                             struct valence_import_result *result, struct valence_error *error)
{
    struct feature_folders found = {0};
    int status = find_folders(&found, path, error);
    if (!status) {
        find_widths(&found);
        status = data_summary_begin(summary, found.streams, found.n_streams, error);
    }
    for (int64_t i = 0; i < found.ids.n && !status; i++) {
        status = report(progress, i, found.ids.n, path, error);
        if (!status)
            status = add_clip(&found, found.ids.ids[i], summary, result, error);
    }
    for (int s = 0; s < found.n_streams; s++) {
        import_folder_free(&found.folders[s]);
        free(found.paths[s]);
    }
    id_list_free(&found.ids);
    return status;
}

/* ---- Computational sequences ---- */

static int add_entry(const struct csd *csd, int64_t at, struct valence_data_summary *summary,
                     struct valence_import_result *result, struct valence_error *error)
{
    const char *entry = csd_entry(csd, at);
    char video[VALENCE_STORE_ID_BYTES];
    struct valence_clip clip = {.id = entry, .group = video, .transcript = "", .label = NAN};
    struct csd_rows rows;
    snprintf(video, sizeof video, "%.*s", (int)strcspn(entry, "["), entry);
    int status = csd_read(csd, at, &rows, error);
    bool fits = !status && (rows.n_rows == 0 || rows.width == summary->streams[0].format.width);
    if (!status && !fits)
        import_count(&result->skipped[VALENCE_SKIP_WIDTH], entry);
    clip.n_rows[0] = fits ? rows.n_rows : 0;
    if (!status)
        status = data_summary_add(summary, &clip, error);
    if (!status)
        data_summary_add_rows(summary, summary->n_clips - 1, 0, rows.features, clip.n_rows[0]);
    csd_rows_free(&rows);
    return status;
}

/* The width is that of the first entry with rows. */
static int begin_sequence(const struct csd *csd, struct valence_data_summary *summary,
                          struct valence_error *error)
{
    struct valence_store_stream stream = {.name = "features", .width = 0, .type = VALENCE_F32};
    int status = VALENCE_OK;
    for (int64_t i = 0; i < csd_n_entries(csd) && stream.width == 0 && !status; i++) {
        struct csd_rows rows;
        status = csd_read(csd, i, &rows, error);
        stream.width = !status && rows.n_rows > 0 ? rows.width : 0;
        csd_rows_free(&rows);
    }
    stream.width = stream.width ? stream.width : 1;
    return status ? status : data_summary_begin(summary, &stream, 1, error);
}

static int summarise_sequence(const char *path, const struct valence_progress *progress,
                              struct valence_data_summary *summary,
                              struct valence_import_result *result, struct valence_error *error)
{
    struct csd *csd;
    int status = csd_open(path, &csd, error);
    if (!status)
        status = begin_sequence(csd, summary, error);
    for (int64_t i = 0; !status && i < csd_n_entries(csd); i++) {
        status = report(progress, i, csd_n_entries(csd), path, error);
        if (!status)
            status = add_entry(csd, i, summary, result, error);
    }
    csd_close(csd);
    return status;
}

int feature_files_summarise(const char *path, const struct valence_progress *progress,
                            struct valence_data_summary *summary,
                            struct valence_import_result *result, struct valence_error *error)
{
    int status = (path_is_folder(path) ? summarise_folders : summarise_sequence)(
        path, progress, summary, result, error);
    return status ? status : data_summary_finish(summary, error);
}
