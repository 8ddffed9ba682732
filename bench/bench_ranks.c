/* Training by several ranks with a slow network between them: ranks are threads of this process,
 * each with one core, and every exchange takes as long as its bytes would take at 1 and 10 Gb/s.
 *
 *     bench-ranks [RANKS] [STEPS] [KEY=VALUE ...]      2 ranks, 6 steps
 *
 * Prints for each network and for one without delays the time of a step, the time that exchanges
 * took of it, and what of that was hidden behind computing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "thread_ranks.h"
#include "valence/runtime.h"
#include "valence/synthesize.h"
#include "valence/train.h"

enum { BATCH = 96, MAX_SETTINGS = 16 };

static const char *folder;
static const char *settings[MAX_SETTINGS];
static int n_settings, n_steps = 6;

static void must(int status, const struct valence_error *error)
{
    if (!status)
        return;
    fprintf(stderr, "bench-ranks: %s\n", error->text);
    exit(1);
}

/* ---- A slow network ---- */

/* What is measured of a rank. */
struct slow {
    double bytes_per_second; /* 0: as fast as it is */
    double asleep;           /* seconds in exchanges */
    double begun, ended;     /* the second epoch, which has no start-up in it */
};

static struct slow slow[MAX_RANKS];

/* Each rank has a link of its own, and sends and receives at once. */
static void wait_for_bytes(const struct thread_rank *rank, double bytes)
{
    struct slow *own = &slow[rank->collective.rank];
    if (own->bytes_per_second == 0)
        return;
    double seconds = bytes / own->bytes_per_second;
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
    if (own->begun > 0 && own->ended == 0)
        own->asleep += seconds;
}

static double others(const struct thread_rank *rank)
{
    return rank->all->n - 1;
}

static int slow_reduce(void *context, float *values, int64_t n, struct valence_error *error)
{
    const struct thread_rank *rank = context;
    wait_for_bytes(rank, 2.0 * others(rank) / rank->all->n * (double)n * sizeof *values);
    return thread_reduce(context, values, n, error);
}

static int slow_gather(void *context, const void *mine, void *all, int64_t bytes,
                       struct valence_error *error)
{
    const struct thread_rank *rank = context;
    wait_for_bytes(rank, others(rank) * (double)bytes);
    return thread_gather(context, mine, all, bytes, error);
}

static int slow_all_to_all(void *context, const void *mine, void *received, int64_t bytes,
                           struct valence_error *error)
{
    const struct thread_rank *rank = context;
    wait_for_bytes(rank, others(rank) * (double)bytes);
    return thread_all_to_all(context, mine, received, bytes, error);
}

/* ---- Training ---- */

static int note_epoch(void *user, const struct valence_train_epoch *epoch)
{
    struct slow *own = user;
    if (epoch->epoch == 1)
        own->begun = seconds_now();
    else
        own->ended = seconds_now();
    return 0;
}

static struct valence_train_config *make_config(int rank, const char *run)
{
    struct valence_train_config *config;
    struct valence_error error;
    char store[256], output[256];
    static const char *const usual[][2] = {
        {"epochs", "2"}, {"threads", "1"}, {"batch_size", "96"}, {"checkpoint_every", "0"}};
    must(valence_train_config_create(&config, &error), &error);
    snprintf(store, sizeof store, "%s/store-%d", folder, rank);
    snprintf(output, sizeof output, "%s/%s", folder, run);
    must(valence_train_config_set(config, "store", store, &error), &error);
    must(valence_train_config_set(config, "output", output, &error), &error);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        must(valence_train_config_set(config, usual[i][0], usual[i][1], &error), &error);
    for (int i = 0; i < n_settings; i++) {
        char key[64];
        const char *value = strchr(settings[i], '=') + 1;
        snprintf(key, sizeof key, "%.*s", (int)(value - settings[i] - 1), settings[i]);
        must(valence_train_config_set(config, key, value, &error), &error);
    }
    return config;
}

static void train(struct thread_rank *rank, void *argument)
{
    struct valence_train_options options;
    struct valence_train_result *result;
    struct valence_error error;
    struct valence_collective *table = &rank->collective;
    struct valence_train_config *config = make_config(table->rank, argument);
    table->all_reduce = slow_reduce;
    table->all_gather = slow_gather;
    table->all_to_all = slow_all_to_all;
    valence_train_options_default(&options);
    options.collective = table;
    options.epoch = note_epoch;
    options.user = &slow[table->rank];
    must(valence_train(config, &options, &result, &error), &error);
    valence_train_result_free(result);
    valence_train_config_free(config);
}

static void make_stores(int n_ranks)
{
    struct valence_synthesize_options options;
    struct valence_error error;
    valence_synthesize_options_default(&options);
    options.n_train = (int64_t)n_steps * BATCH;
    options.n_validation = 1;
    options.n_test = 1;
    options.audio_width = 1280;
    options.text_width = 4096;
    options.video_width = 709;
    for (int r = 0; r < n_ranks; r++) {
        char path[256];
        snprintf(path, sizeof path, "%s/store-%d", folder, r);
        must(valence_synthesize(path, &options, NULL, &error), &error);
    }
}

/* Gives the milliseconds of a step. */
static double measure(int n_ranks, const char *name, double gigabits, double alone)
{
    char run[32];
    snprintf(run, sizeof run, "run-%s", name);
    for (int r = 0; r < n_ranks; r++)
        slow[r] = (struct slow){.bytes_per_second = gigabits * 1e9 / 8};
    run_thread_ranks(n_ranks, train, run);
    double step = 1e3 * (slow[0].ended - slow[0].begun) / n_steps;
    double asleep = 1e3 * slow[0].asleep / n_steps;
    printf("%-10s %8.1f ms a step, %7.1f ms in exchanges", name, step, asleep);
    if (asleep > 0)
        printf(", %5.1f ms of them hidden", alone + asleep - step);
    printf("\n");
    return step;
}

int main(int argc, char **argv)
{
    char made[] = "/tmp/valence-bench-ranks-XXXXXX", command[64];
    int n_ranks = argc > 1 ? atoi(argv[1]) : 2;
    n_steps = argc > 2 ? atoi(argv[2]) : n_steps;
    for (int i = 3; i < argc && n_settings < MAX_SETTINGS && strchr(argv[i], '='); i++)
        settings[n_settings++] = argv[i];
    if (n_ranks < 2 || n_ranks > MAX_RANKS || n_steps < 1 || !mkdtemp(made))
        return 2;
    folder = made;
    make_stores(n_ranks);
    printf("%d ranks, %d steps of %d clips\n", n_ranks, n_steps, BATCH);
    double alone = measure(n_ranks, "no delay", 0, 0);
    measure(n_ranks, "10 Gb/s", 10, alone);
    measure(n_ranks, "1 Gb/s", 1, alone);
    snprintf(command, sizeof command, "rm -r '%s'", made);
    return system(command) == 0 ? 0 : 1;
}
