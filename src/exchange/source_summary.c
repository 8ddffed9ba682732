#include "exchange/source_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/archive.h"
#include "format/csv.h"
#include "format/safetensors.h"
#include "exchange/feature_files.h"
#include "exchange/table_files.h"
#include "exchange/table_layout.h"

#define NO_KIND (-1)

/* ---- What an importer reads ---- */

/* Whatever can be read counts: no label is out of range, no value too large. */
static struct valence_import_options look_options(void)
{
    struct valence_import_options options;
    valence_import_options_default(&options);
    options.type = VALENCE_F32;
    options.label_minimum = -1e30;
    options.label_maximum = 1e30;
    options.labels_only = true;
    options.skip = ~0u;
    return options;
}

static int look(enum valence_import_kind kind, const char *path,
                const struct valence_import_options *options,
                const struct valence_progress *progress, struct source_summary *summary,
                struct valence_error *error)
{
    struct valence_import_options counting = *options;
    struct valence_data_summary *counted = NULL;
    counting.summary = &counted;
    summary->kind = valence_import_kind_name((int)kind);
    int status = valence_import(kind, path, NULL, &counting, progress, &summary->result, error);
    if (!status)
        summary->data = *counted;
    free(counted);
    return status;
}

/* FOLDER/labels.csv, with FOLDER/STREAM/ID.npy: what export writes. */
static int look_at_export(const char *folder, const char *labels,
                          const struct valence_progress *progress, struct source_summary *summary,
                          struct valence_error *error)
{
    struct valence_import_options options = look_options();
    char *paths[VALENCE_N_STREAMS] = {NULL};
    bool complete = true;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        paths[s] = path_join(folder, valence_stream_names[s]);
        complete = complete && paths[s];
        if (paths[s] && path_is_folder(paths[s]))
            options.streams[s].folder = paths[s];
    }
    int status = !complete ? fail_memory(error, strlen(folder), "a path")
                           : look(VALENCE_IMPORT_TABLE, labels, &options, progress, summary, error);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free(paths[s]);
    return status;
}

/* ---- Recognising ---- */

/* A file that cannot be read is not of that kind, but a lack of memory says nothing about it. */
static int unless_memory(int status, struct valence_error *error)
{
    return status == VALENCE_ERROR_MEMORY ? fail_memory(error, 0, "a look at a file") : VALENCE_OK;
}

static int has_file(const char *folder, const char *name, bool *there, struct valence_error *error)
{
    char *path = path_join(folder, name);
    if (!path)
        return fail_memory(error, strlen(folder), "a path");
    *there = path_exists(path);
    free(path);
    return VALENCE_OK;
}

/* Whether a table, of one file or of a folder, has a layout that is known. */
static int is_table(const char *path, char delimiter, bool *known, struct valence_error *error)
{
    struct table_files files;
    int status = table_files_open(&files, path, delimiter, NULL);
    *known = !status && table_layout_is_known(files.reader, path_is_folder(path));
    table_files_close(&files);
    return unless_memory(status, error);
}

static bool has_member(const struct archive *archive, const char *ending)
{
    for (int64_t i = 0; i < archive_n_members(archive); i++)
        if (path_has_ending(archive_member_name(archive, i), ending))
            return true;
    return false;
}

static int choose_npz(const char *path, int *kind, struct valence_error *error)
{
    struct archive *archive;
    int status = archive_open(path, &archive, NULL);
    if (status)
        return unless_memory(status, error);
    *kind = archive_find(archive, "id.npy") >= 0 || archive_find(archive, "ids.npy") >= 0
                ? (int)VALENCE_IMPORT_DENSE
            : has_member(archive, "/id.npy")     ? (int)VALENCE_IMPORT_MMSA
            : has_member(archive, "_corpus.npy") ? (int)VALENCE_IMPORT_MERBENCH
                                                 : NO_KIND;
    archive_close(archive);
    return VALENCE_OK;
}

static int holds_clips(const char *path, bool *clips, struct valence_error *error)
{
    struct safetensors *file;
    int status = safetensors_open(path, &file, NULL);
    if (status)
        return unless_memory(status, error);
    *clips = safetensors_metadata(file, "clips") != NULL;
    safetensors_close(file);
    return VALENCE_OK;
}

/* The kind of import that reads it as it is, or NO_KIND. */
static int choose(const char *path, int *kind, struct valence_error *error)
{
    bool tabs = path_has_ending(path, ".tsv"), folder = path_is_folder(path), holds = false;
    int status = VALENCE_OK;
    *kind = NO_KIND;
    if (folder)
        status = has_file(path, "id.npy", &holds, error);
    else if (path_has_ending(path, ".safetensors"))
        status = holds_clips(path, &holds, error);
    if (status || holds) {
        *kind = VALENCE_IMPORT_DENSE;
        return status;
    }
    if (folder || path_has_ending(path, ".csv") || tabs) {
        status = is_table(path, tabs ? '\t' : CSV_FIND_DELIMITER, &holds, error);
        *kind = holds ? (int)VALENCE_IMPORT_TABLE : NO_KIND;
    } else if (path_has_ending(path, ".npz"))
        status = choose_npz(path, kind, error);
    else if (path_has_ending(path, ".pkl") || path_has_ending(path, ".pickle"))
        *kind = VALENCE_IMPORT_MMSA;
    return status;
}

int source_summarise(const char *path, const struct valence_progress *progress,
                     struct source_summary *summary, struct valence_error *error)
{
    *summary = (struct source_summary){.result.size = sizeof summary->result};
    bool folder = path_is_folder(path);
    char *labels = folder ? path_join(path, "labels.csv") : NULL;
    int kind;
    int status = choose(path, &kind, error);
    if (!status && folder && !labels)
        status = fail_memory(error, strlen(path), "a path");
    struct valence_import_options options = look_options();
    options.delimiter = path_has_ending(path, ".tsv") ? '\t' : CSV_FIND_DELIMITER;
    if (status)
        ; /* memory is short */
    else if (labels && path_exists(labels))
        status = look_at_export(path, labels, progress, summary, error);
    else if (kind != NO_KIND)
        status = look((enum valence_import_kind)kind, path, &options, progress, summary, error);
    else if (folder || path_has_ending(path, ".csd")) {
        summary->kind = "features";
        status = feature_files_summarise(path, progress, &summary->data, &summary->result, error);
    } else
        status = fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: no set of clips", path);
    free(labels);
    return status;
}

void source_summary_free(struct source_summary *summary)
{
    data_summary_free(&summary->data);
}
