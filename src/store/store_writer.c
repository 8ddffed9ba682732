#include "store/store_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "store/lmdb_tree.h"
#include "store/rows.h"
#include "store/store_env.h"
#include "store/store_layout.h"

/* What is added between two commits: it is held in memory, and lost when the process is killed. */
#define COMMIT_BYTES (64 << 20)
#define COMMIT_CLIPS 1000

#define FIRST_MAP_BYTES ((size_t)256 << 20)
#define PAGE_BYTES      4096 /* for sums of sizes only */

struct valence_store_writer {
    char *path, *data_path;
    int folder; /* its flock() keeps other writers out, and goes with the process however that ends */
    MDB_env *env;
    MDB_txn *batch;
    MDB_dbi meta, clips, ids, rows[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    int n_streams;
    char *source;
    int64_t n_clips;
    size_t map_bytes;
    size_t batch_bytes;
    int64_t batch_clips;
};

int64_t store_writer_n_clips(const struct valence_store_writer *writer)
{
    return writer->n_clips;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int lock_folder(struct valence_store_writer *writer, struct valence_error *error)
{
    int status = make_folders(writer->path, error);
    if (status)
        return status;
    writer->folder = open(writer->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (writer->folder < 0)
        return fail_errno(error, errno, "%s: cannot open", writer->path);
    if (flock(writer->folder, LOCK_EX | LOCK_NB) == 0)
        return VALENCE_OK;
    return errno == EWOULDBLOCK
               ? fail(error, VALENCE_ERROR_BUSY,
                      "%s: another process is writing to this store (wait for it, or end it)",
                      writer->path)
               : fail_errno(error, errno, "%s: cannot lock", writer->path);
}

/* A store is made only where nothing is: LMDB's files would mix with what lies there. */
static int check_folder_is_free(const struct valence_store_writer *writer,
                                struct valence_error *error)
{
    DIR *folder = opendir(writer->path);
    if (!folder)
        return fail_errno(error, errno, "%s: cannot list", writer->path);
    int status = VALENCE_OK;
    for (struct dirent *entry; !status && (entry = readdir(folder));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            strcmp(name, STORE_DATA_FILE) != 0 && strcmp(name, STORE_LOCK_FILE) != 0)
            status = fail(error, VALENCE_ERROR_EXISTS,
                          "%s: holds '%s' and is no store (name a folder that does not exist)",
                          writer->path, name);
    }
    closedir(folder);
    return status;
}

/* *is_new: nothing was ever committed to it. */
static int look_at_data(const struct valence_store_writer *writer, bool *is_new,
                        struct valence_error *error)
{
    *is_new = true;
    struct stat file_status;
    int descriptor = open(writer->data_path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == ENOENT ? VALENCE_OK
                               : fail_errno(error, errno, "%s: cannot open", writer->data_path);
    int status = VALENCE_OK;
    if (fstat(descriptor, &file_status) != 0)
        status = fail_errno(error, errno, "%s: cannot read its size", writer->data_path);
    else if (file_status.st_size > 0) {
        struct lmdb_file file;
        status = lmdb_file_open(&file, descriptor, writer->data_path, LMDB_ANY_TRANSACTION, error);
        *is_new = lmdb_is_empty(&file.main);
        lmdb_file_close(&file);
    }
    close(descriptor);
    return status;
}

static int check_same_streams(const struct valence_store *store,
                              const struct valence_store_stream *streams, int n_streams,
                              struct valence_error *error)
{
    if (valence_store_n_streams(store) != n_streams)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: the store has %d streams, not %d",
                    valence_store_path(store), valence_store_n_streams(store), n_streams);
    for (int i = 0; i < n_streams; i++) {
        const struct valence_store_stream *have = valence_store_stream(store, i);
        if (strcmp(have->name, streams[i].name) != 0 || have->width != streams[i].width ||
            have->type != streams[i].type)
            return fail(error, VALENCE_ERROR_SHAPE,
                        "%s: the store's stream %d is '%s' of %lld %s, not '%s' of %lld %s (import "
                        "into another store)",
                        valence_store_path(store), i, have->name, (long long)have->width,
                        valence_dtype_names[have->type], streams[i].name,
                        (long long)streams[i].width, valence_dtype_names[streams[i].type]);
    }
    return VALENCE_OK;
}

/* Reading the whole store is also what makes it safe to let LMDB write to it. */
static int check_store(struct valence_store_writer *writer, struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(writer->path, &store, error);
    if (status)
        return status;
    status = check_same_streams(store, writer->streams, writer->n_streams, error);
    writer->n_clips = valence_store_n_clips(store);
    const char *source = valence_store_source(store);
    if (!status && source[0] != '\0' && !(writer->source = strdup(source)))
        status = fail_memory(error, strlen(source), "a store's source");
    valence_store_close(store);
    return status;
}

static int begin_batch(struct valence_store_writer *writer, struct valence_error *error)
{
    writer->batch_bytes = 0;
    writer->batch_clips = 0;
    int code = mdb_txn_begin(writer->env, NULL, 0, &writer->batch);
    if (!code)
        return VALENCE_OK;
    writer->batch = NULL;
    return fail_lmdb(error, code, writer->path, "cannot begin writing");
}

/* The named databases, made where the store is new. */
static int open_databases(struct valence_store_writer *writer, struct valence_error *error)
{
    MDB_txn *txn = writer->batch;
    int code = mdb_dbi_open(txn, STORE_META, MDB_CREATE, &writer->meta);
    if (!code)
        code = mdb_dbi_open(txn, STORE_CLIPS, MDB_CREATE, &writer->clips);
    if (!code)
        code = mdb_dbi_open(txn, STORE_IDS, MDB_CREATE, &writer->ids);
    for (int i = 0; i < writer->n_streams && !code; i++) {
        char name[sizeof STORE_STREAM_PREFIX + VALENCE_STORE_NAME_BYTES];
        snprintf(name, sizeof name, STORE_STREAM_PREFIX "%s", writer->streams[i].name);
        code = mdb_dbi_open(txn, name, MDB_CREATE, &writer->rows[i]);
    }
    return code ? fail_lmdb(error, code, writer->path, "cannot open its databases") : VALENCE_OK;
}

static int write_format(struct valence_store_writer *writer, struct valence_error *error)
{
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    format_encode(writer->streams, writer->n_streams, &json);
    int status = json.failed
                     ? fail_memory(error, json.maximum, "a store's format")
                     : valence_store_writer_set_meta(writer, STORE_KEY_FORMAT, json.data, error);
    text_free(&json);
    return status;
}

static int open_writer(struct valence_store_writer *writer, struct valence_error *error)
{
    bool is_new;
    int status = lock_folder(writer, error);
    if (!status)
        status = look_at_data(writer, &is_new, error);
    if (!status)
        status = is_new ? check_folder_is_free(writer, error) : check_store(writer, error);
    if (!status)
        status = store_env_open(writer->path, 0, FIRST_MAP_BYTES, &writer->env, error);
    if (status)
        return status;
    MDB_envinfo info;
    mdb_env_info(writer->env, &info); /* LMDB raises the map to what the file holds already */
    writer->map_bytes = info.me_mapsize;
    status = begin_batch(writer, error);
    if (!status)
        status = open_databases(writer, error);
    if (!status && is_new)
        status = write_format(writer, error);
    /* Handles of databases end with a transaction that fails: these now outlive every one. */
    return status ? status : valence_store_writer_commit(writer, error);
}

/* Without committing. */
static void release(struct valence_store_writer *writer)
{
    mdb_txn_abort(writer->batch);
    mdb_env_close(writer->env);
    if (writer->folder >= 0)
        close(writer->folder);
    free(writer->source);
    free(writer->data_path);
    free(writer->path);
    free(writer);
}

int valence_store_writer_open(const char *path, const struct valence_store_stream *streams,
                              int n_streams, struct valence_store_writer **opened,
                              struct valence_error *error)
{
    *opened = NULL;
    int status = streams_check(streams, n_streams, error);
    if (status)
        return status;
    struct valence_store_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return fail_memory(error, sizeof *writer, path);
    writer->folder = -1;
    writer->n_streams = n_streams;
    memcpy(writer->streams, streams, (size_t)n_streams * sizeof *streams);
    writer->path = strdup(path);
    writer->data_path = path_join(path, STORE_DATA_FILE);
    status = writer->path && writer->data_path ? open_writer(writer, error)
                                               : fail_memory(error, strlen(path), "a path");
    if (status)
        release(writer);
    else
        *opened = writer;
    return status;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static int need_batch(const struct valence_store_writer *writer, struct valence_error *error)
{
    return writer->batch ? VALENCE_OK
                         : fail(error, VALENCE_ERROR_IO,
                                "%s: an earlier write failed; nothing more is added", writer->path);
}

/* Whether a write of `bytes` can have been cut short by a full disk or a limit: LMDB says EIO then. */
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
    int status = need_batch(writer, error);
    if (status)
        return status;
    int code = mdb_txn_commit(writer->batch);
    writer->batch = NULL;
    if (code == EIO && room_is_short(writer, writer->batch_bytes))
        code = ENOSPC;
    if (code)
        return fail_lmdb(error, code, writer->path,
                         "cannot write (what was written before is kept; importing again goes on "
                         "after it)");
    return begin_batch(writer, error);
}

/* LMDB's map must be as large as the file becomes; it can be changed between transactions only. */
static int grow_map(struct valence_store_writer *writer, size_t bytes, struct valence_error *error)
{
    int status = valence_store_writer_commit(writer, error);
    if (status)
        return status;
    mdb_txn_abort(writer->batch);
    writer->batch = NULL;
    size_t more = writer->map_bytes / 2;
    if (more < 2 * bytes)
        more = 2 * bytes;
    writer->map_bytes += (more + PAGE_BYTES * 16 - 1) / (PAGE_BYTES * 16) * (PAGE_BYTES * 16);
    int code = mdb_env_set_mapsize(writer->env, writer->map_bytes);
    return code ? fail_lmdb(error, code, writer->path, "cannot enlarge its map")
                : begin_batch(writer, error);
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

int valence_store_writer_set_meta(struct valence_store_writer *writer, const char *key,
                                  const char *json, struct valence_error *error)
{
    int status = need_batch(writer, error);
    if (status)
        return status;
    MDB_val name = {strlen(key), (void *)(uintptr_t)key};
    MDB_val value = {strlen(json), (void *)(uintptr_t)json};
    if (value.mv_size > STORE_MAX_RECORD_BYTES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: '%s' is longer than %d bytes", writer->path,
                    key, STORE_MAX_RECORD_BYTES);
    int code = mdb_put(writer->batch, writer->meta, &name, &value, 0);
    return code ? fail_lmdb(error, code, writer->path, "cannot write its description") : VALENCE_OK;
}

int store_writer_set_source(struct valence_store_writer *writer, json_t *source,
                            struct valence_error *error)
{
    char *json = source ? json_dumps(source, JSON_REAL_PRECISION(15)) : NULL;
    int status = VALENCE_OK;
    if (!json)
        status = fail_memory(error, 0, "a store's source");
    else if (!writer->source)
        status = valence_store_writer_set_meta(writer, STORE_KEY_SOURCE, json, error);
    else
        status = source_compare(writer->source, source, writer->path, error);
    free(json);
    json_decref(source);
    return status;
}

/* Everything about a clip that can be wrong but its values. *bytes: what it adds to the store, about. */
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
    return fail(error, VALENCE_ERROR_DATA, "clip '%s': stream '%s', row %lld, column %lld: %g %s",
                clip->id, stream->name, (long long)(at / stream->width),
                (long long)(at % stream->width), value,
                finite ? "is too large for f16 (store it with --dtype f32)"
                       : "is not a feature's value (mend the extraction, or leave the clip out)");
}

/* LMDB's code; *status is set where a value is the trouble. */
static int put_rows(struct valence_store_writer *writer, MDB_txn *txn, MDB_val *key,
                    const struct valence_clip *clip, const struct valence_clip_rows *rows,
                    int *status, struct valence_error *error)
{
    const struct valence_store_stream *stream = &writer->streams[rows->stream];
    MDB_val value = {0};
    if (rows->n_rows == 0)
        return 0;
    rows_bytes(stream, rows->n_rows, &value.mv_size);
    int code = mdb_put(txn, writer->rows[rows->stream], key, &value, MDB_APPEND | MDB_RESERVE);
    if (code)
        return code;
    int64_t bad =
        rows_encode(rows->rows, rows->n_rows * stream->width, stream->type, value.mv_data);
    if (bad >= 0)
        *status = fail_value(clip, stream, rows->rows[bad], bad, error);
    return 0;
}

/* Puts the whole clip in a transaction within the batch's, so that a failure leaves nothing of it. Gives LMDB's code. */
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
    for (int i = 0; i < n_streams && !code && !*status; i++)
        code = put_rows(writer, txn, &number, clip, &streams[i], status, error);
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
    int status = VALENCE_OK;
    int code = put_clip(writer, clip, record, streams, n_streams, &status, error);
    while (code == MDB_MAP_FULL || code == MDB_TXN_FULL) {
        status = grow_map(writer, bytes, error);
        if (status)
            return status;
        code = put_clip(writer, clip, record, streams, n_streams, &status, error);
    }
    return code ? fail_lmdb(error, code, writer->path, "cannot add a clip") : status;
}

int valence_store_writer_add(struct valence_store_writer *writer, const struct valence_clip *clip,
                             const struct valence_clip_rows *streams, int n_streams,
                             struct valence_error *error)
{
    size_t bytes = 0;
    int status = need_batch(writer, error);
    if (!status)
        status = check_clip(writer, clip, streams, n_streams, &bytes, error);
    if (status)
        return status;
    if (valence_store_writer_has(writer, clip->id))
        return fail(error, VALENCE_ERROR_EXISTS, "clip '%s' is in the store already", clip->id);
    struct valence_clip recorded = *clip;
    memset(recorded.n_rows, 0, sizeof recorded.n_rows);
    for (int i = 0; i < n_streams; i++)
        recorded.n_rows[streams[i].stream] = streams[i].n_rows;
    struct text record = {.maximum = STORE_MAX_RECORD_BYTES};
    status = clip_encode(&recorded, writer->streams, writer->n_streams, &record, error);
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

int valence_store_writer_close(struct valence_store_writer *writer, struct valence_error *error)
{
    if (!writer)
        return VALENCE_OK;
    int status = valence_store_writer_commit(writer, error);
    release(writer);
    return status;
}
