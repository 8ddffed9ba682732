#include "extract_pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "valence/store.h"

struct pieces {
    struct valence_extract_config *config;
    struct valence_extract_options *options;
    int64_t n;
    struct pieces_result *result;
    char folder[VALENCE_CONFIG_VALUE_BYTES];
};

/* A name in the folder: FOLDER/12.lock and its like. */
#define NAME_BYTES (VALENCE_CONFIG_VALUE_BYTES + 40)

static const char *name_of(const struct pieces *p, int64_t piece, const char *ending,
                           char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%s/%" PRId64 "%s", p->folder, piece, ending);
    return name;
}

static int fail_file(const char *path, struct valence_error *error)
{
    return valence_fail(error, VALENCE_ERROR_IO, NULL, "%s: %s", path, strerror(errno));
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The open file with the lock, or -1: another process has it (where not `waiting`), or the folder
 * is gone, since all is done. */
static int take_lock(const char *path, bool waiting)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666), code;
    if (file < 0)
        return -1;
    do
        code = flock(file, LOCK_EX | (waiting ? 0 : LOCK_NB));
    while (code != 0 && errno == EINTR);
    if (code == 0)
        return file;
    close(file);
    return -1;
}

/* Pieces of other sizes do not make a whole: the first process writes down how many there are. */
static int check_number(const struct pieces *p, struct valence_error *error)
{
    char name[NAME_BYTES], text[32] = "";
    int status = VALENCE_OK;
    snprintf(name, sizeof name, "%s/number", p->folder);
    int file = take_lock(name, true);
    if (file < 0) /* without the folder all is done, which merge() finds */
        return is_there(p->folder) ? fail_file(name, error) : VALENCE_OK;
    ssize_t n_bytes = pread(file, text, sizeof text - 1, 0);
    if (n_bytes < 0 || (n_bytes == 0 && dprintf(file, "%" PRId64 "\n", p->n) < 0))
        status = fail_file(name, error);
    else if (n_bytes > 0 && strtoll(text, NULL, 10) != p->n)
        status = valence_fail(error, VALENCE_ERROR_DATA, NULL,
                              "%s: was begun with --pieces %lld, not %" PRId64
                              "\n         (continue with that number, or remove the folder)",
                              p->folder, strtoll(text, NULL, 10), p->n);
    close(file);
    return status;
}

static int make_piece(struct pieces *p, int64_t piece, struct valence_error *error)
{
    char name[NAME_BYTES];
    struct valence_extract_report *report;
    int status =
        valence_extract_config_set(p->config, "output", name_of(p, piece, "", name), error);
    p->options->shard = piece;
    p->options->n_shards = p->n;
    if (!status)
        status = valence_extract(p->config, p->options, &report, error);
    if (status)
        return status;
    p->result->n_taken++;
    p->result->n_made += report->n_made;
    valence_extract_report_free(report);
    int done = open(name_of(p, piece, ".done", name), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (done < 0)
        return fail_file(name, error);
    close(done);
    return VALENCE_OK;
}

/* Makes the pieces that nobody has; `waiting`: for those that others have, too, which are then
 * finished, or were left by a process that died. */
static int make_pieces(struct pieces *p, bool waiting, struct valence_error *error)
{
    char name[NAME_BYTES];
    int status = VALENCE_OK;
    for (int64_t piece = 1; piece <= p->n && !status; piece++) {
        if (is_there(name_of(p, piece, ".done", name)))
            continue;
        int lock = take_lock(name_of(p, piece, ".lock", name), waiting);
        if (lock < 0)
            continue;
        if (!is_there(name_of(p, piece, ".done", name)) && is_there(p->folder))
            status = make_piece(p, piece, error);
        close(lock);
    }
    return status;
}

/* ---- Merging ---- */

static int count_store(struct pieces *p, struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(p->result->output, NULL, &store, error);
    if (status)
        return status;
    p->result->n_clips = valence_store_n_clips(store);
    p->result->n_failed = valence_store_n_failures(store);
    valence_store_close(store);
    return VALENCE_OK;
}

static int merge_stores(struct pieces *p, struct valence_error *error)
{
    struct valence_store_merge_options options;
    int64_t n_clips;
    char(*names)[NAME_BYTES] = calloc((size_t)p->n, sizeof *names);
    const char **stores = calloc((size_t)p->n, sizeof *stores);
    int status = names && stores ? VALENCE_OK
                                 : valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "out of memory");
    for (int64_t i = 0; i < p->n && !status; i++)
        stores[i] = name_of(p, i + 1, "", names[i]);
    valence_store_merge_options_default(&options);
    options.overwrite = p->options->overwrite;
    options.progress = p->options->progress;
    if (!status)
        status =
            valence_store_merge(stores, (int)p->n, p->result->output, &options, &n_clips, error);
    free(names);
    free(stores);
    return status;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* One process merges; those that waited for it find the folder gone. */
static int merge(struct pieces *p, struct valence_error *error)
{
    char name[NAME_BYTES], merged[NAME_BYTES];
    snprintf(name, sizeof name, "%s/merge.lock", p->folder);
    int lock = take_lock(name, true);
    if (lock < 0 || !is_there(name)) {
        if (lock >= 0)
            close(lock);
        return is_there(p->result->output) ? VALENCE_OK : fail_file(name, error);
    }
    int status = merge_stores(p, error);
    if (!status)
        status = count_store(p, error);
    /* Renamed first, so that nobody sees half of it. */
    snprintf(merged, sizeof merged, "%s.merged", p->folder);
    if (!status && (rename(p->folder, merged) != 0 ||
                    nftw(merged, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0))
        status = fail_file(p->folder, error);
    close(lock);
    return status;
}

int extract_in_pieces(struct valence_extract_config *config,
                      struct valence_extract_options *options, int64_t n_pieces,
                      struct pieces_result *result, struct valence_error *error)
{
    struct pieces p = {.config = config, .options = options, .n = n_pieces, .result = result};
    *result = (struct pieces_result){.n_clips = -1};
    int status =
        valence_extract_config_get(config, "output", result->output, sizeof result->output, error);
    if (!status && strlen(result->output) + 16 > sizeof p.folder)
        status = valence_fail(error, VALENCE_ERROR_LIMIT, "output", "%s: the name is too long",
                              result->output);
    if (status)
        return status;
    snprintf(p.folder, sizeof p.folder, "%.*s.pieces", (int)sizeof p.folder - 16, result->output);
    bool is_new = mkdir(p.folder, 0777) == 0;
    if (!is_new && errno != EEXIST)
        return fail_file(p.folder, error);
    if (is_new && is_there(result->output) && !options->overwrite) { /* others have finished */
        rmdir(p.folder);
        return VALENCE_OK;
    }
    status = check_number(&p, error);
    if (!status)
        status = make_pieces(&p, false, error);
    if (!status)
        status = make_pieces(&p, true, error);
    return status ? status : merge(&p, error);
}
