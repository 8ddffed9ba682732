/* Opening a store to read it: everything but the rows is checked and loaded here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "format/json_failure.h"
#include "store/store_inside.h"
#include "store/store_shards.h"
#include "valence/text.h"

/* The named databases, as the main tree lists them. */
struct databases {
    const struct lmdb_file *file;
    int n;
    struct lmdb_tree trees[STORE_MAX_DATABASES];
    char names[STORE_MAX_DATABASES][sizeof STORE_STREAM_PREFIX + VALENCE_STORE_NAME_BYTES];
};

/* ---- Records ---- */

static bool key_is(const struct lmdb_entry *entry, const char *name)
{
    return entry->key_size == strlen(name) && memcmp(entry->key, name, entry->key_size) == 0;
}

/* An entry's value as a NUL-terminated text in *text (free() it), without its checksum, which is
 * checked. */
static int read_record(const struct valence_store *store, const char *database,
                       const struct lmdb_entry *entry, char **text, size_t *size,
                       struct valence_error *error)
{
    size_t checked = store->version < 2 ? 0 : CHECKSUM_BYTES;
    *text = NULL;
    *size = 0;
    if (entry->size > STORE_MAX_RECORD_BYTES || entry->size < checked)
        return fail(error, VALENCE_ERROR_FORMAT, "it has %zu bytes", entry->size);
    char *copy = malloc(entry->size + 1);
    if (!copy)
        return fail_memory(error, entry->size, store->data_path);
    int status = VALENCE_OK;
    if (entry->bytes)
        memcpy(copy, entry->bytes, entry->size);
    else
        status = lmdb_read(&store->file, entry->offset, copy, entry->size, error);
    *size = entry->size - checked;
    if (!status && checked &&
        text_checksum(database, entry->key, entry->key_size, copy, *size) !=
            checksum_decode(copy + *size))
        status = fail(error, VALENCE_ERROR_FORMAT,
                      "it differs from its checksum: the file is damaged (restore a copy, or "
                      "import again)");
    copy[*size] = '\0';
    if (status)
        free(copy);
    else
        *text = copy;
    return status;
}

static int visit_database(void *user, const struct lmdb_entry *entry, struct valence_error *error)
{
    struct databases *databases = user;
    if (databases->n == STORE_MAX_DATABASES || entry->key_size >= sizeof databases->names[0])
        return fail(error, VALENCE_ERROR_FORMAT, "%s: an LMDB file, but not a valence store",
                    databases->file->path);
    memcpy(databases->names[databases->n], entry->key, entry->key_size);
    return lmdb_tree_decode(databases->file, entry, &databases->trees[databases->n++], error);
}

/* Takes over `text`. What is no JSON object describes nothing. */
static int take_source(struct valence_store *store, char *text, size_t size,
                       struct valence_error *error)
{
    json_error_t parse;
    free(store->source);
    json_decref(store->source_json);
    store->source = text;
    store->source_json = json_loadb(text, size, 0, &parse);
    if (!store->source_json &&
        fail_json(&parse, NULL, VALENCE_ERROR_FORMAT, " ") == VALENCE_ERROR_MEMORY)
        return fail_memory(error, size, "a store's source");
    if (!json_is_object(store->source_json)) {
        json_decref(store->source_json);
        store->source_json = NULL;
    }
    return VALENCE_OK;
}

static bool is_failure(const struct lmdb_entry *entry)
{
    size_t length = strlen(STORE_FAILURE_PREFIX);
    return entry->key_size > length && memcmp(entry->key, STORE_FAILURE_PREFIX, length) == 0;
}

static int take_failure(struct valence_store *store, const struct lmdb_entry *entry,
                        const char *text, size_t size, struct valence_error *error)
{
    size_t before = strlen(STORE_FAILURE_PREFIX);
    int status =
        grow_array((void **)&store->failures, &store->failure_capacity, store->n_failures + 1,
                   sizeof *store->failures, STORE_MAX_CLIPS, "failures", error);
    if (!status)
        status = failure_decode((const char *)entry->key + before, entry->key_size - before, text,
                                size, &store->failures[store->n_failures], error);
    store->n_failures += !status;
    return status;
}

/* "format" comes before the other keys that mean something: 'f' is their first letter. */
static int visit_meta(void *user, const struct lmdb_entry *entry, struct valence_error *error)
{
    struct valence_store *store = user;
    bool is_format = key_is(entry, STORE_KEY_FORMAT);
    char *text = NULL;
    size_t size;
    if (!is_format && store->n_streams < 0)
        return VALENCE_OK;
    int status = read_record(store, STORE_META, entry, &text, &size, error);
    if (status) {
        /* said below */
    } else if (is_format) {
        status =
            format_decode(text, size, &store->version, store->streams, &store->n_streams, error);
    } else if (key_is(entry, STORE_KEY_SOURCE)) {
        status = take_source(store, text, size, error);
        text = NULL;
    } else if (key_is(entry, STORE_KEY_STATE)) {
        status = state_decode(text, size, &store->state, error);
    } else if (key_is(entry, STORE_KEY_LABEL_SCALE)) {
        status = label_scale_decode(text, size, &store->scale, error);
        store->has_scale = !status;
    } else if (key_is(entry, STORE_KEY_NEW_STREAM)) {
        status = new_stream_decode(text, size, &store->added, error);
    } else if (is_failure(entry)) {
        status = take_failure(store, entry, text, size, error);
    }
    free(text);
    return status ? fail_within(status, error, "%s: '%.*s'", store->data_path, (int)entry->key_size,
                                (const char *)entry->key)
                  : VALENCE_OK;
}

static int visit_clip(void *user, const struct lmdb_entry *entry, struct valence_error *error)
{
    struct valence_store *store = user;
    int64_t ordinal = store->n_clips;
    if (entry->key_size != sizeof(struct ordinal_key) || ordinal_decode(entry->key) != ordinal)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the record of clip %lld is missing",
                    store->data_path, (long long)ordinal);
    char *text = NULL;
    size_t size;
    void *clips = store->clips;
    int status = grow_array(&clips, &store->clip_capacity, ordinal + 1, sizeof *store->clips,
                            STORE_MAX_CLIPS, "clips", error);
    store->clips = clips;
    if (!status)
        status = read_record(store, STORE_CLIPS, entry, &text, &size, error);
    if (!status)
        status = clip_decode(text, size, store->streams, store->n_streams + store->added.is_there,
                             &store->clips[ordinal], error);
    free(text);
    if (status)
        return fail_within(status, error, "%s: record of clip %lld", store->data_path,
                           (long long)ordinal);
    if (store->added.is_there)
        store->clips[ordinal].n_rows[store->n_streams] = 0;
    store->n_clips++;
    return VALENCE_OK;
}

/* The ids come in the order of their bytes, which is strcmp's: what lookups search in. */
static int visit_id(void *user, const struct lmdb_entry *entry, struct valence_error *error)
{
    struct valence_store *store = user;
    int64_t clip = -1;
    if (entry->bytes && entry->size == sizeof(struct ordinal_key))
        clip = ordinal_decode(entry->bytes);
    if (clip < 0 || clip >= store->n_clips || !key_is(entry, store->clips[clip].id) ||
        store->n_ids == store->n_clips ||
        (store->n_ids > 0 &&
         strcmp(store->clips[store->by_id[store->n_ids - 1]].id, store->clips[clip].id) >= 0))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the table of ids does not fit the clips",
                    store->data_path);
    store->by_id[store->n_ids++] = (int32_t)clip;
    return VALENCE_OK;
}

struct rows_visit {
    struct valence_store *store;
    int stream;
};

static int visit_rows(void *user, const struct lmdb_entry *entry, struct valence_error *error)
{
    const struct rows_visit *visit = user;
    const struct valence_store *store = visit->store;
    int64_t clip = -1;
    if (entry->key_size == sizeof(struct ordinal_key))
        clip = ordinal_decode(entry->key);
    if (clip < 0 || clip >= store->n_clips)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: stream '%s' has rows of no clip",
                    store->data_path, store->streams[visit->stream].name);
    store->places[visit->stream][clip] =
        (struct place){.offset = entry->offset, .size = (uint32_t)entry->size};
    return VALENCE_OK;
}

/* ---- Opening ---- */

static int walk_database(struct valence_store *store, const struct databases *databases,
                         const char *name, lmdb_visit visit, void *user,
                         struct valence_error *error)
{
    for (int i = 0; i < databases->n; i++)
        if (strcmp(databases->names[i], name) == 0)
            return lmdb_walk(&store->file, &databases->trees[i], visit, user, error);
    return fail(error, VALENCE_ERROR_FORMAT, "%s: not a valence store: it has no database '%s'",
                store->data_path, name);
}

static int load_places(struct valence_store *store, const struct databases *databases, int stream,
                       struct valence_error *error)
{
    char name[sizeof databases->names[0]];
    snprintf(name, sizeof name, STORE_STREAM_PREFIX "%s", store->streams[stream].name);
    store->places[stream] = allocate(store->n_clips, sizeof **store->places);
    if (!store->places[stream])
        return fail_memory(error, (size_t)store->n_clips * sizeof **store->places,
                           "the places of rows");
    struct rows_visit visit = {store, stream};
    return walk_database(store, databases, name, visit_rows, &visit, error);
}

static int load_ids(struct valence_store *store, const struct databases *databases,
                    struct valence_error *error)
{
    store->by_id = allocate(store->n_clips, sizeof *store->by_id);
    if (!store->by_id)
        return fail_memory(error, (size_t)store->n_clips * sizeof *store->by_id, "the ids");
    int status = walk_database(store, databases, STORE_IDS, visit_id, store, error);
    if (!status && store->n_ids != store->n_clips)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: the table of ids does not fit the clips",
                      store->data_path);
    return status;
}

/* The records name the stream that is being added: it stands behind the others, uncounted. */
static int place_new_stream(struct valence_store *store, struct valence_error *error)
{
    if (store->n_streams == VALENCE_STORE_MAX_STREAMS ||
        valence_store_find_stream(store, store->added.stream.name) >= 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: '%s' is one stream too many",
                    store->data_path, store->added.stream.name);
    store->streams[store->n_streams] = store->added.stream;
    return VALENCE_OK;
}

/* Every store of version 2 says whether it is finished. */
static int check_is_marked(const struct valence_store *store, struct valence_error *error)
{
    return store->version < 2 || store->state.is_known
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT,
                      "%s: it has lost its '%s': the file is damaged (restore a copy, or import "
                      "again)",
                      store->data_path, STORE_KEY_STATE);
}

static int check_state(const struct valence_store *store, bool accept_unfinished,
                       struct valence_error *error)
{
    const struct store_state *state = &store->state;
    if (state->is_known && state->is_finished && state->n_clips != store->n_clips)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: has %lld clips, but was finished with %lld: the file is damaged (restore "
                    "a copy or import again)",
                    store->data_path, (long long)store->n_clips, (long long)state->n_clips);
    if (state->is_known && !state->is_finished && !accept_unfinished)
        return fail_key(error, VALENCE_ERROR_DATA, "accept_unfinished",
                        "%s: this store is unfinished: its writer stopped after %lld %s or is "
                        "still running (run the same command again to continue)",
                        store->path, (long long)store->n_clips,
                        valence_plural(store->n_clips, "clip", "clips"));
    return VALENCE_OK;
}

static int load(struct valence_store *store, bool accept_unfinished, struct valence_error *error)
{
    struct databases databases = {.file = &store->file};
    store->n_streams = -1; /* until its format is read */
    int status = lmdb_walk(&store->file, &store->file.main, visit_database, &databases, error);
    if (!status)
        status = walk_database(store, &databases, STORE_META, visit_meta, store, error);
    if (!status && store->n_streams < 0)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: not a valence store: it has no '%s'",
                      store->data_path, STORE_KEY_FORMAT);
    for (int i = 0; i < store->n_streams; i++)
        store->seeds[i] = stream_seed(store->streams[i].name);
    if (!status && store->added.is_there)
        status = place_new_stream(store, error);
    if (!status)
        status = check_is_marked(store, error);
    if (!status)
        status = walk_database(store, &databases, STORE_CLIPS, visit_clip, store, error);
    if (!status)
        status = load_ids(store, &databases, error);
    for (int i = 0; i < store->n_streams && !status; i++)
        status = load_places(store, &databases, i, error);
    if (!status)
        status = lmdb_check_free_list(&store->file, error);
    return status ? status : check_state(store, accept_unfinished, error);
}

/* Begins a snapshot and reads the meta page that belongs to it. A busy writer can outrun this a few
 * times. */
static int begin_snapshot(struct valence_store *store, struct valence_error *error)
{
    int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->snapshot);
    if (code == MDB_MAP_RESIZED) { /* a writer grew it since it was opened */
        code = mdb_env_set_mapsize(store->env, 0);
        if (!code)
            code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->snapshot);
    }
    if (code) {
        store->snapshot = NULL;
        return fail_lmdb(error, code, store->path, "cannot begin reading");
    }
    for (int attempt = 0;; attempt++) {
        int status = lmdb_file_open(&store->file, store->descriptor, store->data_path,
                                    mdb_txn_id(store->snapshot), error);
        if (status != VALENCE_ERROR_BUSY || attempt == 100)
            return status;
        mdb_txn_reset(store->snapshot);
        code = mdb_txn_renew(store->snapshot);
        if (code)
            return fail_lmdb(error, code, store->path, "cannot begin reading");
    }
}

static int open_environment(struct valence_store *store, struct valence_error *error)
{
    size_t bytes;
    int status = file_open(store->data_path, &store->descriptor, &bytes, error);
    if (status == VALENCE_ERROR_NOT_FOUND)
        return store->path[0]
                   ? fail(error, status, "%s: no store here (no %s)", store->path, STORE_DATA_FILE)
                   : fail_key(error, VALENCE_ERROR_ARGUMENT, "store",
                              "no store is named: its path is empty");
    if (status)
        return status;
    status = lmdb_file_open(&store->file, store->descriptor, store->data_path, LMDB_ANY_TRANSACTION,
                            error);
    lmdb_file_close(&store->file);
    if (status)
        return status;
    /* Who may not write beside the data, or has no room to, cannot take part in LMDB's locking.
     * That is fine for a set at rest; a writer that adds to it meanwhile may make reading fail with
     * ERROR_FORMAT. */
    unsigned flags = access(store->path, W_OK) == 0 ? MDB_RDONLY : MDB_RDONLY | MDB_NOLOCK;
    status = store_env_open(store->path, flags, 0, &store->env, error);
    if (status == VALENCE_ERROR_DISK_FULL)
        status = store_env_open(store->path, MDB_RDONLY | MDB_NOLOCK, 0, &store->env, error);
    return status ? status : begin_snapshot(store, error);
}

void valence_store_options_default(struct valence_store_options *options)
{
    *options = (struct valence_store_options){.size = sizeof *options};
}

int valence_store_open(const char *path, const struct valence_store_options *given,
                       struct valence_store **opened, struct valence_error *error)
{
    struct valence_store_options options;
    *opened = NULL;
    valence_store_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (status)
        return status;
    struct valence_store *store = calloc(1, sizeof *store);
    if (!store)
        return fail_memory(error, sizeof *store, path);
    store->descriptor = -1;
    store->path = strdup(path);
    store->data_path = path_join(path, STORE_DATA_FILE);
    status =
        store->path && store->data_path ? VALENCE_OK : fail_memory(error, strlen(path), "a path");
    bool sharded = !status && store_is_sharded(path);
    if (!status)
        status = sharded ? store_shards_open(store, error) : open_environment(store, error);
    if (!status && !sharded)
        status = load(store, options.accept_unfinished, error);
    lmdb_file_close(&store->file);
    if (status)
        valence_store_close(store);
    else
        *opened = store;
    return status;
}

void store_detach(struct valence_store *store)
{
    mdb_txn_abort(store->snapshot);
    mdb_env_close(store->env);
    store->snapshot = NULL;
    store->env = NULL;
}

void valence_store_close(struct valence_store *store)
{
    if (!store)
        return;
    store_detach(store);
    if (store->shards)
        store_shards_close(store);
    new_stream_clear(&store->added);
    if (store->descriptor >= 0)
        close(store->descriptor);
    for (int64_t i = 0; i < store->n_clips; i++)
        clip_clear(&store->clips[i]);
    for (int i = 0; i < VALENCE_STORE_MAX_STREAMS; i++)
        free(store->places[i]);
    for (int64_t i = 0; i < store->n_failures; i++)
        failure_clear(&store->failures[i]);
    free(store->failures);
    free(store->clips);
    free(store->by_id);
    free(store->source);
    json_decref(store->source_json);
    free(store->data_path);
    free(store->path);
    free(store);
}
