/* The public face of training: one run, or one a seed. */
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/threads.h"
#include "run/run_folder.h"
#include "train/trainer.h"

int64_t valence_train_n_runs(const struct valence_train_config *config)
{
    return config->seeds;
}

static int write_summary(const struct run_folder *folder, const struct valence_train_run *runs,
                         int64_t n, struct valence_error *error)
{
    json_t *summary = train_runs_to_json(runs, n);
    if (!summary)
        return fail_memory(error, 4096, "the results");
    int status = run_folder_write_json(folder, RUN_RESULTS, summary, error);
    json_decref(summary);
    return status;
}

/* One seed's run in the folder seed-N of `folder`. */
static int train_seed(const struct valence_train_config *config, const struct run_folder *folder,
                      int64_t i, bool resume, const struct valence_progress *progress,
                      struct valence_train_run *run, struct valence_error *error)
{
    struct valence_train_config own = *config;
    char stage[64], name[32], path[RUN_PATH_BYTES];
    own.seed = config->seed + i;
    own.seeds = 1;
    snprintf(stage, sizeof stage, "seed %lld of %lld", (long long)i + 1, (long long)config->seeds);
    snprintf(name, sizeof name, "seed-%lld", (long long)own.seed);
    run_folder_file(folder, name, path);
    if (strlen(path) >= sizeof own.output)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the run's folder has too long a name");
    strcpy(own.output, path);
    return train_one_seed(&own, resume && path_exists(path), stage, progress, run, error);
}

static int train_seeds(const struct valence_train_config *config, bool resume,
                       const struct valence_progress *progress, struct valence_train_run *runs,
                       struct valence_error *error)
{
    struct run_folder folder;
    int status = run_folder_open(&folder, config->output, resume, error);
    if (status)
        return status;
    status = run_folder_write_config(&folder, config, error);
    for (int64_t i = 0; i < config->seeds && !status; i++)
        status = train_seed(config, &folder, i, resume, progress, &runs[i], error);
    if (!status)
        status = write_summary(&folder, runs, config->seeds, error);
    run_folder_close(&folder);
    return status;
}

int valence_train(const struct valence_train_config *config, bool resume,
                  const struct valence_progress *progress, struct valence_train_run *runs,
                  struct valence_error *error)
{
    int status = train_config_check(config, error);
    if (status)
        return status;
    int before = threads_enter((int)config->threads);
    status = config->seeds == 1 ? train_one_seed(config, resume, "training", progress, runs, error)
                                : train_seeds(config, resume, progress, runs, error);
    threads_leave(before);
    return status;
}
