/* Opening a store to write to it: the lock, the checks of what is there, the databases. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/options.h"
#include "store/lmdb_tree.h"
#include "store/store_inside.h"
#include "store/store_writer_inside.h"

#define FIRST_MAP_BYTES ((size_t)256 << 20)

static int lock_folder(struct valence_store_writer *writer, struct valence_error *error)
{
    writer->made_folder = !path_exists(writer->path);
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
            status = fail(
                error, VALENCE_ERROR_EXISTS,
                "%s: holds '%s', so no store can be made there (name a folder that does not exist)",
                writer->path, name);
    }
    closedir(folder);
    return status;
}

int store_look_at_data(const char *data_path, bool *is_new, struct valence_error *error)
{
    *is_new = true;
    int descriptor;
    size_t bytes;
    int status = file_open(data_path, &descriptor, &bytes, error);
    if (status)
        return status == VALENCE_ERROR_NOT_FOUND ? VALENCE_OK : status;
    if (bytes > 0) {
        struct lmdb_file file;
        status = lmdb_file_open(&file, descriptor, data_path, LMDB_ANY_TRANSACTION, error);
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
        return fail_key(error, VALENCE_ERROR_SHAPE, "overwrite",
                        "%s: the store has %d streams, not %d", valence_store_path(store),
                        valence_store_n_streams(store), n_streams);
    for (int i = 0; i < n_streams; i++) {
        const struct valence_store_stream *have = valence_store_get_stream(store, i);
        if (strcmp(have->name, streams[i].name) != 0 || have->width != streams[i].width ||
            have->type != streams[i].type)
            return fail_key(error, VALENCE_ERROR_SHAPE, "overwrite",
                            "%s: the store's stream %d is '%s' of %lld %s, not '%s' of %lld %s",
                            valence_store_path(store), i, have->name, (long long)have->width,
                            valence_dtype_names[have->type], streams[i].name,
                            (long long)streams[i].width, valence_dtype_names[streams[i].type]);
    }
    return VALENCE_OK;
}

/* Reading the whole store is also what makes it safe to let LMDB write to it. *is_other: it has
 * other streams or cannot be read, and may be replaced. */
static int check_store(struct valence_store_writer *writer, bool *is_other,
                       struct valence_error *error)
{
    struct valence_store_options options;
    struct valence_store *store;
    valence_store_options_default(&options);
    options.accept_unfinished = true;
    int status = valence_store_open(writer->path, &options, &store, error);
    *is_other = status == VALENCE_ERROR_FORMAT && writer->overwrite;
    if (status)
        return *is_other ? check_folder_is_free(writer, error) : status;
    status = check_same_streams(store, writer->streams, writer->n_streams, error);
    if (!status && store->added.is_there && !writer->adds_stream)
        status = fail(error, VALENCE_ERROR_BUSY,
                      "%s: stream '%s' is being added to it (do that again, to its end, before you "
                      "add clips)",
                      writer->path, store->added.stream.name);
    writer->state = store->state;
    writer->version = store->version; /* what is old stays so: its values have no checksums */
    writer->n_clips = writer->n_committed = valence_store_n_clips(store);
    *is_other = status == VALENCE_ERROR_SHAPE && store_writer_may_replace(writer);
    const char *source = valence_store_source(store);
    if (!status && source[0] != '\0' && !(writer->source = strdup(source)))
        status = fail_memory(error, strlen(source), "a store's source");
    valence_store_close(store);
    return *is_other ? VALENCE_OK : status;
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
    format_encode(writer->version, writer->streams, writer->n_streams, &json);
    int status = store_writer_put_meta(writer, STORE_KEY_FORMAT, &json, error);
    text_free(&json);
    return status ? status : store_writer_put_state(writer, false, error);
}

/* Opens LMDB on what is there or, where `is_new`, makes it. */
static int open_environment(struct valence_store_writer *writer, bool is_new,
                            struct valence_error *error)
{
    int status = store_env_open(writer->path, 0, FIRST_MAP_BYTES, &writer->env, error);
    if (status)
        return status;
    MDB_envinfo info;
    mdb_env_info(writer->env, &info); /* LMDB raises the map to what the file holds already */
    writer->map_bytes = info.me_mapsize;
    writer->mapped_bytes = 0;
    status = store_writer_begin(writer, error);
    if (!status)
        status = open_databases(writer, error);
    if (!status && is_new)
        status = write_format(writer, error);
    /* Handles of databases end with a transaction that fails: these now outlive every one. */
    return status ? status : valence_store_writer_commit(writer, error);
}

bool store_writer_may_replace(const struct valence_store_writer *writer)
{
    bool unfinished = writer->state.is_known && !writer->state.is_finished;
    return writer->overwrite || (writer->replace_unfinished && unfinished);
}

int store_writer_restart(struct valence_store_writer *writer, struct valence_error *error)
{
    char *lock_path = path_join(writer->path, STORE_LOCK_FILE);
    if (!lock_path)
        return fail_memory(error, strlen(writer->path), "a path");
    mdb_txn_abort(writer->batch);
    mdb_env_close(writer->env);
    free(writer->source);
    writer->batch = NULL;
    writer->env = NULL;
    writer->source = NULL;
    writer->n_clips = 0;
    writer->version = STORE_VERSION;
    writer->replaced = writer->made_store = true;
    writer->n_committed = 0;
    /* The data first: LMDB's lock file alone is not a store and does no harm. */
    int status = VALENCE_OK;
    if (unlink(writer->data_path) != 0 && errno != ENOENT)
        status = fail_errno(error, errno, "%s: cannot remove", writer->data_path);
    else if (unlink(lock_path) != 0 && errno != ENOENT)
        status = fail_errno(error, errno, "%s: cannot remove", lock_path);
    free(lock_path);
    return status ? status : open_environment(writer, true, error);
}

static int open_writer(struct valence_store_writer *writer, struct valence_error *error)
{
    bool is_new = false, is_other = false;
    int status = lock_folder(writer, error);
    if (!status)
        status = store_look_at_data(writer->data_path, &is_new, error);
    if (status == VALENCE_ERROR_FORMAT && writer->overwrite) {
        is_new = false; /* but damaged: check_store() finds that, too */
        status = VALENCE_OK;
    }
    if (!status)
        status =
            is_new ? check_folder_is_free(writer, error) : check_store(writer, &is_other, error);
    if (status)
        return status;
    writer->made_store = is_new;
    return is_other ? store_writer_restart(writer, error) : open_environment(writer, is_new, error);
}

void valence_store_writer_options_default(struct valence_store_writer_options *options)
{
    *options = (struct valence_store_writer_options){.size = sizeof *options};
}

int valence_store_writer_open(const char *path, const struct valence_store_stream *streams,
                              int n_streams, const struct valence_store_writer_options *options,
                              struct valence_store_writer **opened, struct valence_error *error)
{
    return store_writer_open(path, streams, n_streams, options, false, opened, error);
}

int store_writer_open(const char *path, const struct valence_store_stream *streams, int n_streams,
                      const struct valence_store_writer_options *given, bool adds_stream,
                      struct valence_store_writer **opened, struct valence_error *error)
{
    struct valence_store_writer_options options;
    *opened = NULL;
    valence_store_writer_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (!status)
        status = streams_check(streams, n_streams, error);
    if (status)
        return status;
    struct valence_store_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return fail_memory(error, sizeof *writer, path);
    writer->folder = -1;
    writer->version = STORE_VERSION;
    writer->replace_unfinished = options.replace_unfinished;
    writer->overwrite = options.overwrite;
    writer->adds_stream = adds_stream;
    writer->n_streams = n_streams;
    if (n_streams > 0)
        memcpy(writer->streams, streams, (size_t)n_streams * sizeof *streams);
    for (int i = 0; i < n_streams; i++)
        writer->seeds[i] = stream_seed(streams[i].name);
    writer->path = strdup(path);
    writer->data_path = path_join(path, STORE_DATA_FILE);
    status = writer->path && writer->data_path ? open_writer(writer, error)
                                               : fail_memory(error, strlen(path), "a path");
    writer->has_failed = status != VALENCE_OK;
    if (status)
        store_writer_release(writer);
    else
        *opened = writer;
    return status;
}

bool valence_store_writer_replaced(const struct valence_store_writer *writer)
{
    return writer->replaced;
}
