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
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        paths[s] = path_join(folder, valence_stream_names[s]);
        if (paths[s] && path_is_folder(paths[s]))
            options.streams[s].folder = paths[s];
    }
    int status = look(VALENCE_IMPORT_TABLE, labels, &options, progress, summary, error);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free(paths[s]);
    return status;
}

/* ---- Recognising ---- */

static bool has_file(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path && path_exists(path);
    free(path);
    return there;
}

/* Whether a table, of one file or of a folder, has a layout that is known. */
static bool is_table(const char *path, char delimiter)
{
    struct table_files files;
    bool known = false;
    if (table_files_open(&files, path, delimiter, NULL) == VALENCE_OK)
        known = table_layout_is_known(files.reader, path_is_folder(path));
    table_files_close(&files);
    return known;
}

static bool has_member(const struct archive *archive, const char *ending)
{
    for (int64_t i = 0; i < archive_n_members(archive); i++)
        if (path_has_ending(archive_member_name(archive, i), ending))
            return true;
    return false;
}

static int choose_npz(const char *path)
{
    struct archive *archive;
    if (archive_open(path, &archive, NULL))
        return NO_KIND;
    int kind = archive_find(archive, "id.npy") >= 0 || archive_find(archive, "ids.npy") >= 0
                   ? (int)VALENCE_IMPORT_DENSE
               : has_member(archive, "/id.npy")     ? (int)VALENCE_IMPORT_MMSA
               : has_member(archive, "_corpus.npy") ? (int)VALENCE_IMPORT_MERBENCH
                                                    : NO_KIND;
    archive_close(archive);
    return kind;
}

static bool holds_clips(const char *path)
{
    struct safetensors *file;
    if (safetensors_open(path, &file, NULL))
        return false;
    bool clips = safetensors_metadata(file, "clips") != NULL;
    safetensors_close(file);
    return clips;
}

/* The kind of import that reads it as it is, or NO_KIND. */
static int choose(const char *path)
{
    bool tabs = path_has_ending(path, ".tsv");
    if (path_is_folder(path) ? has_file(path, "id.npy")
                             : path_has_ending(path, ".safetensors") && holds_clips(path))
        return VALENCE_IMPORT_DENSE;
    if (path_is_folder(path) || path_has_ending(path, ".csv") || tabs)
        return is_table(path, tabs ? '\t' : CSV_FIND_DELIMITER) ? (int)VALENCE_IMPORT_TABLE
                                                                : NO_KIND;
    if (path_has_ending(path, ".npz"))
        return choose_npz(path);
    return path_has_ending(path, ".pkl") || path_has_ending(path, ".pickle")
               ? (int)VALENCE_IMPORT_MMSA
               : NO_KIND;
}

int source_summarise(const char *path, const struct valence_progress *progress,
                     struct source_summary *summary, struct valence_error *error)
{
    *summary = (struct source_summary){.result.size = sizeof summary->result};
    bool folder = path_is_folder(path);
    char *labels = folder ? path_join(path, "labels.csv") : NULL;
    int kind = choose(path);
    struct valence_import_options options = look_options();
    options.delimiter = path_has_ending(path, ".tsv") ? '\t' : CSV_FIND_DELIMITER;
    int status;
    if (labels && path_exists(labels))
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
