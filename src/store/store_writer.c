#include "store/store_writer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "store/rows.h"
#include "store/store_layout.h"
#include "store/store_writer_inside.h"

/* What is added between two commits: it is held in memory, and lost when the process is killed. */
#define COMMIT_BYTES (64 << 20)
#define COMMIT_CLIPS 1000
#define REMAP_BYTES  ((size_t)512 << 20)
#define PAGE_BYTES   4096 /* for sums of sizes only */

/* ---- Batches ---- */

/* Between transactions. Lets go of the map's pages, too: those that LMDB looked at and what the
 * system mapped around them count as the process's. Gives LMDB's code. */
static int map_again(struct valence_store_writer *writer, size_t bytes)
{
    writer->mapped_bytes = 0;
    return mdb_env_set_mapsize(writer->env, bytes);
}

/* LMDB's map must be as large as the file becomes, and can be changed between transactions only:
 * before one begins, it is made to hold `bytes` and what committing takes besides. A commit that
 * finds no room for its own bookkeeping fails, and so would every later one. */
static int make_room(struct valence_store_writer *writer, size_t bytes)
{
    MDB_envinfo info;
    MDB_stat pages;
    mdb_env_info(writer->env, &info);
    mdb_env_stat(writer->env, &pages);
    size_t used = (info.me_last_pgno + 1) * pages.ms_psize, wanted = bytes + 2 * COMMIT_BYTES;
    int code = 0;
    if (writer->map_bytes < used + wanted) {
        size_t more = writer->map_bytes / 2 > wanted ? writer->map_bytes / 2 : wanted;
        writer->map_bytes += (more + PAGE_BYTES * 16 - 1) / (PAGE_BYTES * 16) * (PAGE_BYTES * 16);
        code = map_again(writer, writer->map_bytes);
    }
    writer->room_bytes = writer->map_bytes - used;
    return code;
}

/* Begins a batch with room for a clip of `bytes` besides what a batch usually holds. */
static int begin_with_room(struct valence_store_writer *writer, size_t bytes,
                           struct valence_error *error)
{
    writer->batch_bytes = 0;
    writer->batch_clips = 0;
    int code = make_room(writer, bytes);
    if (!code)
        code = mdb_txn_begin(writer->env, NULL, 0, &writer->batch);
    if (!code)
        return VALENCE_OK;
    writer->batch = NULL;
    return fail_lmdb(error, code, writer->path, "cannot begin writing");
}

int store_writer_begin(struct valence_store_writer *writer, struct valence_error *error)
{
    return begin_with_room(writer, 0, error);
}

/* A store that was begun here and could not hold a single clip is no use to anybody. */
static void remove_begun(const struct valence_store_writer *writer)
{
    if (writer->made_store) {
        (void)unlinkat(writer->folder, STORE_DATA_FILE, 0);
        (void)unlinkat(writer->folder, STORE_LOCK_FILE, 0);
    }
    if (writer->made_folder)
        (void)rmdir(writer->path);
}

void store_writer_release(struct valence_store_writer *writer)
{
    mdb_txn_abort(writer->batch);
    mdb_env_close(writer->env);
    if (writer->has_failed && writer->n_committed == 0 && writer->folder >= 0)
        remove_begun(writer);
    if (writer->folder >= 0)
        close(writer->folder);
    free(writer->source);
    free(writer->data_path);
    free(writer->path);
    free(writer);
}

int store_writer_need_batch(const struct valence_store_writer *writer, struct valence_error *error)
{
    return writer->batch ? VALENCE_OK
                         : fail(error, VALENCE_ERROR_IO,
                                "%s: an earlier write failed; nothing more is added", writer->path);
}

/* Whether a write of `bytes` can have been cut short by a full disk or a limit: LMDB says EIO
 * then. */
static bool room_is_short(const struct valence_store_writer *writer, size_t bytes)
{
    struct statvfs volume;
    struct rlimit limit;
    struct stat data;
    if (statvfs(writer->path, &volume) == 0 &&
        (double)volume.f_bavail * (double)volume.f_frsize < (double)bytes + COMMIT_BYTES)
        return true;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           stat(writer->data_path, &data) == 0 &&
           (double)data.st_size + (double)bytes > (double)limit.rlim_cur;
}

int valence_store_writer_commit(struct valence_store_writer *writer, struct valence_error *error)
{
    int status = store_writer_need_batch(writer, error);
    if (status)
        return status;
    int code = mdb_txn_commit(writer->batch);
    writer->batch = NULL;
    if (code == EIO && room_is_short(writer, writer->batch_bytes))
        code = ENOSPC;
    writer->has_failed = code != 0;
    if (code)
        return fail_lmdb(error, code, writer->path,
                         writer->n_committed
                             ? "cannot write (clips stored so far are kept; do the same again to "
                               "continue)"
                             : "cannot write");
    writer->n_committed = writer->n_clips;
    writer->mapped_bytes += writer->batch_bytes;
    code = writer->mapped_bytes >= REMAP_BYTES ? map_again(writer, writer->map_bytes) : 0;
    return code ? fail_lmdb(error, code, writer->path, "cannot map it again")
                : store_writer_begin(writer, error);
}

/* Commits, and begins anew with room for a clip of `bytes`. */
static int grow_map(struct valence_store_writer *writer, size_t bytes, struct valence_error *error)
{
    int status = valence_store_writer_commit(writer, error);
    if (status)
        return status;
    mdb_txn_abort(writer->batch);
    writer->batch = NULL;
    return begin_with_room(writer, bytes, error);
}

int store_writer_make_room(struct valence_store_writer *writer, size_t bytes,
                           struct valence_error *error)
{
    return writer->batch_bytes + bytes + COMMIT_BYTES > writer->room_bytes
               ? grow_map(writer, bytes, error)
               : VALENCE_OK;
}

/* ---- Adding ---- */

int store_writer_n_streams(const struct valence_store_writer *writer)
{
    return writer->n_streams;
}

const struct valence_store_stream *store_writer_stream(const struct valence_store_writer *writer,
                                                       int stream)
{
    return &writer->streams[stream];
}

int64_t valence_store_writer_n_clips(const struct valence_store_writer *writer)
{
    return writer->n_clips;
}

int64_t store_writer_find(const struct valence_store_writer *writer, const char *id)
{
    MDB_val key = {strlen(id), (void *)(uintptr_t)id}, value;
    bool found = writer->batch && key.mv_size > 0 && key.mv_size < VALENCE_STORE_ID_BYTES &&
                 mdb_get(writer->batch, writer->ids, &key, &value) == 0;
    return found && value.mv_size == sizeof(struct ordinal_key)
               ? (int64_t)ordinal_decode(value.mv_data)
               : -1;
}

bool valence_store_writer_has(const struct valence_store_writer *writer, const char *id)
{
    return store_writer_find(writer, id) >= 0;
}

/* Everything about a clip that can be wrong but its values. *bytes: what it adds to the store,
 * about. */
static int check_clip(const struct valence_store_writer *writer, const struct valence_clip *clip,
                      const struct valence_clip_rows *streams, int n_streams, size_t *bytes,
                      struct valence_error *error)
{
    size_t id_bytes = strlen(clip->id);
    if (id_bytes == 0 || id_bytes >= VALENCE_STORE_ID_BYTES || !is_utf8(clip->id, id_bytes))
        return fail(error, VALENCE_ERROR_DATA, "clip id '%.80s': 1 to %d bytes of UTF-8 are needed",
                    clip->id, VALENCE_STORE_ID_BYTES - 1);
    if ((unsigned)clip->split >= VALENCE_N_SPLITS || isinf(clip->label))
        return fail(error, VALENCE_ERROR_DATA, "clip '%s': no usable split or label", clip->id);
    if (writer->n_clips >= STORE_MAX_CLIPS)
        return fail(error, VALENCE_ERROR_LIMIT, "a store holds %d clips", STORE_MAX_CLIPS);
    *bytes = 0;
    unsigned seen = 0;
    for (int i = 0; i < n_streams; i++) {
        size_t stream_bytes;
        int stream = streams[i].stream;
        if (stream < 0 || stream >= writer->n_streams || (seen & 1u << stream))
            return fail(error, VALENCE_ERROR_ARGUMENT, "clip '%s': stream %d is not one to add",
                        clip->id, stream);
        seen |= 1u << stream;
        if (streams[i].n_rows < 0 || streams[i].n_rows > VALENCE_STORE_MAX_ROWS ||
            !rows_bytes(&writer->streams[stream], streams[i].n_rows, &stream_bytes))
            return fail(error, VALENCE_ERROR_LIMIT,
                        "clip '%s': stream '%s' has %lld rows of %lld; a clip holds up to %d rows "
                        "and 4 GiB (cut it into shorter clips)",
                        clip->id, writer->streams[stream].name, (long long)streams[i].n_rows,
                        (long long)writer->streams[stream].width, VALENCE_STORE_MAX_ROWS);
        *bytes += stream_bytes + PAGE_BYTES;
    }
    return VALENCE_OK;
}

static int fail_value(const struct valence_clip *clip, const struct valence_store_stream *stream,
                      float value, int64_t at, struct valence_error *error)
{
    bool finite = isfinite(value);
    return fail_key(error, VALENCE_ERROR_DATA, finite ? "dtype" : "skip",
                    "clip '%s': stream '%s', row %lld, column %lld: %g %s", clip->id, stream->name,
                    (long long)(at / stream->width), (long long)(at % stream->width), value,
                    finite
                        ? "is too large for f16, whose largest value is 65504"
                        : "is not a feature's value (mend the extraction, or leave the clip out)");
}

int store_writer_put_rows(struct valence_store_writer *writer, MDB_txn *txn, uint32_t ordinal,
                          unsigned flags, const struct valence_clip *clip,
                          const struct valence_clip_rows *rows, int *status,
                          struct valence_error *error)
{
    const struct valence_store_stream *stream = &writer->streams[rows->stream];
    struct ordinal_key key = ordinal_encode(ordinal);
    MDB_val name = {sizeof key, &key}, value = {0};
    size_t bytes = 0;
    if (rows->n_rows == 0)
        return 0;
    rows_bytes(stream, rows->n_rows, &bytes);
    value.mv_size = bytes + (writer->version < 2 ? 0 : rows_checksums_bytes(bytes));
    int code = mdb_put(txn, writer->rows[rows->stream], &name, &value, flags | MDB_RESERVE);
    if (code)
        return code;
    int64_t bad =
        rows_encode(rows->rows, rows->n_rows * stream->width, stream->type, value.mv_data);
    if (bad >= 0) {
        *status = fail_value(clip, stream, rows->rows[bad], bad, error);
    } else if (writer->version >= 2) {
        struct rows_key sums = {writer->seeds[rows->stream], ordinal, bytes};
        rows_checksums_write(&sums, value.mv_data);
    }
    return 0;
}

/* Puts the whole clip in a transaction within the batch's, so that a failure leaves nothing of it.
 * Gives LMDB's code. */
static int put_clip(struct valence_store_writer *writer, const struct valence_clip *clip,
                    const struct text *record, const struct valence_clip_rows *streams,
                    int n_streams, int *status, struct valence_error *error)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(writer->env, writer->batch, 0, &txn);
    if (code)
        return code;
    struct ordinal_key ordinal = ordinal_encode((uint32_t)writer->n_clips);
    MDB_val number = {sizeof ordinal, &ordinal};
    MDB_val id = {strlen(clip->id), (void *)(uintptr_t)clip->id};
    MDB_val json = {record->length, record->data};
    code = mdb_put(txn, writer->ids, &id, &number, MDB_NOOVERWRITE);
    if (!code)
        code = mdb_put(txn, writer->clips, &number, &json, MDB_APPEND);
    if (!code)
        code = store_writer_forget_failure(writer, txn, clip->id);
    for (int i = 0; i < n_streams && !code && !*status; i++)
        code = store_writer_put_rows(writer, txn, (uint32_t)writer->n_clips, MDB_APPEND, clip,
                                     &streams[i], status, error);
    if (code || *status)
        mdb_txn_abort(txn);
    else
        code = mdb_txn_commit(txn);
    return code;
}

static int add_record(struct valence_store_writer *writer, const struct valence_clip *clip,
                      struct text *record, const struct valence_clip_rows *streams, int n_streams,
                      size_t bytes, struct valence_error *error)
{
    int status = store_writer_make_room(writer, bytes, error);
    if (status)
        return status;
    int code = put_clip(writer, clip, record, streams, n_streams, &status, error);
    return code ? fail_lmdb(error, code, writer->path, "cannot add a clip") : status;
}

int store_writer_encode_record(const struct valence_store_writer *writer, uint32_t ordinal,
                               const struct valence_clip *clip, int n_streams, struct text *record,
                               struct valence_error *error)
{
    struct ordinal_key key = ordinal_encode(ordinal);
    record->maximum = STORE_MAX_RECORD_BYTES - CHECKSUM_BYTES;
    int status = clip_encode(clip, writer->streams, n_streams, record, error);
    if (status)
        return status;
    record->maximum = STORE_MAX_RECORD_BYTES;
    store_writer_sum(writer, STORE_CLIPS, &key, sizeof key, record);
    return record->failed ? fail_memory(error, record->length, "a clip's record") : VALENCE_OK;
}

int valence_store_writer_add(struct valence_store_writer *writer, const struct valence_clip *clip,
                             const struct valence_clip_rows *streams, int n_streams,
                             struct valence_error *error)
{
    size_t bytes = 0;
    int status = store_writer_need_batch(writer, error);
    if (!status)
        status = check_clip(writer, clip, streams, n_streams, &bytes, error);
    if (status)
        return status;
    if (valence_store_writer_has(writer, clip->id))
        return fail(error, VALENCE_ERROR_EXISTS, "clip '%s' is in the store already", clip->id);
    if (!writer->state.is_known || writer->state.is_finished) /* from here on it is not */
        status = store_writer_put_state(writer, false, error);
    if (status)
        return status;
    struct valence_clip recorded = *clip;
    memset(recorded.n_rows, 0, sizeof recorded.n_rows);
    for (int i = 0; i < n_streams; i++)
        recorded.n_rows[streams[i].stream] = streams[i].n_rows;
    struct text record = {.maximum = 0};
    status = store_writer_encode_record(writer, (uint32_t)writer->n_clips, &recorded,
                                        writer->n_streams, &record, error);
    bytes += record.length + PAGE_BYTES;
    if (!status)
        status = add_record(writer, clip, &record, streams, n_streams, bytes, error);
    text_free(&record);
    if (status)
        return status;
    writer->n_clips++;
    writer->batch_bytes += bytes;
    return ++writer->batch_clips >= COMMIT_CLIPS || writer->batch_bytes >= COMMIT_BYTES
               ? valence_store_writer_commit(writer, error)
               : VALENCE_OK;
}

int valence_store_writer_finish(struct valence_store_writer *writer, struct valence_error *error)
{
    int status = store_writer_need_batch(writer, error);
    const struct store_state *state = &writer->state;
    if (!status && !(state->is_known && state->is_finished && state->n_clips == writer->n_clips))
        status = store_writer_put_state(writer, true, error);
    return status ? status : valence_store_writer_commit(writer, error);
}

int valence_store_writer_close(struct valence_store_writer *writer, struct valence_error *error)
{
    if (!writer)
        return VALENCE_OK;
    int status = valence_store_writer_commit(writer, error);
    store_writer_release(writer);
    return status;
}
