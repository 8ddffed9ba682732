#include "store/store_extend.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/clip_copy.h"
#include "store/store_source.h"
#include "store/store_writer.h"

/* ---- What the new store is made from ---- */

json_t *source_with_encoder(const struct valence_store *from, const struct stream_maker *maker)
{
    const json_t *source = store_source_json(from);
    const json_t *recorded = json_object_get(source, "encoders");
    json_t *description = source ? json_deep_copy(source) : json_object();
    json_t *encoders = recorded ? json_deep_copy(recorded) : json_object();
    if (json_object_set_new(encoders, maker->stream.name, json_deep_copy(maker->settings)) == 0 &&
        json_object_set(description, "encoders", encoders) == 0) {
        json_decref(encoders);
        return description;
    }
    json_decref(encoders);
    json_decref(description);
    return NULL;
}

/* ---- One clip ---- */

struct extension {
    const struct valence_store *from;
    const struct stream_maker *maker;
    const struct valence_progress *progress;
    struct valence_store_writer *writer;
    int n_streams; /* of `from` */
    struct clip_copy copy;
    int64_t done; /* clips looked at */
};

int clip_metadata_join(const struct valence_clip *clip, const char *stream, json_t *metadata,
                       char **json, struct valence_error *error)
{
    json_t *all = clip->metadata[0] ? json_loads(clip->metadata, 0, NULL) : json_object();
    bool joined = all && json_object_set(all, stream, metadata) == 0;
    *json = joined ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(all);
    return *json ? VALENCE_OK : fail_memory(error, 0, "a clip's metadata");
}

static int add_clip(struct extension *extension, int64_t number, const struct made_rows *made,
                    struct valence_error *error)
{
    struct valence_clip clip = *valence_store_clip(extension->from, number);
    struct clip_copy *copy = &extension->copy;
    char *metadata = NULL;
    int status = clip_copy_read(copy, extension->from, number, error);
    if (made->n_rows > 0)
        copy->rows[copy->n++] =
            (struct valence_clip_rows){extension->n_streams, made->n_rows, made->rows};
    if (!status && made->metadata)
        status = clip_metadata_join(&clip, extension->maker->stream.name, made->metadata, &metadata,
                                    error);
    if (metadata)
        clip.metadata = metadata;
    if (!status)
        status = valence_store_writer_add(extension->writer, &clip, copy->rows, copy->n, error);
    free(metadata);
    return status;
}

/* ---- All of them ---- */

/* Clips are what is counted, whatever the maker counts. */
static int report_clips(void *user, const struct valence_progress_event *event)
{
    const struct extension *extension = user;
    struct valence_progress_event clips = {event->stage, extension->done,
                                           valence_store_n_clips(extension->from), "clips", NULL};
    return extension->progress->report(extension->progress->user, &clips);
}

struct batch_buffers {
    struct made_rows *made;
    const struct valence_clip **clips; /* (batch) */
};

/* Clips [at, at + n). Those that are there are made again where one of the others is not: what a
 * maker makes of a clip may depend, by a rounding, on what it is made together with, and an
 * interruption must not show in the rows. */
static int extend_batch(struct extension *extension, const struct batch_buffers *buffers,
                        int64_t at, int64_t n, int64_t *n_made, struct valence_error *error)
{
    const struct stream_maker *maker = extension->maker;
    struct valence_progress progress = {report_clips, extension};
    for (int64_t i = 0; i < n; i++) {
        buffers->clips[i] = valence_store_clip(extension->from, at + i);
        buffers->made[i] = (struct made_rows){0};
    }
    int status = maker->make(maker->self, buffers->clips, n, extension->progress ? &progress : NULL,
                             buffers->made, error);
    if (status && status != VALENCE_ERROR_CANCELLED)
        status = fail_within(status, error, "%s: clip '%s'", valence_store_path(extension->from),
                             buffers->clips[0]->id);
    for (int64_t i = 0; i < n && !status; i++) {
        if (valence_store_writer_has(extension->writer, buffers->clips[i]->id))
            continue;
        status = add_clip(extension, at + i, &buffers->made[i], error);
        *n_made += !status && buffers->made[i].n_rows > 0;
    }
    return status;
}

/* How many of the clips [at, at + n) the new store has. */
static int64_t count_stored(const struct extension *extension, int64_t at, int64_t n)
{
    int64_t stored = 0;
    for (int64_t i = 0; i < n; i++)
        stored += valence_store_writer_has(extension->writer,
                                           valence_store_clip(extension->from, at + i)->id);
    return stored;
}

static int extend_all(struct extension *extension, int64_t *n_made, int64_t *n_stored,
                      struct valence_error *error)
{
    int64_t batch = extension->maker->batch, total = valence_store_n_clips(extension->from);
    struct batch_buffers buffers = {allocate(batch, sizeof *buffers.made),
                                    allocate(batch, sizeof *buffers.clips)};
    int status = buffers.made && buffers.clips
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)batch * sizeof *buffers.made, "a batch of clips");
    *n_stored = extension->done = count_stored(extension, 0, total);
    for (int64_t at = 0; at < total && !status; at += batch) {
        struct valence_progress_event event = {"encoding", 0, 0, "clips", NULL};
        int64_t n = total - at < batch ? total - at : batch;
        int64_t stored = count_stored(extension, at, n);
        if (stored == n)
            continue;
        status = extension->progress && report_clips(extension, &event)
                     ? VALENCE_ERROR_CANCELLED
                     : extend_batch(extension, &buffers, at, n, n_made, error);
        extension->done += n - stored;
    }
    if (status == VALENCE_ERROR_CANCELLED)
        fail(error, status, "encoding was interrupted; do the same again to continue");
    free(buffers.made);
    free(buffers.clips);
    return status;
}

static int open_writer(struct extension *extension, const char *path, bool overwrite,
                       struct valence_error *error)
{
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_writer_options options;
    valence_store_writer_options_default(&options);
    options.overwrite = overwrite;
    const struct stream_maker *maker = extension->maker;
    if (valence_store_find_stream(extension->from, maker->stream.name) >= 0)
        return fail_key(error, VALENCE_ERROR_EXISTS, "stream", "%s: has a stream '%s' already",
                        valence_store_path(extension->from), maker->stream.name);
    if (paths_are_same(valence_store_path(extension->from), path))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "%s: is the store that is read (write the new one somewhere else)", path);
    if (extension->n_streams == VALENCE_STORE_MAX_STREAMS)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: already has %d streams, the most that a store can hold",
                    valence_store_path(extension->from), extension->n_streams);
    for (int s = 0; s < extension->n_streams; s++)
        streams[s] = *valence_store_get_stream(extension->from, s);
    streams[extension->n_streams] = maker->stream;
    int status = valence_store_writer_open(path, streams, extension->n_streams + 1, &options,
                                           &extension->writer, error);
    const struct valence_label_scale *scale = valence_store_label_scale(extension->from);
    if (!status && scale)
        status = valence_store_writer_set_label_scale(extension->writer, scale, error);
    return status ? status
                  : store_writer_set_source(extension->writer,
                                            source_with_encoder(extension->from, maker), error);
}

int store_extend(const struct valence_store *from, const char *path, bool overwrite,
                 const struct stream_maker *maker, const struct valence_progress *progress,
                 int64_t *n_made, int64_t *n_stored, struct valence_error *error)
{
    struct extension extension = {.from = from,
                                  .maker = maker,
                                  .progress = progress,
                                  .n_streams = valence_store_n_streams(from)};
    *n_made = *n_stored = 0;
    int status = open_writer(&extension, path, overwrite, error);
    if (!status)
        status = extend_all(&extension, n_made, n_stored, error);
    if (!status)
        status = valence_store_writer_finish(extension.writer, error);
    int closed = valence_store_writer_close(extension.writer, status ? NULL : error);
    clip_copy_free(&extension.copy);
    return status ? status : closed;
}
