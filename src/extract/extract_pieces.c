/* One extraction by several processes: each makes the pieces that no other has. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "collective/collective.h"
#include "extract/extraction.h"
#include "extract/pieces_folder.h"
#include "extract/target.h"

struct piece {
    int64_t number; /* from 1 */
    double seconds; /* of its clips, as far as the plan knows */
};

struct pieces {
    struct extraction extraction;
    struct pieces_folder folder;
    struct piece *order; /* (n), the longest first */
    int64_t n_asked, n;  /* n: at most one for each clip */
    struct extract_report *report;
    struct valence_error first; /* why the first clip failed that this process tried */
};

/* ---- Order ---- */

static int longest_first(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->seconds != y->seconds)
        return x->seconds > y->seconds ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Long pieces that are begun last would keep everyone waiting. */
static int order_pieces(struct pieces *p, struct valence_error *error)
{
    const struct plan *plan = &p->extraction.plan;
    p->n = p->n_asked < plan->n ? p->n_asked : plan->n;
    p->order = allocate(p->n, sizeof *p->order);
    if (!p->order)
        return fail_memory(error, (size_t)p->n * sizeof *p->order, "the pieces");
    for (int64_t i = 0; i < p->n; i++) {
        struct plan_part part = plan_piece(plan, i + 1, p->n);
        p->order[i].number = i + 1;
        for (int64_t clip = part.first; clip < part.first + part.n; clip++)
            p->order[i].seconds += plan->clips[clip].seconds;
    }
    qsort(p->order, (size_t)p->n, sizeof *p->order, longest_first);
    return VALENCE_OK;
}

/* ---- Pieces ---- */

/* What this process has made counts in its report; failures are counted when all is merged. */
static void count_piece(struct pieces *p, const struct valence_extract_report *piece)
{
    struct valence_extract_report *whole = &p->report->public;
    whole->n_pieces++;
    whole->n_clips += piece->n_clips;
    whole->n_made += piece->n_made;
    whole->n_kept += piece->n_kept;
    whole->n_copied += piece->n_copied;
    whole->media_seconds += piece->media_seconds;
    whole->sound_work += piece->sound_work;
    whole->picture_work += piece->picture_work;
}

static int take_failures(struct pieces *p, const struct valence_extract_report *piece,
                         struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < piece->n_failed && !status; i++)
        status = extract_report_fail(p->report, &piece->failures[i], error);
    return status;
}

static int make_piece(struct pieces *p, int64_t number, struct valence_error *error)
{
    struct extract_report *made = NULL;
    struct valence_error first = {0};
    struct plan_part part = plan_piece(&p->extraction.plan, number, p->n);
    char *path = pieces_folder_name(&p->folder, number, "");
    int status = path ? extraction_make(&p->extraction, path, &part, &made, &first, error)
                      : fail_memory(error, strlen(p->folder.path), "a path");
    if (!status) {
        count_piece(p, &made->public);
        status = take_failures(p, &made->public, error);
    }
    if (!p->first.status)
        p->first = first;
    if (!status)
        status = pieces_folder_mark_done(&p->folder, number, error);
    extract_report_free(made);
    free(path);
    return status;
}

/* Makes the pieces that nobody has; `waiting`: also those that others have, which then are
 * finished, or were left by a process that died. */
static int make_pieces(struct pieces *p, bool waiting, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < p->n && !status; i++) {
        int lock;
        status = pieces_folder_take(&p->folder, p->order[i].number, waiting, &lock, error);
        if (status || lock < 0)
            continue;
        status = make_piece(p, p->order[i].number, error);
        close(lock);
    }
    return status;
}

/* ---- Merging ---- */

static int merge_stores(struct pieces *p, const char *to, struct valence_error *error)
{
    const struct valence_extract_options *options = p->extraction.options;
    struct valence_store_merge_options merge;
    int64_t n_clips;
    char **names = allocate(p->n, sizeof *names);
    int status = names ? VALENCE_OK : fail_memory(error, (size_t)p->n * sizeof *names, "names");
    for (int64_t i = 0; i < p->n && !status; i++) {
        names[i] = pieces_folder_name(&p->folder, i + 1, "");
        if (!names[i])
            status = fail_memory(error, strlen(p->folder.path), "a path");
    }
    valence_store_merge_options_default(&merge);
    merge.overwrite = options->overwrite;
    merge.progress = options->progress;
    if (!status)
        status =
            valence_store_merge((const char *const *)names, (int)p->n, to, &merge, &n_clips, error);
    for (int64_t i = 0; names && i < p->n; i++)
        free(names[i]);
    free(names);
    return status;
}

/* The report becomes that of the whole: what others made counts as kept. */
static int report_whole(struct pieces *p, struct valence_error *error)
{
    struct extract_report *whole = NULL, *own = p->report;
    const struct extraction *e = &p->extraction;
    struct valence_store *store = NULL;
    int status = extract_report_create(&whole, own->public.store, e->plan.n, e->streams,
                                       e->n_streams, own->public.encoders, error);
    if (!status)
        status = extract_report_count(whole, own->public.store, error);
    if (!status)
        status = valence_store_open(own->public.store, NULL, &store, error);
    for (int64_t i = 0; !status && i < valence_store_n_failures(store); i++)
        status = extract_report_fail(whole, valence_store_get_failure(store, i), error);
    if (!status) {
        struct valence_extract_report *public = &whole->public;
        public->n_pieces = own->public.n_pieces;
        public->is_whole = true;
        public->n_made = own->public.n_made;
        public->n_kept = valence_store_n_clips(store) - own->public.n_made;
        public->n_copied = own->public.n_copied;
        public->media_seconds = own->public.media_seconds;
        public->sound_work = own->public.sound_work;
        public->picture_work = own->public.picture_work;
    }
    valence_store_close(store);
    extract_report_free(status ? whole : own);
    if (!status)
        p->report = whole;
    return status;
}

/* One process merges; those that waited for it find the folder gone. */
static int merge(struct pieces *p, struct valence_error *error)
{
    const char *to = p->report->public.store;
    int lock, status = pieces_folder_begin_merge(&p->folder, &lock, error);
    if (status || lock < 0)
        return status || path_exists(to)
                   ? status
                   : fail(error, VALENCE_ERROR_NOT_FOUND,
                          "%s: its pieces were removed while they were made", to);
    status = merge_stores(p, to, error);
    if (!status) /* at once: a process that dies in between leaves pieces beside the store */
        status = pieces_folder_remove(&p->folder, error);
    close(lock);
    if (!status)
        status = report_whole(p, error);
    return status ? status : extraction_check(&p->report->public, &p->first, error);
}

/* ---- The whole ---- */

/* A store that is there already must be what these settings make. */
static int check_present(const struct pieces *p, struct valence_error *error)
{
    const struct extraction *e = &p->extraction;
    struct valence_store_options options;
    struct valence_store *store;
    valence_store_options_default(&options);
    options.accept_unfinished = true;
    int status = valence_store_open(e->config->output, &options, &store, error);
    if (status)
        return status;
    if (!valence_store_is_finished(store))
        status =
            fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                     "%s: an extraction without pieces has begun this store, and can finish it",
                     e->config->output);
    else if (!target_is_alike(store, valence_extractor_settings(e->extractor), e->streams,
                              e->n_streams))
        status =
            fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                     "%s: was made by other encoders, or with other settings", e->config->output);
    valence_store_close(store);
    return status;
}

static int join(struct pieces *p, enum pieces_entry how, bool *is_there,
                struct valence_error *error)
{
    return pieces_folder_open(&p->folder, p->extraction.config->output, &p->extraction, p->n_asked,
                              how, is_there, error);
}

/* Of several ranks the first one alone decides what is replaced, and none begins before all have
 * joined: a rank that starts late neither discards nor repeats what others have made. */
static int join_all(struct pieces *p, bool *is_there, struct valence_error *error)
{
    const struct valence_extract_options *options = p->extraction.options;
    const struct valence_collective *ranks = options->collective;
    int status = VALENCE_OK;
    if (collective_is_first(ranks))
        status = join(p, options->overwrite ? PIECES_REPLACE : PIECES_BEGIN, is_there, error);
    if (!status && *is_there)
        status = check_present(p, error);
    status = collective_agree(ranks, status, error);
    if (!status)
        status = collective_broadcast(ranks, is_there, sizeof *is_there, 0, error);
    if (status || *is_there || !collective_is_several(ranks))
        return status;
    if (!collective_is_first(ranks))
        status = join(p, PIECES_JOIN, is_there, error);
    return collective_agree(ranks, status, error);
}

static int make_all(struct pieces *p, struct valence_error *error)
{
    bool is_there = false;
    const struct valence_extract_options *options = p->extraction.options;
    int status = join_all(p, &is_there, error);
    if (!status && options->joined)
        options->joined(options->user);
    if (status || is_there)
        return status;
    status = make_pieces(p, false, error);
    if (!status)
        status = make_pieces(p, true, error);
    return status ? status : merge(p, error);
}

static int open_and_make(struct pieces *p, const struct valence_extract_config *config,
                         const struct valence_extract_options *options, struct valence_error *error)
{
    struct extraction *e = &p->extraction;
    int status = extraction_open(e, config, options, error);
    if (!status)
        status = extract_report_create(&p->report, config->output, 0, e->streams, e->n_streams,
                                       valence_extractor_settings(e->extractor), error);
    if (!status)
        status = order_pieces(p, error);
    status = collective_agree(options->collective, status, error);
    return status ? status : make_all(p, error);
}

int valence_extract_pieces(const struct valence_extract_config *config,
                           const struct valence_extract_options *options, int64_t n_pieces,
                           struct valence_extract_report **report, struct valence_error *error)
{
    struct valence_extract_options own;
    struct pieces p = {.n_asked = n_pieces, .folder = {.record = -1}};
    *report = NULL;
    if (!config)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no configuration");
    if (n_pieces < 1 || n_pieces > VALENCE_EXTRACT_MAX_PIECES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%" PRId64 " pieces are not within 1 ... %d",
                    n_pieces, VALENCE_EXTRACT_MAX_PIECES);
    valence_extract_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status)
        status = collective_check(own.collective, error);
    if (!status && (own.shard != 1 || own.n_shards != 1))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "shard",
                          "pieces of a part of the clips cannot be made");
    double begin = seconds_now();
    int threads = threads_enter((int)config->threads);
    if (!status)
        status = open_and_make(&p, config, &own, error);
    threads_leave(threads);
    pieces_folder_close(&p.folder);
    extraction_close(&p.extraction);
    free(p.order);
    if (status) {
        extract_report_free(p.report);
        return status;
    }
    p.report->public.seconds = seconds_now() - begin;
    *report = &p.report->public;
    return VALENCE_OK;
}
