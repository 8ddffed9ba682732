/* Reading a store in several files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "format/json_failure.h"
#include "store/store_inside.h"
#include "store/store_parts.h"
#include "store/store_shards.h"

#define INDEX_FORMAT    "valence-shards"
#define MAX_INDEX_BYTES ((size_t)1 << 28)
#define MAX_SHARDS      1000000

bool store_is_sharded(const char *path)
{
    char *index = path_join(path, STORE_SHARDS_FILE);
    bool is_there = index && path_exists(index);
    free(index);
    return is_there;
}

/* ---- The index ---- */

static int fail_index(const char *path, const char *what, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s/%s: %s: the index is damaged (restore a copy)",
                path, STORE_SHARDS_FILE, what);
}

/* An entry's members; false where one is missing or impossible. A folder's name has no '/'. */
static bool read_entry(const json_t *entry, struct store_shard *shard)
{
    const char *folder = json_string_value(json_object_get(entry, "folder"));
    const char *digest = json_string_value(json_object_get(entry, "sha256"));
    const json_t *clips = json_object_get(entry, "clips"), *bytes = json_object_get(entry, "bytes");
    if (!folder || !folder[0] || folder[0] == '.' || strchr(folder, '/') ||
        strlen(folder) >= sizeof shard->folder || !digest ||
        strlen(digest) != SHA256_TEXT_BYTES - 1 || !json_is_integer(clips) ||
        !json_is_integer(bytes))
        return false;
    strcpy(shard->folder, folder);
    strcpy(shard->digest, digest);
    shard->n_clips = json_integer_value(clips);
    shard->n_bytes = json_integer_value(bytes);
    return shard->n_clips >= 0 && shard->n_bytes >= 0;
}

static int read_entries(struct valence_store *store, const json_t *index,
                        struct valence_error *error)
{
    const json_t *list = json_object_get(index, "shards");
    const char *format = json_string_value(json_object_get(index, "format"));
    size_t n = json_array_size(list);
    if (!format || strcmp(format, INDEX_FORMAT) != 0)
        return fail_index(store->path, "no format '" INDEX_FORMAT "'", error);
    if (json_integer_value(json_object_get(index, "version")) != 1)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s/%s: a newer version of valence wrote it",
                    store->path, STORE_SHARDS_FILE);
    if (n < 1 || n > MAX_SHARDS)
        return fail_index(store->path, "no list of shards", error);
    store->shards = allocate((int64_t)n, sizeof *store->shards);
    if (!store->shards)
        return fail_memory(error, n * sizeof *store->shards, "the shards");
    store->n_shards = (int)n;
    for (size_t i = 0; i < n; i++)
        if (!read_entry(json_array_get(list, i), &store->shards[i]))
            return fail_index(store->path, "a shard's entry", error);
    return VALENCE_OK;
}

int store_shards_decode(struct valence_store *store, const char *text, size_t size,
                        struct valence_error *error)
{
    json_error_t parse;
    json_t *index = json_loadb(text, size, 0, &parse);
    int status = index ? read_entries(store, index, error)
                       : fail_json(&parse, error, VALENCE_ERROR_FORMAT,
                                   "%s/%s: it is no JSON: %s (restore a copy)", store->path,
                                   STORE_SHARDS_FILE, parse.text);
    json_decref(index);
    return status;
}

static int read_index(struct valence_store *store, struct valence_error *error)
{
    char *name = path_join(store->path, STORE_SHARDS_FILE), *text = NULL;
    size_t size;
    int status = name ? file_read_text(name, MAX_INDEX_BYTES, &text, &size, error)
                      : fail_memory(error, strlen(store->path), "a path");
    free(name);
    if (status)
        return status;
    status = store_shards_decode(store, text, size, error);
    free(text);
    return status;
}

/* ---- Opening ---- */

static char *shard_path(const char *path, const struct store_shard *shard)
{
    return path_join(path, shard->folder);
}

static int64_t file_bytes(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

static int open_shard(struct valence_store *store, struct store_shard *shard,
                      struct valence_error *error)
{
    char *path = shard_path(store->path, shard);
    if (!path)
        return fail_memory(error, strlen(store->path), "a path");
    int status = store_is_sharded(path)
                     ? fail(error, VALENCE_ERROR_FORMAT, "%s: a shard with shards", path)
                     : valence_store_open(path, NULL, &shard->store, error);
    free(path);
    if (status)
        return status;
    if (shard->store->n_clips != shard->n_clips ||
        file_bytes(shard->store->data_path) != shard->n_bytes)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: not the shard that the index names: it has %" PRId64 " clips in %" PRId64
                    " bytes, not %" PRId64 " in %" PRId64 " (restore a copy)",
                    shard->store->data_path, shard->store->n_clips,
                    file_bytes(shard->store->data_path), shard->n_clips, shard->n_bytes);
    store_detach(shard->store); /* nobody writes to a shard; so it needs one open file, not four */
    shard->first_clip = store->n_clips;
    store->n_clips += shard->n_clips;
    store->n_failures += shard->store->n_failures;
    return store_check_fits(store->shards[0].store, shard->store, error);
}

static int by_failed_id(const void *a, const void *b)
{
    return strcmp(((const struct valence_store_failure *)a)->id,
                  ((const struct valence_store_failure *)b)->id);
}

/* The whole looks like its first shard, with the clips and failures of all; these are shared. */
static int join_shards(struct valence_store *store, struct valence_error *error)
{
    const struct valence_store *first = store->shards[0].store;
    int64_t n_clips = 0, n_failures = 0;
    store->clips = allocate(store->n_clips, sizeof *store->clips);
    store->failures = allocate(store->n_failures, sizeof *store->failures);
    if (!store->clips || !store->failures)
        return fail_memory(error, (size_t)store->n_clips * sizeof *store->clips, "the clips");
    for (int i = 0; i < store->n_shards; i++) {
        const struct valence_store *shard = store->shards[i].store;
        for (int64_t k = 0; k < shard->n_clips; k++)
            store->clips[n_clips++] = shard->clips[k];
        for (int64_t k = 0; k < shard->n_failures; k++)
            store->failures[n_failures++] = shard->failures[k];
        store->version = i && store->version < shard->version ? store->version : shard->version;
    }
    /* In the order of a store of one file: that of its keys. */
    qsort(store->failures, (size_t)n_failures, sizeof *store->failures, by_failed_id);
    memcpy(store->streams, first->streams, sizeof store->streams);
    store->n_streams = first->n_streams;
    store->has_scale = first->has_scale;
    store->scale = first->scale;
    store->source = store_source_of_whole(valence_store_source(first));
    if (!store->source)
        return fail_memory(error, strlen(valence_store_source(first)), "a source");
    store->source_json = json_loads(store->source, 0, NULL);
    if (!json_is_object(store->source_json)) {
        json_decref(store->source_json);
        store->source_json = NULL;
    }
    return VALENCE_OK;
}

static int by_id(const void *a, const void *b, void *clips)
{
    const struct valence_clip *all = clips;
    return strcmp(all[*(const int32_t *)a].id, all[*(const int32_t *)b].id);
}

static int sort_ids(struct valence_store *store, struct valence_error *error)
{
    store->by_id = allocate(store->n_clips, sizeof *store->by_id);
    if (!store->by_id)
        return fail_memory(error, (size_t)store->n_clips * sizeof *store->by_id, "the ids");
    for (int64_t i = 0; i < store->n_clips; i++)
        store->by_id[i] = (int32_t)i;
    qsort_r(store->by_id, (size_t)store->n_clips, sizeof *store->by_id, by_id, store->clips);
    store->n_ids = store->n_clips;
    for (int64_t i = 1; i < store->n_ids; i++) {
        const char *id = store->clips[store->by_id[i]].id;
        if (strcmp(store->clips[store->by_id[i - 1]].id, id) == 0)
            return fail(error, VALENCE_ERROR_EXISTS, "%s: the clip '%s' is in two shards",
                        store->path, id);
    }
    return VALENCE_OK;
}

int store_shards_open(struct valence_store *store, struct valence_error *error)
{
    int status = read_index(store, error);
    for (int i = 0; i < store->n_shards && !status; i++)
        status = open_shard(store, &store->shards[i], error);
    if (!status && store->n_clips > STORE_MAX_CLIPS)
        status = fail(error, VALENCE_ERROR_LIMIT, "%s: there are too many clips", store->path);
    if (!status)
        status = join_shards(store, error);
    return status ? status : sort_ids(store, error);
}

void store_shards_close(struct valence_store *store)
{
    for (int i = 0; i < store->n_shards; i++)
        valence_store_close(store->shards[i].store);
    free(store->shards);
    store->n_clips = store->n_failures = 0; /* they were the shards' */
    store->shards = NULL;
}

/* ---- Reading ---- */

int store_n_files(const struct valence_store *store)
{
    return store->n_shards ? store->n_shards : 1;
}

struct store_file store_get_file(const struct valence_store *store, int i)
{
    if (!store->n_shards)
        return (struct store_file){.n_clips = store->n_clips,
                                   .descriptor = store->descriptor,
                                   .n_bytes = file_bytes(store->data_path)};
    const struct store_shard *shard = &store->shards[i];
    return (struct store_file){.first_clip = shard->first_clip,
                               .n_clips = shard->n_clips,
                               .descriptor = shard->store->descriptor,
                               .n_bytes = shard->n_bytes};
}

int store_file_of_clip(const struct valence_store *store, int64_t clip)
{
    int low = 0, high = store_n_files(store) - 1;
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (store->shards[middle].first_clip <= clip)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int store_shards_read_rows(const struct valence_store *store, int64_t clip, int stream,
                           int64_t first_row, int64_t n_rows, void *rows,
                           struct valence_error *error)
{
    const struct store_shard *shard = &store->shards[store_file_of_clip(store, clip)];
    return valence_store_read_rows(shard->store, clip - shard->first_clip, stream, first_row,
                                   n_rows, rows, error);
}

int store_shards_verify(const struct valence_store *store, const struct valence_progress *progress,
                        struct valence_error *error)
{
    for (int i = 0; i < store->n_shards; i++) {
        const struct store_shard *shard = &store->shards[i];
        struct valence_progress_event event = {"verifying", i, store->n_shards, "shards",
                                               shard->folder};
        char digest[SHA256_TEXT_BYTES];
        if (progress && progress->report(progress->user, &event))
            return fail(error, VALENCE_ERROR_CANCELLED, "verifying was cancelled");
        int status = store_shard_copy(shard->store, NULL, digest, error);
        if (status)
            return status;
        if (strcmp(digest, shard->digest) != 0)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: differs from its digest in %s (restore a copy)",
                        shard->store->data_path, STORE_SHARDS_FILE);
    }
    return VALENCE_OK;
}
