#include "store/store_access.h"

#include <string.h>

#include "base/fail.h"
#include "store/store_inside.h"
#include "store/store_scan.h"
#include "store/store_shards.h"
#include "store/store_source.h"

/* ---- Looking at it ---- */

const char *valence_store_path(const struct valence_store *store)
{
    return store->path;
}

bool store_has_checksums(const struct valence_store *store)
{
    return store->version >= 2;
}

bool valence_store_is_finished(const struct valence_store *store)
{
    return !store->state.is_known || store->state.is_finished;
}

const char *valence_store_source(const struct valence_store *store)
{
    return store->source ? store->source : "";
}

const json_t *store_source_json(const struct valence_store *store)
{
    return store->source_json;
}

const struct valence_label_scale *valence_store_label_scale(const struct valence_store *store)
{
    return store->has_scale ? &store->scale : NULL;
}

int64_t valence_store_n_clips(const struct valence_store *store)
{
    return store->n_clips;
}

int valence_store_n_streams(const struct valence_store *store)
{
    return store->n_streams;
}

const struct valence_store_stream *valence_store_get_stream(const struct valence_store *store,
                                                            int stream)
{
    return stream >= 0 && stream < store->n_streams ? &store->streams[stream] : NULL;
}

const struct valence_clip *valence_store_clip(const struct valence_store *store, int64_t clip)
{
    return clip >= 0 && clip < store->n_clips ? &store->clips[clip] : NULL;
}

int valence_store_find_stream(const struct valence_store *store, const char *name)
{
    for (int i = 0; i < store->n_streams; i++)
        if (strcmp(store->streams[i].name, name) == 0)
            return i;
    return -1;
}

int64_t valence_store_find_clip(const struct valence_store *store, const char *id)
{
    int64_t low = 0, high = store->n_ids;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(store->clips[store->by_id[middle]].id, id);
        if (order == 0)
            return store->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* ---- Fetching ---- */

#define CACHE_LINE_BYTES 64

static void fetch_places(const struct valence_store *store, int64_t clip)
{
    if (store->n_shards) {
        const struct store_shard *shard = &store->shards[store_file_of_clip(store, clip)];
        clip -= shard->first_clip;
        store = shard->store;
    }
    for (int i = 0; i < store->n_streams; i++)
        __builtin_prefetch(&store->places[i][clip]);
}

void store_fetch_records(const struct valence_store *store, const int64_t *clips, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const char *record = (const char *)&store->clips[clips[i]];
        for (size_t at = 0; at < sizeof *store->clips; at += CACHE_LINE_BYTES)
            __builtin_prefetch(record + at);
        fetch_places(store, clips[i]);
    }
    for (int64_t i = 0; i < n; i++)
        __builtin_prefetch(store->clips[clips[i]].id);
}

/* ---- Rows ---- */

static size_t checksums_bytes(const struct valence_store *store, size_t bytes)
{
    return store->version < 2 ? 0 : rows_checksums_bytes(bytes);
}

int valence_store_read_rows(const struct valence_store *store, int64_t clip, int stream,
                            int64_t first_row, int64_t n_rows, void *rows,
                            struct valence_error *error)
{
    const struct valence_clip *record = valence_store_clip(store, clip);
    const struct valence_store_stream *format = valence_store_get_stream(store, stream);
    if (!record || !format)
        return fail(
            error, VALENCE_ERROR_ARGUMENT,
            "%s: clip %lld or stream %d does not exist; the store has %lld clips and %d streams",
            store->data_path, (long long)clip, stream, (long long)store->n_clips, store->n_streams);
    if (store->n_shards)
        return store_shards_read_rows(store, clip, stream, first_row, n_rows, rows, error);
    const struct place *place = &store->places[stream][clip];
    size_t recorded, start, wanted;
    if (!rows_bytes(format, record->n_rows[stream], &recorded) ||
        recorded + checksums_bytes(store, recorded) != place->size)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: clip '%s': stream '%s' has %u bytes stored, not %lld rows of %lld %s",
                    store->data_path, record->id, format->name, place->size,
                    (long long)record->n_rows[stream], (long long)format->width,
                    valence_dtype_names[format->type]);
    if (!rows_bytes(format, first_row, &start) || !rows_bytes(format, n_rows, &wanted) ||
        start > recorded || wanted > recorded - start)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "%s: clip '%s': rows %lld from row %lld of stream '%s', which has only %lld",
                    store->data_path, record->id, (long long)n_rows, (long long)first_row,
                    format->name, (long long)record->n_rows[stream]);
    if (store->version < 2)
        return lmdb_read(&store->file, place->offset + start, rows, wanted, error);
    struct rows_key key = {store->seeds[stream], (uint32_t)clip, recorded};
    int status = rows_read_checked(&store->file, place->offset, &key, start, rows, wanted, error);
    return status ? fail_within(status, error, "%s: clip '%s': stream '%s'", store->data_path,
                                record->id, format->name)
                  : VALENCE_OK;
}
