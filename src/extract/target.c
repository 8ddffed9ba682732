#include "extract/target.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/store_layout.h"
#include "store/store_writer.h"
#include "valence/version.h"

#define PIECE_BYTES (1 << 20)

/* ---- Keys ---- */

static int digest_file(const char *path, char digest[SHA256_TEXT_BYTES],
                       struct valence_error *error)
{
    struct sha256 sum;
    int descriptor;
    size_t size;
    char *piece = malloc(PIECE_BYTES);
    if (!piece)
        return fail_memory(error, PIECE_BYTES, "a file");
    int status = file_open(path, &descriptor, &size, error);
    sha256_begin(&sum);
    for (size_t at = 0; !status && at < size; at += PIECE_BYTES) {
        size_t n = size - at < PIECE_BYTES ? size - at : PIECE_BYTES;
        status = file_read_at(descriptor, path, at, piece, n, error);
        sha256_add(&sum, piece, status ? 0 : n);
        if (status)
            close(descriptor);
    }
    if (!status) {
        close(descriptor);
        sha256_end(&sum, digest);
    }
    free(piece);
    return status;
}

/* Of everything that the rows depend on. */
static bool make_key(const struct target *target, const struct planned_clip *clip,
                     const char *digest, char key[SHA256_TEXT_BYTES])
{
    struct text text = {.maximum = (size_t)1 << 28};
    text_format(&text, "%s\n%s\n%.17g\n%.17g\n%s", digest, target->settings, clip->start, clip->end,
                clip->transcript);
    bool is_whole = !text.failed;
    if (is_whole)
        sha256_text(text.data, text.length, key);
    text_free(&text);
    return is_whole;
}

json_t *target_record(const struct target *target, const struct planned_clip *clip,
                      const char *digest)
{
    char key[SHA256_TEXT_BYTES];
    if (!make_key(target, clip, digest, key))
        return NULL;
    return json_pack("{s:s, s:s, s:f, s:o, s:s, s:s}", "file", clip->file, "sha256", digest,
                     "start", clip->start, "end",
                     isfinite(clip->end) ? json_real(clip->end) : json_null(), "key", key,
                     "valence", valence_version());
}

/* The key in a record's metadata; "" where there is none. */
static void key_of(const char *metadata, char key[SHA256_TEXT_BYTES])
{
    json_t *record = *metadata ? json_loads(metadata, 0, NULL) : NULL;
    const char *found =
        json_string_value(json_object_get(json_object_get(record, "extraction"), "key"));
    bool fits = found && strlen(found) < SHA256_TEXT_BYTES;
    memcpy(key, fits ? found : "", fits ? strlen(found) + 1 : 1);
    json_decref(record);
}

/* ---- What is there ---- */

int target_digest(struct target *target, const struct plan *plan, int64_t i,
                  struct valence_error *error)
{
    struct target_clip *clip = &target->clips[i];
    if (*clip->digest)
        return VALENCE_OK;
    if (i > target->first && strcmp(plan->clips[i].path, plan->clips[i - 1].path) == 0 &&
        *target->clips[i - 1].digest) {
        memcpy(clip->digest, target->clips[i - 1].digest, sizeof clip->digest);
        return VALENCE_OK;
    }
    return digest_file(plan->clips[i].path, clip->digest, error);
}

static bool is_same_clip(const struct valence_clip *stored, const struct planned_clip *clip)
{
    bool is_same_label = isnan(clip->label) ? isnan(stored->label) : stored->label == clip->label;
    return stored->split == clip->split && is_same_label && strcmp(stored->group, clip->group) == 0;
}

static const struct valence_store_failure *find_failure(const struct valence_store *store,
                                                        const char *id, int64_t *index)
{
    int64_t low = 0, high = valence_store_n_failures(store);
    while (low < high) { /* they are sorted by their ids */
        int64_t middle = low + (high - low) / 2;
        const struct valence_store_failure *failure = valence_store_get_failure(store, middle);
        int order = strcmp(failure->id, id);
        if (order == 0) {
            *index = middle;
            return failure;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The state of a planned clip by what `store` has, its index there, and whether the clip's record
 * says the same. */
struct look {
    enum clip_state state;
    int64_t index;
    bool is_same;
};

static struct look look_up(struct target *target, const struct plan *plan, int64_t i,
                           const struct valence_store *store, bool retries)
{
    char was[SHA256_TEXT_BYTES], is[SHA256_TEXT_BYTES];
    const struct planned_clip *clip = &plan->clips[i];
    const struct valence_store_failure *failure = NULL;
    struct look look = {CLIP_TO_DO, valence_store_find_clip(store, clip->id), false};
    bool is_stored = look.index >= 0;
    if (!is_stored && !retries)
        failure = find_failure(store, clip->id, &look.index);
    if ((!is_stored && !failure) || target_digest(target, plan, i, NULL) ||
        !make_key(target, clip, target->clips[i].digest, is))
        return look;
    key_of(failure ? failure->metadata : valence_store_clip(store, look.index)->metadata, was);
    if (strcmp(was, is) != 0)
        return look;
    look.is_same = failure || is_same_clip(valence_store_clip(store, look.index), clip);
    look.state = failure ? CLIP_FAILED : CLIP_COPIED;
    return look;
}

static void clear_failure(struct target_clip *clip)
{
    free((void *)(uintptr_t)clip->failure.reason);
    free((void *)(uintptr_t)clip->failure.metadata);
    clip->failure = (struct valence_store_failure){0};
}

/* Copies the record of a failure of `store`. */
static int keep_failure(struct target_clip *clip, const char *id, const struct valence_store *store,
                        struct valence_error *error)
{
    const struct valence_store_failure *failure = valence_store_get_failure(store, clip->index);
    clear_failure(clip);
    clip->failure = (struct valence_store_failure){id, failure->status, strdup(failure->reason),
                                                   strdup(failure->metadata)};
    return clip->failure.reason && clip->failure.metadata ? VALENCE_OK
                                                          : fail_memory(error, 0, "a failure");
}

/* Enters the failures of `store` of clips that stay failed, and which others it has. */
static int take_failures(struct target *target, const struct plan *plan,
                         const struct valence_store *store, struct valence_error *error)
{
    int64_t n = valence_store_n_failures(store);
    bool *is_kept = allocate(n + 1, sizeof *is_kept);
    target->stale = allocate(n + 1, sizeof *target->stale);
    int status = is_kept && target->stale ? VALENCE_OK : fail_memory(error, 0, "failures");
    for (int64_t i = target->first; i < target->first + target->n && !status; i++)
        if (target->clips[i].state == CLIP_FAILED) {
            is_kept[target->clips[i].index] = true;
            status = keep_failure(&target->clips[i], plan->clips[i].id, store, error);
        }
    for (int64_t f = 0; f < n && !status; f++) {
        if (is_kept[f])
            continue;
        target->stale[target->n_stale] = strdup(valence_store_get_failure(store, f)->id);
        if (!target->stale[target->n_stale++])
            status = fail_memory(error, 0, "failures");
    }
    free(is_kept);
    return status;
}

/* Whether the store holds the first clips of the plan and nothing else, so that the others can be
 * added behind them. Then their states are entered. */
static bool take_prefix(struct target *target, const struct plan *plan,
                        const struct valence_store *store, bool retries)
{
    int64_t next = 0, n_clips = valence_store_n_clips(store);
    for (int64_t i = target->first; i < target->first + target->n; i++) {
        struct look look = look_up(target, plan, i, store, retries);
        target->clips[i].state = look.state == CLIP_COPIED ? CLIP_STORED : look.state;
        target->clips[i].index = look.index;
        if (look.state == CLIP_COPIED && look.is_same && look.index == next)
            next++;
        else if (look.state == CLIP_COPIED || (look.state == CLIP_TO_DO && next < n_clips))
            return false;
    }
    return next == n_clips;
}

/* Which clips can be copied. */
static int take_copies(struct target *target, const struct plan *plan, bool retries,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = target->first; i < target->first + target->n && !status; i++) {
        struct target_clip *clip = &target->clips[i];
        if (clip->state == CLIP_STORED)
            continue;
        struct look look = look_up(target, plan, i, target->old, retries);
        clip->state = look.state;
        clip->index = look.index;
        if (look.state == CLIP_FAILED)
            status = keep_failure(clip, plan->clips[i].id, target->old, error);
    }
    return status;
}

static void forget_states(struct target *target)
{
    for (int64_t i = target->first; i < target->first + target->n; i++)
        target->clips[i].state = CLIP_TO_DO;
}

/* Whether a store was extracted, and by the same encoders into the same streams. */
static bool is_extracted(const struct valence_store *store)
{
    json_t *source = json_loads(valence_store_source(store), 0, NULL);
    const char *kind = json_string_value(json_object_get(source, "kind"));
    bool is = kind && strcmp(kind, "extraction") == 0;
    json_decref(source);
    return is;
}

bool target_is_alike(const struct valence_store *store, const char *settings,
                     const struct valence_store_stream *streams, int n_streams)
{
    json_t *encoders = json_loads(settings, 0, NULL);
    json_t *source = json_loads(valence_store_source(store), 0, NULL);
    bool alike = encoders && is_extracted(store) &&
                 json_equal(json_object_get(source, "encoders"), encoders) &&
                 valence_store_n_streams(store) == n_streams;
    json_decref(encoders);
    json_decref(source);
    for (int s = 0; alike && s < n_streams; s++) {
        const struct valence_store_stream *has = valence_store_get_stream(store, s);
        alike = strcmp(has->name, streams[s].name) == 0 && has->width == streams[s].width &&
                has->type == streams[s].type;
    }
    return alike;
}

/* *store is NULL where nothing is there, or nothing but a beginning. */
static int open_existing(const char *path, struct valence_store **store,
                         struct valence_error *error)
{
    struct valence_store_options options;
    bool is_new = true;
    char *data = path_join(path, STORE_DATA_FILE);
    *store = NULL;
    if (!data)
        return fail_memory(error, strlen(path), "a path");
    int status = path_exists(path) ? store_look_at_data(data, &is_new, error) : VALENCE_OK;
    free(data);
    if (status || is_new)
        return status;
    valence_store_options_default(&options);
    options.accept_unfinished = true;
    return valence_store_open(path, &options, store, error);
}

/* ---- Opening ---- */

/* The store beside the old one, as far as an earlier call came with it. */
static int open_partial(struct target *target, const struct plan *plan,
                        const struct valence_store_stream *streams, int n_streams, bool retries,
                        struct valence_error *error)
{
    struct valence_store *partial;
    int status = open_existing(target->partial, &partial, error);
    if (status == VALENCE_ERROR_FORMAT) /* nothing of use */
        status = VALENCE_OK;
    if (status)
        return status;
    bool goes_on = partial && target_is_alike(partial, target->settings, streams, n_streams) &&
                   take_prefix(target, plan, partial, retries);
    if (goes_on)
        status = take_failures(target, plan, partial, error);
    valence_store_close(partial);
    if (goes_on)
        return status;
    forget_states(target);
    status =
        path_exists(target->partial) ? valence_store_remove(target->partial, error) : VALENCE_OK;
    return status == VALENCE_ERROR_NOT_FOUND ? VALENCE_OK : status; /* an empty folder */
}

/* What stands at the output: *is_foreign where it may be replaced only if that is asked for. */
static int look_at_output(struct target *target, bool overwrite, bool *is_foreign,
                          struct valence_error *error)
{
    int status = open_existing(target->path, &target->old, error);
    bool is_empty = target->old && valence_store_n_clips(target->old) == 0 &&
                    !*valence_store_source(target->old);
    *is_foreign =
        status == VALENCE_ERROR_FORMAT || (target->old && !is_empty && !is_extracted(target->old));
    if (!*is_foreign)
        return status;
    if (overwrite)
        return VALENCE_OK;
    return status ? status
                  : fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                             "%s: holds a store that was not extracted", target->path);
}

static void close_old(struct target *target)
{
    valence_store_close(target->old);
    target->old = NULL;
}

/* Decides whether the store is added to in place or made anew beside the old one. */
static int choose(struct target *target, const struct plan *plan,
                  const struct valence_store_stream *streams, int n_streams,
                  const struct valence_extract_options *options, struct valence_error *error)
{
    bool is_foreign, retries = options->retry_failures;
    int status = look_at_output(target, options->overwrite, &is_foreign, error);
    if (status || (!target->old && !is_foreign))
        return status;
    bool is_usable = target->old && !is_foreign &&
                     target_is_alike(target->old, target->settings, streams, n_streams);
    if (!is_usable && !is_foreign && valence_store_n_clips(target->old) == 0) {
        close_old(target); /* begun, and nothing more */
        return valence_store_remove(target->path, error);
    }
    if (is_usable && take_prefix(target, plan, target->old, retries)) {
        status = take_failures(target, plan, target->old, error);
        close_old(target);
        return status;
    }
    target->is_rebuilt = true;
    forget_states(target);
    status = open_partial(target, plan, streams, n_streams, retries, error);
    return !status && is_usable ? take_copies(target, plan, retries, error) : status;
}

/* A part says which one it is, so that a merge can tell that another is missing. */
static char *make_source(const char *settings, const struct plan_part *part)
{
    json_t *encoders = json_loads(settings, 0, NULL);
    json_t *source =
        encoders ? json_pack("{s:s, s:o}", "kind", "extraction", "encoders", encoders) : NULL;
    bool whole = part->of == 1;
    bool failed = source && !whole &&
                  json_object_set_new(source, "part",
                                      json_pack("{s:I, s:I}", "number", (json_int_t)part->number,
                                                "of", (json_int_t)part->of)) != 0;
    char *text = source && !failed ? json_dumps(source, JSON_COMPACT) : NULL;
    json_decref(source);
    return text;
}

static int open_writer(struct target *target, const char *source,
                       const struct valence_store_stream *streams, int n_streams,
                       struct valence_error *error)
{
    int status = valence_store_writer_open(target->is_rebuilt ? target->partial : target->path,
                                           streams, n_streams, NULL, &target->writer, error);
    if (!status)
        status = valence_store_writer_set_source(target->writer, source, error);
    for (int64_t i = 0; i < target->n_stale && !status; i++)
        status = valence_store_writer_remove_failure(target->writer, target->stale[i], error);
    return status ? status : valence_store_writer_commit(target->writer, error);
}

static char *without_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

static char *partial_name(const char *path)
{
    struct text text = {.maximum = EXTRACT_PATH_BYTES + 16};
    text_format(&text, "%s.partial", path);
    if (text.failed)
        text_free(&text);
    return text.data;
}

int target_open(struct target *target, const struct plan *plan, const struct plan_part *part,
                const char *path, const struct valence_extract_options *options,
                const struct valence_store_stream *streams, int n_streams, const char *settings,
                struct valence_error *error)
{
    *target = (struct target){.first = part->first, .n = part->n, .settings = settings};
    target->path = without_slashes(path);
    target->partial = target->path ? partial_name(target->path) : NULL;
    target->clips = allocate(plan->n + 1, sizeof *target->clips);
    char *source = make_source(settings, part);
    int status = target->path && target->partial && target->clips && source
                     ? VALENCE_OK
                     : fail_memory(error, 0, "the clips");
    if (!status)
        status = choose(target, plan, streams, n_streams, options, error);
    if (!status)
        status = open_writer(target, source, streams, n_streams, error);
    free(source);
    return status;
}

/* ---- Finishing ---- */

/* Both names change their folders at once, so that there is a whole store at any time. */
static int exchange(const struct target *target, struct valence_error *error)
{
    if (renameat2(AT_FDCWD, target->partial, AT_FDCWD, target->path, RENAME_EXCHANGE) == 0)
        return valence_store_remove(target->partial, error);
    if (errno != EINVAL && errno != ENOSYS)
        return fail_errno(error, errno, "%s: cannot be replaced", target->path);
    int status = valence_store_remove(target->path, error); /* not on this file system */
    if (!status && rename(target->partial, target->path) != 0)
        status = fail_errno(error, errno, "%s: cannot be renamed", target->partial);
    return status;
}

int target_finish(struct target *target, struct valence_error *error)
{
    int status = valence_store_writer_finish(target->writer, error);
    int closed = valence_store_writer_close(target->writer, status ? NULL : error);
    target->writer = NULL;
    close_old(target);
    if (!status && !closed && target->is_rebuilt)
        status = exchange(target, error);
    return status ? status : closed;
}

void target_close(struct target *target)
{
    valence_store_writer_close(target->writer, NULL);
    valence_store_close(target->old);
    for (int64_t i = target->first; target->clips && i < target->first + target->n; i++)
        clear_failure(&target->clips[i]);
    for (int64_t i = 0; i < target->n_stale; i++)
        free(target->stale[i]);
    free(target->stale);
    free(target->clips);
    free(target->path);
    free(target->partial);
}
