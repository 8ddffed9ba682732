/* The public face of training: one run, or one for each seed. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "collective/collective.h"
#include "run/run_folder.h"
#include "train/trainer.h"

/* ---- Options ---- */

void valence_train_options_default(struct valence_train_options *options)
{
    *options = (struct valence_train_options){.size = sizeof *options};
}

static int read_options(const struct valence_train_options *given,
                        struct valence_train_options *options, struct valence_error *error)
{
    valence_train_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (status)
        return status;
    if (options->resume && (options->from || options->dry_run))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "resume",
                        "a run that is resumed has its weights already, and no dry run");
    return VALENCE_OK;
}

/* ---- Results ---- */

/* What the caller gets, and the memory behind it. */
struct owned_result {
    struct valence_train_result shown; /* first, so that its address is this one's */
    struct valence_train_run *runs;
    char *json;
};

void valence_train_result_free(struct valence_train_result *result)
{
    struct owned_result *owned = (struct owned_result *)result;
    if (!owned)
        return;
    free(owned->runs);
    free(owned->json);
    free(owned);
}

static struct owned_result *result_create(int64_t n, struct valence_error *error)
{
    struct owned_result *result = allocate(1, sizeof *result);
    if (result)
        result->runs = allocate(n, sizeof *result->runs);
    if (!result || !result->runs) {
        fail_memory(error, (size_t)n * sizeof *result->runs, "the results");
        free(result);
        return NULL;
    }
    result->shown.n_runs = n;
    result->shown.runs = result->runs;
    return result;
}

static int result_finish(struct owned_result *result, struct valence_error *error)
{
    train_result_summarise(&result->shown);
    json_t *json = train_result_to_json(&result->shown);
    result->json = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    result->shown.json = result->json;
    return result->json ? VALENCE_OK : fail_memory(error, 4096, "the results");
}

/* ---- Seeds ---- */

/* One seed's run in the folder seed-N of the configured one. */
static int train_seed(const struct valence_train_config *config,
                      const struct valence_train_options *options, int64_t i,
                      struct valence_train_run *run, struct valence_error *error)
{
    struct valence_train_config own = *config;
    int length = snprintf(own.output, sizeof own.output, "%s/seed-%lld", config->output,
                          (long long)(config->seed + i));
    if (length >= (int)sizeof own.output)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the run's folder has too long a name");
    own.seed = config->seed + i;
    own.seeds = 1;
    struct train_job job = {.config = &own,
                            .options = options,
                            .resume = options->resume && path_exists(own.output),
                            .number = i + 1,
                            .n = config->seeds};
    return train_one_seed(&job, run, error);
}

/* The folder that holds the seeds' folders, opened by the first rank. */
static int open_seeds(const struct valence_train_config *config,
                      const struct valence_train_options *options, struct run_folder *folder,
                      struct valence_error *error)
{
    if (options->dry_run)
        return run_folder_check_new(config->output, error);
    int status = VALENCE_OK;
    if (collective_is_first(options->collective)) {
        status = run_folder_open(folder, config->output, options->resume, error);
        if (!status)
            status = train_config_write(config, folder, error);
    }
    return collective_agree(options->collective, status, error);
}

static int train_seeds(const struct valence_train_config *config,
                       const struct valence_train_options *options, struct owned_result *result,
                       struct valence_error *error)
{
    struct run_folder folder = {.lock = -1};
    bool writes = !options->dry_run && collective_is_first(options->collective);
    int status = open_seeds(config, options, &folder, error);
    for (int64_t i = 0; i < config->seeds && !status; i++)
        status = train_seed(config, options, i, &result->runs[i], error);
    if (!status)
        status = result_finish(result, error);
    if (!status && writes)
        status = run_folder_write_text(&folder, RUN_RESULTS, result->json, error);
    if (status && status != VALENCE_ERROR_CANCELLED)
        run_folder_abandon(&folder);
    run_folder_close(&folder);
    return status;
}

static int train_alone(const struct valence_train_config *config,
                       const struct valence_train_options *options, struct owned_result *result,
                       struct valence_error *error)
{
    struct train_job job = {
        .config = config, .options = options, .resume = options->resume, .number = 1, .n = 1};
    int status = train_one_seed(&job, &result->runs[0], error);
    return status ? status : result_finish(result, error);
}

/* ---- Ranks ---- */

/* All ranks compute by the first one's configuration; where the store is, and how many threads
 * there are, each knows best itself. Only the first one tells the caller anything. */
static int share_request(struct valence_train_config *config, struct valence_train_options *options,
                         struct valence_error *error)
{
    const struct valence_collective *collective = options->collective;
    struct valence_train_config own = *config;
    int status = collective_broadcast(collective, config, sizeof *config, 0, error);
    memcpy(config->store, own.store, sizeof config->store);
    config->threads = own.threads;
    if (collective_is_first(collective))
        return status;
    options->progress = NULL;
    options->epoch = NULL;
    options->note = NULL;
    return status;
}

static int train_all(const struct valence_train_config *config,
                     const struct valence_train_options *options,
                     struct valence_train_result **result, struct valence_error *error)
{
    struct owned_result *made = result_create(config->seeds, error);
    int status = made ? VALENCE_OK : VALENCE_ERROR_MEMORY;
    status = collective_agree(options->collective, status, error);
    int before = threads_enter((int)config->threads);
    if (!status)
        status = config->seeds == 1 ? train_alone(config, options, made, error)
                                    : train_seeds(config, options, made, error);
    threads_leave(before);
    if (made && (status || !result))
        valence_train_result_free(&made->shown);
    else if (made)
        *result = &made->shown;
    return status;
}

int valence_train(const struct valence_train_config *config,
                  const struct valence_train_options *given, struct valence_train_result **result,
                  struct valence_error *error)
{
    struct valence_train_options options;
    struct valence_error unwanted;
    error = error ? error : &unwanted; /* ranks tell each other what failed */
    if (result)
        *result = NULL;
    int status = config ? read_options(given, &options, error)
                        : fail(error, VALENCE_ERROR_ARGUMENT, "the configuration is NULL");
    if (!status)
        status = collective_check(options.collective, error);
    if (status)
        return status;
    if (options.dry_run)
        options.collective = NULL;
    struct valence_train_config shared = *config;
    if (collective_is_several(options.collective))
        status = share_request(&shared, &options, error);
    if (!status)
        status = collective_agree(options.collective, train_config_check(&shared, error), error);
    return status ? status : train_all(&shared, &options, result, error);
}
