/* Adding shards: their files are copied, then the index is replaced as a whole. */
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
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "store/store_inside.h"
#include "store/store_shards.h"

#define COPY_BYTES ((size_t)1 << 20)

static int copy_bytes(const struct valence_store *store, FILE *out, char digest[SHA256_TEXT_BYTES],
                      char *buffer, struct valence_error *error)
{
    struct sha256 sha;
    struct stat file;
    sha256_begin(&sha);
    if (fstat(store->descriptor, &file) != 0)
        return fail_errno(error, errno, "%s: cannot be looked at", store->data_path);
    for (int64_t done = 0; done < (int64_t)file.st_size;) {
        int64_t left = (int64_t)file.st_size - done;
        size_t n = left < (int64_t)COPY_BYTES ? (size_t)left : COPY_BYTES;
        int status =
            file_read_at(store->descriptor, store->data_path, (uint64_t)done, buffer, n, error);
        if (status)
            return status;
        sha256_add(&sha, buffer, n);
        if (out)
            fwrite(buffer, 1, n, out); /* the commit says what failed */
        done += (int64_t)n;
    }
    sha256_end(&sha, digest);
    return VALENCE_OK;
}

int store_shard_copy(const struct valence_store *store, const char *to,
                     char digest[SHA256_TEXT_BYTES], struct valence_error *error)
{
    struct file_writer writer;
    char *buffer = malloc(COPY_BYTES);
    if (!buffer)
        return fail_memory(error, COPY_BYTES, "copying a store");
    int status = to ? file_write_begin(&writer, to, FILE_OVERWRITE, error) : VALENCE_OK;
    if (!status) {
        status = copy_bytes(store, to ? writer.stream : NULL, digest, buffer, error);
        if (to && status)
            file_write_abort(&writer);
        else if (to)
            status = file_write_commit(&writer, error);
    }
    free(buffer);
    return status;
}

/* ---- The new index ---- */

static json_t *entry_of(const struct store_shard *shard)
{
    return json_pack("{s:s, s:I, s:I, s:s}", "folder", shard->folder, "clips",
                     (json_int_t)shard->n_clips, "bytes", (json_int_t)shard->n_bytes, "sha256",
                     shard->digest);
}

/* One store's data file as the next shard, and its entry. */
static int add_shard(const char *to, const struct valence_store *store, json_t *list,
                     struct valence_error *error)
{
    struct store_shard shard = {.n_clips = store->n_clips};
    struct stat file;
    snprintf(shard.folder, sizeof shard.folder, "shard-%06zu", json_array_size(list) + 1);
    char *folder = path_join(to, shard.folder), *data = NULL;
    if (folder)
        data = path_join(folder, STORE_DATA_FILE);
    int status = data ? VALENCE_OK : fail_memory(error, strlen(to), "a path");
    if (!status && mkdir(folder, 0777) != 0 && errno != EEXIST)
        status = fail_errno(error, errno, "%s: cannot be made", folder);
    if (!status)
        status = store_shard_copy(store, data, shard.digest, error);
    if (!status && stat(data, &file) != 0)
        status = fail_errno(error, errno, "%s: cannot be looked at", data);
    if (!status)
        shard.n_bytes = (int64_t)file.st_size;
    if (!status && json_array_append_new(list, entry_of(&shard)) != 0)
        status = fail_memory(error, 256, "the index of the shards");
    free(folder);
    free(data);
    return status;
}

/* A store that is sharded itself gives its shards. */
static int add_store(const char *to, const struct valence_store *store, json_t *list,
                     struct valence_error *error)
{
    int status = VALENCE_OK;
    if (!store->n_shards)
        return add_shard(to, store, list, error);
    for (int i = 0; i < store->n_shards && !status; i++)
        status = add_shard(to, store->shards[i].store, list, error);
    return status;
}

static int write_index(const char *to, json_t *list, struct valence_error *error)
{
    struct file_writer writer;
    char *name = path_join(to, STORE_SHARDS_FILE);
    json_t *index =
        json_pack("{s:s, s:i, s:O}", "format", "valence-shards", "version", 1, "shards", list);
    int status = name && index ? file_write_begin(&writer, name, FILE_OVERWRITE, error)
                               : fail_memory(error, 4096, "the index of the shards");
    if (!status && json_dumpf(index, writer.stream, JSON_INDENT(1)) != 0) {
        status = fail_errno(error, errno, "%s: cannot be written", name);
        file_write_abort(&writer);
    } else if (!status) {
        fputc('\n', writer.stream);
        status = file_write_commit(&writer, error);
    }
    json_decref(index);
    free(name);
    return status;
}

/* The shards that are there, in *list, and whether the new stores go with them. */
static int read_present(const char *to, struct valence_store *const *stores, int n, json_t *list,
                        int64_t *n_clips, struct valence_error *error)
{
    struct valence_store *present;
    if (!store_is_sharded(to))
        return VALENCE_OK;
    int status = valence_store_open(to, NULL, &present, error);
    if (status)
        return status;
    for (int i = 0; i < n && !status; i++)
        status = store_check_fits(present, stores[i], error);
    for (int i = 0; i < n && !status; i++)
        for (int64_t clip = 0; clip < stores[i]->n_clips && !status; clip++)
            if (valence_store_find_clip(present, stores[i]->clips[clip].id) >= 0)
                status = fail(error, VALENCE_ERROR_EXISTS, "%s: the clip '%s' is in %s already",
                              stores[i]->path, stores[i]->clips[clip].id, to);
    for (int i = 0; i < present->n_shards && !status; i++)
        if (json_array_append_new(list, entry_of(&present->shards[i])) != 0)
            status = fail_memory(error, 256, "the index of the shards");
    *n_clips += present->n_clips;
    valence_store_close(present);
    return status;
}

/* Makes the folder if need be, and keeps others out who add to it: two at once would write the same
 * shard. The lock goes with the process, however that ends. */
static int open_folder(const char *to, bool *is_new, int *lock, struct valence_error *error)
{
    *is_new = mkdir(to, 0777) == 0;
    if (!*is_new && errno != EEXIST)
        return fail_errno(error, errno, "%s: cannot be made", to);
    *lock = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return fail_errno(error, errno, "%s: cannot be opened", to);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return VALENCE_OK;
    return errno == EWOULDBLOCK ? fail(error, VALENCE_ERROR_BUSY,
                                       "%s: another process adds shards (wait for it)", to)
                                : fail_errno(error, errno, "%s: cannot be locked", to);
}

static int add_stores(const char *to, struct valence_store *const *stores, int n,
                      const struct valence_progress *progress, int64_t *n_clips,
                      struct valence_error *error)
{
    json_t *list = json_array();
    int status = list ? read_present(to, stores, n, list, n_clips, error)
                      : fail_memory(error, 256, "the index of the shards");
    for (int i = 0; i < n && !status; i++) {
        struct valence_progress_event event = {"copying", i, n, "stores", stores[i]->path};
        if (progress && progress->report(progress->user, &event))
            status =
                fail(error, VALENCE_ERROR_CANCELLED, "merging was interrupted; do the same again");
        else
            status = add_store(to, stores[i], list, error);
        *n_clips += stores[i]->n_clips;
    }
    if (!status)
        status = write_index(to, list, error);
    json_decref(list);
    return status;
}

int store_shards_add(const char *to, struct valence_store *const *stores, int n,
                     const struct valence_progress *progress, int64_t *n_clips,
                     struct valence_error *error)
{
    bool is_new = false;
    int lock = -1;
    int64_t all = 0;
    int status = open_folder(to, &is_new, &lock, error);
    if (!status)
        status = add_stores(to, stores, n, progress, &all, error);
    if (status && is_new)
        (void)rmdir(to); /* where nothing was copied */
    if (lock >= 0)
        close(lock);
    *n_clips = all;
    return status;
}
