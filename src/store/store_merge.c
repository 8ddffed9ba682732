/* Several stores as one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "store/store_writer.h"

void valence_store_merge_options_default(struct valence_store_merge_options *options)
{
    *options = (struct valence_store_merge_options){.size = sizeof *options};
}

struct merge {
    const char *const *stores;
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

/* Clips of an earlier store, and clips that an interrupted merge has stored, are told apart by
 * their place: the next one is always behind all that are there. */
static int add_clip(struct merge *merge, const struct valence_store *store, int64_t clip,
                    struct valence_error *error)
{
    const char *id = valence_store_clip(store, clip)->id;
    int64_t found = store_writer_find(merge->writer, id), place = merge->done++;
    if (found == place)
        return VALENCE_OK;
    return found < 0 ? valence_store_writer_add_from(merge->writer, store, clip, NULL, error)
                     : fail(error, VALENCE_ERROR_EXISTS,
                            "%s: the clip '%s' is in an earlier store already, or '%s' holds "
                            "something else",
                            valence_store_path(store), id, "the target");
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

static int check_same(const struct valence_store *first, const struct valence_store *store,
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

/* The new store has the streams and the source of the first. */
static int open_writer(struct merge *merge, const struct valence_store *first, const char *to,
                       struct valence_error *error)
{
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_writer_options options;
    const char *source = valence_store_source(first);
    const struct valence_label_scale *scale = valence_store_label_scale(first);
    valence_store_writer_options_default(&options);
    options.overwrite = merge->options->overwrite;
    options.replace_unfinished = true;
    int n = valence_store_n_streams(first);
    for (int s = 0; s < n; s++)
        streams[s] = *valence_store_get_stream(first, s);
    int status = valence_store_writer_open(to, streams, n, &options, &merge->writer, error);
    if (!status && *source)
        status = valence_store_writer_set_source(merge->writer, source, error);
    if (!status && scale)
        status = valence_store_writer_set_label_scale(merge->writer, scale, error);
    return status;
}

static int merge_all(struct merge *merge, const char *to, struct valence_error *error)
{
    struct valence_store *first = NULL, *store = NULL;
    int status = valence_store_open(merge->stores[0], NULL, &first, error);
    if (!status)
        status = open_writer(merge, first, to, error);
    if (!status)
        status = add_store(merge, first, error);
    for (int i = 1; i < merge->n && !status; i++) {
        status = valence_store_open(merge->stores[i], NULL, &store, error);
        if (!status)
            status = check_same(first, store, error);
        if (!status)
            status = add_store(merge, store, error);
        valence_store_close(store);
        store = NULL;
    }
    valence_store_close(first);
    return status;
}

int valence_store_merge(const char *const *stores, int n, const char *to,
                        const struct valence_store_merge_options *options, int64_t *n_clips,
                        struct valence_error *error)
{
    struct valence_store_merge_options own;
    struct merge merge = {.stores = stores, .n = n, .options = &own};
    valence_store_merge_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status && (n < 1 || !stores || !to))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "there are no stores to merge");
    if (!status)
        status = merge_all(&merge, to, error);
    if (!status)
        status = valence_store_writer_finish(merge.writer, error);
    int closed = valence_store_writer_close(merge.writer, status ? NULL : error);
    if (n_clips && !status)
        *n_clips = merge.done;
    return status ? status : closed;
}
