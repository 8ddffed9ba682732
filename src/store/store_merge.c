/* Several stores as one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "store/store_inside.h"
#include "store/store_parts.h"
#include "store/store_shards.h"
#include "store/store_writer.h"

void valence_store_merge_options_default(struct valence_store_merge_options *options)
{
    *options = (struct valence_store_merge_options){.size = sizeof *options};
}

struct merge {
    struct valence_store **stores;
    int n;
    const struct valence_store_merge_options *options;
    struct valence_store_writer *writer;
    int64_t done; /* clips */
};

static int report(const struct merge *merge, const char *store, struct valence_error *error)
{
    const struct valence_progress *progress = merge->options->progress;
    struct valence_progress_event event = {"merging", merge->done, 0, "clips", store};
    return progress && progress->report(progress->user, &event)
               ? fail(error, VALENCE_ERROR_CANCELLED,
                      "merging was interrupted; do the same again to continue")
               : VALENCE_OK;
}

/* ---- Checks, before anything is written ---- */

static int check_encoders(const struct valence_store *first, const struct valence_store *store,
                          struct valence_error *error)
{
    json_t *a = json_loads(valence_store_source(first), 0, NULL),
           *b = json_loads(valence_store_source(store), 0, NULL);
    bool is_same = json_equal(json_object_get(a, "encoders"), json_object_get(b, "encoders")) ||
                   (!json_object_get(a, "encoders") && !json_object_get(b, "encoders"));
    json_decref(a);
    json_decref(b);
    return is_same ? VALENCE_OK
                   : fail(error, VALENCE_ERROR_DATA,
                          "%s was made by other encoders than %s, or with other settings",
                          valence_store_path(store), valence_store_path(first));
}

/* The number of a class means the same in all stores. */
static int check_classes(const struct valence_store *first, const struct valence_store *store,
                         struct valence_error *error)
{
    const struct valence_label_scale *a = valence_store_label_scale(first),
                                     *b = valence_store_label_scale(store);
    int n = a ? a->n_classes : 0;
    bool is_same = n == (b ? b->n_classes : 0);
    for (int i = 0; is_same && i < n; i++)
        is_same = strcmp(a->classes[i], b->classes[i]) == 0;
    return is_same ? VALENCE_OK
                   : fail(error, VALENCE_ERROR_DATA,
                          "%s has other classes as labels than %s, or in another order",
                          valence_store_path(store), valence_store_path(first));
}

static int check_streams(const struct valence_store *first, const struct valence_store *store,
                         struct valence_error *error)
{
    int n = valence_store_n_streams(first);
    bool is_same = valence_store_n_streams(store) == n;
    for (int s = 0; is_same && s < n; s++) {
        const struct valence_store_stream *a = valence_store_get_stream(first, s),
                                          *b = valence_store_get_stream(store, s);
        is_same = strcmp(a->name, b->name) == 0 && a->width == b->width && a->type == b->type;
    }
    return is_same ? VALENCE_OK
                   : fail(error, VALENCE_ERROR_SHAPE, "%s has other streams than %s",
                          valence_store_path(store), valence_store_path(first));
}

int store_check_fits(const struct valence_store *first, const struct valence_store *store,
                     struct valence_error *error)
{
    int status = check_encoders(first, store, error);
    if (!status)
        status = check_streams(first, store, error);
    return status ? status : check_classes(first, store, error);
}

struct found_id {
    const char *id;
    int store;
};

static int compare_ids(const void *a, const void *b)
{
    const struct found_id *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->store > y->store) - (x->store < y->store);
}

/* No clip may be in two stores. */
static int check_clips(const struct merge *merge, struct valence_error *error)
{
    int64_t n = 0, all = 0;
    int status = VALENCE_OK;
    for (int i = 0; i < merge->n; i++)
        all += valence_store_n_clips(merge->stores[i]);
    struct found_id *ids = allocate(all, sizeof *ids);
    if (!ids)
        return fail_memory(error, (size_t)all * sizeof *ids, "the ids of all clips");
    for (int i = 0; i < merge->n; i++)
        for (int64_t k = 0; k < valence_store_n_clips(merge->stores[i]); k++)
            ids[n++] = (struct found_id){valence_store_clip(merge->stores[i], k)->id, i};
    qsort(ids, (size_t)n, sizeof *ids, compare_ids);
    for (int64_t i = 1; i < n && !status; i++)
        if (strcmp(ids[i - 1].id, ids[i].id) == 0)
            status = fail(error, VALENCE_ERROR_EXISTS, "%s: the clip '%s' is in %s already",
                          valence_store_path(merge->stores[ids[i].store]), ids[i].id,
                          valence_store_path(merge->stores[ids[i - 1].store]));
    free(ids);
    return status;
}

static int open_stores(struct merge *merge, const char *const *paths, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int i = 0; i < merge->n && !status; i++) {
        status = valence_store_open(paths[i], NULL, &merge->stores[i], error);
        if (!status && i > 0)
            status = store_check_fits(merge->stores[0], merge->stores[i], error);
        if (!status) /* thousands of stores would be too many open files */
            store_detach(merge->stores[i]);
    }
    if (!status)
        status = check_clips(merge, error);
    if (!status && !merge->options->partial && !merge->options->shards)
        status = store_parts_check(merge->stores, merge->n, error);
    return status;
}

/* ---- Writing ---- */

/* Whether the target holds the first clips of what is merged, and nothing else. */
static bool is_beginning(const struct merge *merge)
{
    int64_t n = valence_store_writer_n_clips(merge->writer), place = 0;
    for (int i = 0; i < merge->n; i++)
        for (int64_t k = 0; k < valence_store_n_clips(merge->stores[i]); k++, place++)
            if (place == n ||
                store_writer_find(merge->writer, valence_store_clip(merge->stores[i], k)->id) !=
                    place)
                return place == n;
    return place == n;
}

static int add_clip(struct merge *merge, const struct valence_store *store, int64_t clip,
                    struct valence_error *error)
{
    int64_t place = merge->done++;
    return place < valence_store_writer_n_clips(merge->writer) /* by an interrupted merge */
               ? VALENCE_OK
               : valence_store_writer_add_from(merge->writer, store, clip, NULL, error);
}

static int add_store(struct merge *merge, const struct valence_store *store,
                     struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < valence_store_n_clips(store) && !status; i++) {
        status = report(merge, valence_store_path(store), error);
        if (!status)
            status = add_clip(merge, store, i, error);
    }
    for (int64_t i = 0; i < valence_store_n_failures(store) && !status; i++)
        status = valence_store_writer_add_failure(merge->writer,
                                                  valence_store_get_failure(store, i), error);
    return status;
}

/* The new store has the streams of the first, and its source, which is that of the whole. */
static int open_writer(struct merge *merge, const char *to, struct valence_error *error)
{
    const struct valence_store *first = merge->stores[0];
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_writer_options options;
    char *source = store_source_of_whole(valence_store_source(first));
    const struct valence_label_scale *scale = valence_store_label_scale(first);
    valence_store_writer_options_default(&options);
    options.overwrite = merge->options->overwrite;
    options.replace_unfinished = true;
    int n = valence_store_n_streams(first);
    for (int s = 0; s < n; s++)
        streams[s] = *valence_store_get_stream(first, s);
    int status = source ? valence_store_writer_open(to, streams, n, &options, &merge->writer, error)
                        : fail_memory(error, 0, "a store's source");
    if (!status && *source)
        status = valence_store_writer_set_source(merge->writer, source, error);
    if (!status && !is_beginning(merge))
        status = fail_key(error, VALENCE_ERROR_EXISTS, "target",
                          "%s: holds other clips, or the same in another order", to);
    if (!status && scale)
        status = valence_store_writer_set_label_scale(merge->writer, scale, error);
    free(source);
    return status;
}

static int merge_clips(struct merge *merge, const char *to, struct valence_error *error)
{
    int status = open_writer(merge, to, error);
    for (int i = 0; i < merge->n && !status; i++)
        status = add_store(merge, merge->stores[i], error);
    return status ? status : valence_store_writer_finish(merge->writer, error);
}

static int merge_all(struct merge *merge, const char *const *paths, const char *to,
                     struct valence_error *error)
{
    merge->stores = allocate(merge->n, sizeof(struct valence_store *));
    int status = merge->stores ? open_stores(merge, paths, error)
                               : fail_memory(error, (size_t)merge->n * sizeof(void *), "stores");
    if (!status && merge->options->shards)
        status = store_shards_add(to, merge->stores, merge->n, merge->options->progress,
                                  &merge->done, error);
    else if (!status)
        status = merge_clips(merge, to, error);
    for (int i = 0; merge->stores && i < merge->n; i++)
        valence_store_close(merge->stores[i]);
    free(merge->stores);
    return status;
}

int valence_store_merge(const char *const *stores, int n, const char *to,
                        const struct valence_store_merge_options *options, int64_t *n_clips,
                        struct valence_error *error)
{
    struct valence_store_merge_options own;
    struct merge merge = {.n = n, .options = &own};
    valence_store_merge_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status && (n < 1 || !stores || !to))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "there are no stores to merge");
    if (!status)
        status = merge_all(&merge, stores, to, error);
    int closed = valence_store_writer_close(merge.writer, status ? NULL : error);
    if (n_clips && !status)
        *n_clips = merge.done;
    return status ? status : closed;
}
