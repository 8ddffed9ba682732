/* A stream more in a store that is there: the other streams stay where they are in the file. Its
 * rows and the clips' records are committed batch by batch; readers pass it over until its last
 * commit, which names it among the streams. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/json_failure.h"
#include "base/memory.h"
#include "base/options.h"
#include "store/store_extend.h"
#include "store/store_inside.h"
#include "store/store_writer_inside.h"
#include "store/store_shards.h"

struct addition {
    const struct stream_maker *maker;
    const struct valence_progress *progress;
    struct valence_store *store; /* its records, and the rows of its streams */
    struct valence_store_writer *writer;
    int stream; /* the new one's index */
    int64_t done;
};

/* ---- Opening ---- */

static int check_stream(const struct valence_store *store,
                        const struct valence_store_stream *stream, struct valence_error *error)
{
    const struct new_stream *added = &store->added;
    int status = streams_check(stream, 1, error);
    if (status)
        return status;
    if (valence_store_find_stream(store, stream->name) >= 0)
        return fail_key(error, VALENCE_ERROR_EXISTS, "stream", "%s: has a stream '%s' already",
                        store->path, stream->name);
    if (store->n_streams == VALENCE_STORE_MAX_STREAMS)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: already has %d streams, the most that a store can hold", store->path,
                    store->n_streams);
    if (added->is_there && strcmp(added->stream.name, stream->name) != 0)
        return fail(error, VALENCE_ERROR_BUSY,
                    "%s: stream '%s' is being added to it (do that again, to its end, first)",
                    store->path, added->stream.name);
    return VALENCE_OK;
}

/* An interrupted addition with the same settings continues; any other one starts again. */
static int begin(struct addition *addition, struct valence_error *error)
{
    struct valence_store_writer *writer = addition->writer;
    const struct new_stream *added = &addition->store->added;
    const struct valence_store_stream *stream = &addition->maker->stream;
    char name[sizeof STORE_STREAM_PREFIX + VALENCE_STORE_NAME_BYTES];
    snprintf(name, sizeof name, STORE_STREAM_PREFIX "%s", stream->name);
    writer->streams[addition->stream] = *stream;
    writer->seeds[addition->stream] = stream_seed(stream->name);
    bool goes_on = added->is_there && added->stream.width == stream->width &&
                   added->stream.type == stream->type &&
                   json_equal(added->settings, (json_t *)(uintptr_t)addition->maker->settings);
    addition->done = goes_on && added->done <= writer->n_clips ? added->done : 0;
    MDB_dbi *rows = &writer->rows[addition->stream];
    int code = mdb_dbi_open(writer->batch, name, MDB_CREATE, rows);
    if (!code && !goes_on)
        code = mdb_drop(writer->batch, *rows, 0);
    return code ? fail_lmdb(error, code, writer->path, "cannot open a stream") : VALENCE_OK;
}

static int open_addition(struct addition *addition, const char *path, struct valence_error *error)
{
    int status = valence_store_open(path, NULL, &addition->store, error);
    if (status)
        return status;
    struct valence_store *store = addition->store;
    status = check_stream(store, &addition->maker->stream, error);
    store_detach(store);
    if (!status)
        status = store_writer_open(path, store->streams, store->n_streams, NULL, true,
                                   &addition->writer, error);
    if (!status && addition->writer->n_clips != store->n_clips)
        status = fail(error, VALENCE_ERROR_BUSY, "%s: clips were added to it meanwhile", path);
    addition->stream = store->n_streams;
    return status ? status : begin(addition, error);
}

/* ---- Clips ---- */

static int put_clip(struct addition *addition, int64_t number, const struct made_rows *made,
                    struct valence_error *error)
{
    struct valence_store_writer *writer = addition->writer;
    struct valence_clip clip = *valence_store_clip(addition->store, number);
    struct valence_clip_rows rows = {addition->stream, made->n_rows, made->rows};
    struct ordinal_key key = ordinal_encode((uint32_t)number);
    struct text record = {.maximum = 0};
    char *metadata = NULL;
    size_t bytes = 0;
    int code = 0, status = VALENCE_OK;
    clip.n_rows[addition->stream] = made->n_rows;
    if (made->n_rows < 0 || made->n_rows > VALENCE_STORE_MAX_ROWS ||
        !rows_bytes(&addition->maker->stream, made->n_rows, &bytes))
        return fail(error, VALENCE_ERROR_LIMIT, "clip '%s': %lld rows of '%s' cannot be stored",
                    clip.id, (long long)made->n_rows, addition->maker->stream.name);
    if (made->metadata)
        status = clip_metadata_join(&clip, addition->maker->stream.name, made->metadata, &metadata,
                                    error);
    if (metadata)
        clip.metadata = metadata;
    if (!status)
        status = store_writer_encode_record(writer, (uint32_t)number, &clip, addition->stream + 1,
                                            &record, error);
    bytes += record.length + rows_checksums_bytes(bytes) + 8192; /* and pages */
    if (!status)
        status = store_writer_make_room(writer, bytes, error);
    MDB_val name = {sizeof key, &key}, json = {record.length, record.data};
    if (!status)
        code = store_writer_put_rows(writer, writer->batch, (uint32_t)number, 0, &clip, &rows,
                                     &status, error);
    if (!status && !code)
        code = mdb_put(writer->batch, writer->clips, &name, &json, 0);
    writer->batch_bytes += bytes;
    free(metadata);
    text_free(&record);
    return code ? fail_lmdb(error, code, writer->path, "cannot add a stream") : status;
}

/* The stream stands in "meta" from the beginning, with what is done: readers know the rows that
 * records name. */
static int put_progress(struct addition *addition, struct valence_error *error)
{
    struct new_stream added = {.stream = addition->maker->stream,
                               .settings = (json_t *)(uintptr_t)addition->maker->settings,
                               .done = addition->done};
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    int status = new_stream_encode(&added, &json, error);
    if (!status)
        status = store_writer_put_meta(addition->writer, STORE_KEY_NEW_STREAM, &json, error);
    text_free(&json);
    return status ? status : valence_store_writer_commit(addition->writer, error);
}

/* ---- The end ---- */

static int put_source(struct addition *addition, struct valence_error *error)
{
    json_t *source = source_with_encoder(addition->store, addition->maker);
    char *encoded = source ? json_dumps(source, JSON_REAL_PRECISION(15)) : NULL;
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    json_decref(source);
    if (encoded)
        text_append(&json, encoded, strlen(encoded));
    int status = encoded ? store_writer_put_meta(addition->writer, STORE_KEY_SOURCE, &json, error)
                         : fail_memory(error, 0, "a store's source");
    free(encoded);
    text_free(&json);
    return status;
}

/* One transaction: before it the stream is not there, after it it is. */
static int finish(struct addition *addition, struct valence_error *error)
{
    struct valence_store_writer *writer = addition->writer;
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    MDB_val name = {strlen(STORE_KEY_NEW_STREAM), (void *)(uintptr_t)STORE_KEY_NEW_STREAM};
    format_encode(writer->version, writer->streams, addition->stream + 1, &json);
    int status = store_writer_put_meta(writer, STORE_KEY_FORMAT, &json, error);
    text_free(&json);
    if (!status)
        status = put_source(addition, error);
    int code = status ? 0 : mdb_del(writer->batch, writer->meta, &name, NULL);
    if (code && code != MDB_NOTFOUND)
        status = fail_lmdb(error, code, writer->path, "cannot add a stream");
    return status ? status : valence_store_writer_commit(writer, error);
}

/* ---- All of it ---- */

static int report_clips(void *user, const struct valence_progress_event *event)
{
    const struct addition *addition = user;
    struct valence_progress_event clips = {event->stage, addition->done, addition->store->n_clips,
                                           "clips", NULL};
    return addition->progress->report(addition->progress->user, &clips);
}

static int add_batch(struct addition *addition, const struct valence_clip **clips,
                     struct made_rows *made, int64_t *n_made, struct valence_error *error)
{
    const struct stream_maker *maker = addition->maker;
    struct valence_progress progress = {report_clips, addition};
    struct valence_progress_event event = {"encoding", 0, 0, "clips", NULL};
    int64_t left = addition->store->n_clips - addition->done;
    int64_t n = left < maker->batch ? left : maker->batch;
    if (addition->progress && report_clips(addition, &event))
        return VALENCE_ERROR_CANCELLED;
    for (int64_t i = 0; i < n; i++) {
        clips[i] = valence_store_clip(addition->store, addition->done + i);
        made[i] = (struct made_rows){0};
    }
    int status =
        maker->make(maker->self, clips, n, addition->progress ? &progress : NULL, made, error);
    if (status)
        return status == VALENCE_ERROR_CANCELLED ? status
                                                 : fail_within(status, error, "%s: clip '%s'",
                                                               addition->store->path, clips[0]->id);
    for (int64_t i = 0; i < n && !status; i++)
        status = put_clip(addition, addition->done + i, &made[i], error);
    for (int64_t i = 0; i < n && !status; i++)
        *n_made += made[i].n_rows > 0;
    addition->done += status ? 0 : n;
    return status ? status : put_progress(addition, error);
}

static int add_all(struct addition *addition, int64_t *n_made, struct valence_error *error)
{
    int64_t batch = addition->maker->batch;
    const struct valence_clip **clips = allocate(batch, sizeof *clips);
    struct made_rows *made = allocate(batch, sizeof *made);
    int status = clips && made ? put_progress(addition, error)
                               : fail_memory(error, (size_t)batch * sizeof *made, "a batch");
    while (addition->done < addition->store->n_clips && !status)
        status = add_batch(addition, clips, made, n_made, error);
    if (status == VALENCE_ERROR_CANCELLED)
        fail(error, status, "encoding was interrupted; do the same again to continue");
    free(clips);
    free(made);
    return status;
}

static int add_to_store(const char *path, const struct stream_maker *maker,
                        const struct valence_progress *progress, int64_t *n_made, int64_t *n_stored,
                        struct valence_error *error)
{
    struct addition addition = {.maker = maker, .progress = progress};
    *n_made = *n_stored = 0;
    int status = open_addition(&addition, path, error);
    if (!status) {
        *n_stored = addition.done;
        status = add_all(&addition, n_made, error);
    }
    if (!status)
        status = finish(&addition, error);
    /* What a batch that failed had put is given up with it. */
    if (addition.writer)
        store_writer_release(addition.writer);
    valence_store_close(addition.store);
    return status;
}

/* ---- For programs ---- */

struct public_maker {
    const struct valence_stream_maker *maker;
    struct valence_made_rows *made; /* (batch) */
    json_t **metadata;              /* (batch), parsed */
};

static int take_made(const struct public_maker *self, int64_t i, struct made_rows *made,
                     const struct valence_clip *clip, struct valence_error *error)
{
    const struct valence_made_rows *given = &self->made[i];
    json_error_t parse;
    made->n_rows = given->n_rows;
    made->rows = given->rows;
    if (!given->metadata)
        return VALENCE_OK;
    self->metadata[i] = json_loads(given->metadata, JSON_DECODE_ANY, &parse);
    made->metadata = self->metadata[i];
    return made->metadata
               ? VALENCE_OK
               : fail_json(&parse, error, VALENCE_ERROR_ARGUMENT,
                           "clip '%s': its metadata is not JSON: %s", clip->id, parse.text);
}

static void forget(const struct public_maker *self)
{
    for (int64_t i = 0; i < self->maker->batch && self->metadata; i++) {
        json_decref(self->metadata[i]);
        self->metadata[i] = NULL;
    }
}

static int make_public(void *user, const struct valence_clip *const *clips, int64_t n,
                       const struct valence_progress *progress, struct made_rows *made,
                       struct valence_error *error)
{
    struct public_maker *self = user;
    forget(self);
    for (int64_t i = 0; i < n; i++)
        self->made[i] = (struct valence_made_rows){0};
    int status = self->maker->make(self->maker->user, clips, n, progress, self->made, error);
    for (int64_t i = 0; i < n && !status; i++)
        status = take_made(self, i, &made[i], clips[i], error);
    return status;
}

void valence_stream_maker_default(struct valence_stream_maker *maker)
{
    *maker = (struct valence_stream_maker){.size = sizeof *maker, .batch = 1};
}

int valence_store_add_stream(const char *path, const struct valence_stream_maker *given,
                             const struct valence_progress *progress, int64_t *n_made,
                             struct valence_error *error)
{
    struct valence_stream_maker maker;
    json_error_t parse;
    int64_t ignored, stored;
    valence_stream_maker_default(&maker);
    int status = options_read(&maker, sizeof maker, given, error);
    if (status)
        return status;
    json_t *settings = json_loads(maker.settings ? maker.settings : "{}", 0, &parse);
    struct public_maker self = {.maker = &maker};
    struct stream_maker inner = {
        maker.stream, settings, maker.batch, &self, make_public,
    };
    if (!settings)
        status = fail_json(&parse, error, VALENCE_ERROR_ARGUMENT,
                           "the settings of a stream's maker are not JSON: %s", parse.text);
    else if (store_is_sharded(path))
        status = fail(error, VALENCE_ERROR_UNSUPPORTED,
                      "%s: a store in several files gets no streams (add the stream to the stores "
                      "that it is made of, and merge them again)",
                      path);
    else if (!given || !maker.make || maker.batch < 1 || !json_is_object(settings))
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "a maker of a stream has a function, a batch of at least 1, and settings "
                      "that are a JSON object");
    else if (!(self.made = allocate(maker.batch, sizeof *self.made)) ||
             !(self.metadata = allocate(maker.batch, sizeof(json_t *))))
        status = fail_memory(error, (size_t)maker.batch * sizeof *self.made, "a batch");
    if (!status)
        status = add_to_store(path, &inner, progress, n_made ? n_made : &ignored, &stored, error);
    forget(&self);
    free(self.made);
    free(self.metadata);
    json_decref(settings);
    return status;
}
