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

/* ---- What an importer reads ---- */

/* Whatever can be read counts: no label is out of range, no value too large. */
static struct valence_import_options look_options(struct data_summary *data)
{
    struct valence_import_options options;
    valence_import_options_default(&options);
    options.type = VALENCE_F32;
    options.label_minimum = -1e30;
    options.label_maximum = 1e30;
    options.labels_only = true;
    options.skip = (1u << VALENCE_N_SKIPS) - 1;
    options.summary = data;
    return options;
}

static int look(valence_import_function *import, const char *kind, const char *path,
                const struct valence_import_options *options,
                const struct valence_progress *progress, struct source_summary *summary,
                struct valence_error *error)
{
    summary->kind = kind;
    return import(path, NULL, options, progress, &summary->result, error);
}

/* FOLDER/labels.csv, with FOLDER/STREAM/ID.npy: what export writes. */
static int look_at_export(const char *folder, const char *labels,
                          const struct valence_progress *progress, struct source_summary *summary,
                          struct valence_error *error)
{
    struct valence_import_options options = look_options(&summary->data);
    char *paths[VALENCE_N_STREAMS] = {NULL};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        paths[s] = path_join(folder, valence_stream_names[s]);
        if (paths[s] && path_is_folder(paths[s]))
            options.streams[s].folder = paths[s];
    }
    int status = look(valence_import_table, "table", labels, &options, progress, summary, error);
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

static valence_import_function *choose_npz(const char *path, const char **kind)
{
    struct archive *archive;
    valence_import_function *import = NULL;
    if (archive_open(path, &archive, NULL))
        return NULL;
    if (archive_find(archive, "id.npy") >= 0) {
        import = valence_import_dense;
        *kind = "dense";
    } else if (has_member(archive, "/id.npy")) {
        import = valence_import_mmsa;
        *kind = "mmsa";
    } else if (has_member(archive, "_corpus.npy")) {
        import = valence_import_merbench;
        *kind = "merbench";
    }
    archive_close(archive);
    return import;
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

/* The importer that reads it as it is; NULL: none. */
static valence_import_function *choose(const char *path, const char **kind)
{
    bool tabs = path_has_ending(path, ".tsv");
    if (path_is_folder(path) ? has_file(path, "id.npy")
                             : path_has_ending(path, ".safetensors") && holds_clips(path)) {
        *kind = "dense";
        return valence_import_dense;
    }
    if (path_is_folder(path) || path_has_ending(path, ".csv") || tabs) {
        *kind = "table";
        return is_table(path, tabs ? '\t' : ',') ? valence_import_table : NULL;
    }
    if (path_has_ending(path, ".npz"))
        return choose_npz(path, kind);
    *kind = "mmsa";
    return path_has_ending(path, ".pkl") || path_has_ending(path, ".pickle") ? valence_import_mmsa
                                                                             : NULL;
}

int source_summarise(const char *path, const struct valence_progress *progress,
                     struct source_summary *summary, struct valence_error *error)
{
    *summary = (struct source_summary){0};
    bool folder = path_is_folder(path);
    char *labels = folder ? path_join(path, "labels.csv") : NULL;
    const char *kind = NULL;
    valence_import_function *import = choose(path, &kind);
    struct valence_import_options options = look_options(&summary->data);
    options.delimiter = path_has_ending(path, ".tsv") ? '\t' : ',';
    int status;
    if (labels && path_exists(labels))
        status = look_at_export(path, labels, progress, summary, error);
    else if (import)
        status = look(import, kind, path, &options, progress, summary, error);
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
