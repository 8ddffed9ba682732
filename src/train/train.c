/* The public face of training: one run, or one a seed. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/threads.h"
#include "train/run_folder.h"
#include "train/trainer.h"

int64_t valence_train_n_runs(const struct valence_train_config *config)
{
    return config->seeds;
}

/* Mean and sample deviation of a flow's validation error over the seeds. */
static json_t *summarise(const struct valence_train_run *runs, int64_t n, int flow)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        mean += runs[i].validation_mae[flow] / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += pow(runs[i].validation_mae[flow] - mean, 2);
    return json_pack("{s:{s:f, s:f}}", "mae", "mean", mean, "sd", sqrt(squares / (double)(n - 1)));
}

static int write_summary(const struct run_folder *folder, const struct valence_train_run *runs,
                         int64_t n, struct valence_error *error)
{
    json_t *flows = json_object(), *each = json_array();
    for (int f = 0; f < runs[0].n_flows; f++)
        json_object_set_new(flows, valence_flow_name(runs[0].flows[f]), summarise(runs, n, f));
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(each, train_run_to_json(&runs[i]));
    json_t *summary =
        json_pack("{s:I, s:o, s:o}", "seeds", (json_int_t)n, "validation", flows, "runs", each);
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
    if (config->threads)
        threads_set((int)config->threads);
    return config->seeds == 1 ? train_one_seed(config, resume, "training", progress, runs, error)
                              : train_seeds(config, resume, progress, runs, error);
}
