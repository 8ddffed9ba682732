/* bench-network [--batch N] [--steps N] [--threads N] [--lengths FILE] [--precision P] [--limit]
 * bench-network --machine [--precision P]
 *
 * Times the training step (forward, losses, backward, Adam; both flows) and the evaluation of both
 * flows on random rows with the lengths of FILE (CSV: audio,text,video,simulated,label), batch
 * after batch in its order, at the published widths 1024/4096/1024. The first step warms up and is
 * not counted. Products of the training step are computed in P, f32 or bf16 (evaluation's in f32).
 * Prints one line of JSON, with clips a second of the clock and a second of processor time; with
 * --limit also how fast the necessary matrix products alone would be. Without FILE it makes lengths
 * like MOSEI's. BENCH_LEVEL limits kernels to a processor's instructions (level.h). --machine
 * prints what the machine is, as JSON, and fails if it has no units for P. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "bench_limit.h"
#include "level.h"
#include "measure.h"
#include "kernels/adam.h"
#include "model/network.h"
#include "model/parameters.h"
#include "valence/machine.h"

#define MAX_CLIPS 100000

struct settings {
    int64_t batch, steps, threads;
    const char *lengths;
    enum precision precision;
    bool limit, machine;
};

struct clip_lengths {
    int64_t rows[VALENCE_N_STREAMS];
    float label;
};

static void die(const char *text)
{
    fprintf(stderr, "bench-network: %s\n", text);
    exit(1);
}

static void must(int status, const struct valence_error *error)
{
    if (status)
        die(error->text);
}

static struct settings parse(int argc, char **argv)
{
    struct settings settings = {.batch = 96, .steps = 6, .threads = threads_count()};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--limit") == 0)
            settings.limit = true;
        else if (strcmp(argv[i], "--machine") == 0)
            settings.machine = true;
        else if (strcmp(argv[i], "--batch") == 0)
            settings.batch = atol(value), i++;
        else if (strcmp(argv[i], "--steps") == 0)
            settings.steps = atol(value), i++;
        else if (strcmp(argv[i], "--threads") == 0)
            settings.threads = atol(value), i++;
        else if (strcmp(argv[i], "--precision") == 0 && strcmp(value, "bf16") == 0)
            settings.precision = PRECISION_BF16, i++;
        else if (strcmp(argv[i], "--precision") == 0 && strcmp(value, "f32") == 0)
            settings.precision = PRECISION_F32, i++;
        else if (strcmp(argv[i], "--lengths") == 0)
            settings.lengths = value, i++;
        else
            die("usage: bench-network [--batch N] [--steps N] [--threads N] [--lengths FILE] "
                "[--precision f32|bf16] [--limit | --machine]");
    }
    if (settings.batch < 1 || settings.steps < 1 || settings.threads < 1)
        die("--batch, --steps and --threads are at least 1");
    return settings;
}

/* Log-normal with the medians and 95th percentiles of MOSEI's streams, all following the clip's
 * duration. */
static int64_t make_lengths(struct clip_lengths *clips, int64_t n)
{
    static const double medians[] = {293, 19, 143, 18}, spreads[] = {0.64, 0.68, 0.65, 0.68};
    struct random_source source = random_source(1, 2);
    for (int64_t i = 0; i < n; i++) {
        double duration = random_normal(&source);
        for (int s = 0; s < VALENCE_N_STREAMS; s++) {
            double z = 0.9 * duration + 0.44 * random_normal(&source);
            clips[i].rows[s] = 1 + (int64_t)(medians[s] * exp(spreads[s] * z));
        }
        clips[i].label = (float)(rint(random_normal(&source) * 3) / 3);
    }
    return n;
}

static int64_t read_lengths(const char *path, struct clip_lengths *clips)
{
    FILE *file = fopen(path, "r");
    char line[256];
    int64_t n = 0;
    if (!file || !fgets(line, sizeof line, file))
        die("cannot read the lengths");
    while (n < MAX_CLIPS && fgets(line, sizeof line, file)) {
        long a, t, v, s;
        if (sscanf(line, "%ld,%ld,%ld,%ld,%f", &a, &t, &v, &s, &clips[n].label) != 5)
            die("a line of the lengths is not audio,text,video,simulated,label");
        clips[n] = (struct clip_lengths){{a, t, v, s}, clips[n].label};
        n++;
    }
    fclose(file);
    return n;
}

/* A packed batch of random rows, f16 as stores keep them. */
struct packed {
    struct valence_batch batch;
    uint16_t *rows[VALENCE_N_STREAMS];
    int64_t *offsets[VALENCE_N_STREAMS];
    uint64_t *keys;
    float *labels;
};

static void pack(struct packed *packed, const struct clip_lengths *clips, int64_t n,
                 const struct valence_model_config *config)
{
    struct random_source source = random_source(7, 7);
    *packed = (struct packed){.keys = calloc((size_t)n, sizeof(uint64_t)),
                              .labels = calloc((size_t)n, sizeof(float))};
    for (int64_t i = 0; i < n; i++) {
        packed->keys[i] = random_u32(&source);
        packed->labels[i] = clips[i].label;
    }
    packed->batch = (struct valence_batch){n, packed->keys, packed->labels, {{0}}};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t *offsets = calloc((size_t)n + 1, sizeof *offsets);
        int64_t width = config->widths[valence_stream_modality(s)];
        for (int64_t i = 0; i < n; i++)
            offsets[i + 1] = offsets[i] + clips[i].rows[s];
        int64_t count = offsets[n] * width;
        uint16_t *rows = block_take(count, sizeof *rows); /* as the loader of batches does */
        for (int64_t i = 0; i < count; i++)               /* a uniform with deviation 1 */
            rows[i] = float_to_half((float)((random_u32(&source) >> 8) * 0x1p-24 - 0.5) * 3.46f);
        packed->rows[s] = rows;
        packed->offsets[s] = offsets;
        packed->batch.streams[s] = (struct valence_rows){rows, VALENCE_F16, width, offsets, NULL};
    }
}

/* Lays out for the largest of all batches, as a training does before its first step. */
static void reserve(struct network *network, const struct valence_model_config *config,
                    const struct clip_lengths *clips, const struct settings *settings)
{
    int64_t most[VALENCE_N_STREAMS] = {0};
    struct valence_error error;
    for (int64_t i = 0; i <= settings->steps; i++)
        for (int s = 0; s < VALENCE_N_STREAMS; s++) {
            int64_t rows = 0;
            for (int64_t clip = i * settings->batch; clip < (i + 1) * settings->batch; clip++)
                rows += clips[clip].rows[s];
            most[s] = rows > most[s] ? rows : most[s];
        }
    must(network_reserve(network, settings->batch, most, config->flows, config->n_flows, true,
                         &error),
         &error);
}

static void unpack(struct packed *packed)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t n_rows = packed->offsets[s][packed->batch.n_clips];
        block_free(packed->rows[s], n_rows * packed->batch.streams[s].width,
                   sizeof *packed->rows[s]);
        free(packed->offsets[s]);
    }
    free(packed->keys);
    free(packed->labels);
}

struct timing {
    double train, evaluate, train_cpu, evaluate_cpu; /* seconds of the clock, and of processors */
    double train_limit, evaluate_limit, train_gflop, evaluate_gflop;
    int64_t clips;
};

struct trained {
    struct valence_model_config config;
    struct network *network;
    int64_t n;
    real *parameters, *gradients, *first, *second;
};

static void step(struct trained *t, const struct packed *packed, int64_t number, bool counted,
                 struct timing *timing)
{
    static const struct loss_weights weights = {0.5, 0.5, 0.1, 0.7, 0.1, 0.8};
    struct adam_options options = {1e-4, 0.9, 0.999, 1e-8, 1e-5, false, 1};
    struct valence_error error;
    struct loss_terms terms;
    struct flow_output outputs[2];
    double start = seconds_now(), start_cpu = cpu_seconds();
    bool alone = network_threads(t->network, &packed->batch, true) < threads_count();
    int before = alone ? threads_enter(1) : 0;
    must(network_gradients(t->network, t->parameters, NULL, &packed->batch, t->config.flows,
                           t->config.n_flows, &weights, mix_keys(1, (uint64_t)number), t->gradients,
                           &terms, &error),
         &error);
    adam_step(&options, number + 1, t->n, t->parameters, t->gradients, t->first, t->second);
    if (before)
        threads_leave(before);
    double middle = seconds_now(), middle_cpu = cpu_seconds();
    must(network_forward(t->network, t->parameters, NULL, &packed->batch, t->config.flows, 2,
                         outputs, &error),
         &error);
    double end = seconds_now(), end_cpu = cpu_seconds();
    if (!counted)
        return;
    timing->train += middle - start;
    timing->evaluate += end - middle;
    timing->train_cpu += middle_cpu - start_cpu;
    timing->evaluate_cpu += end_cpu - middle_cpu;
    timing->clips += packed->batch.n_clips;
}

static void add_limit(const struct trained *t, const struct packed *packed, struct timing *timing)
{
    int64_t rows[VALENCE_N_STREAMS];
    double gflop;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        rows[s] = packed->offsets[s][packed->batch.n_clips];
    timing->train_limit += limit_seconds(&t->config, packed->batch.n_clips, rows, true, 3, &gflop);
    timing->train_gflop += gflop;
    timing->evaluate_limit +=
        limit_seconds(&t->config, packed->batch.n_clips, rows, false, 3, &gflop);
    timing->evaluate_gflop += gflop;
}

static void report(const struct settings *settings, const struct timing *timing)
{
    double clips = (double)timing->clips;
    printf("{\"train_clips_per_s\": %.2f, \"evaluate_clips_per_s\": %.2f", clips / timing->train,
           clips / timing->evaluate);
    printf(", \"train_clips_per_cpu_s\": %.2f, \"evaluate_clips_per_cpu_s\": %.2f",
           clips / timing->train_cpu, clips / timing->evaluate_cpu);
    if (settings->limit)
        printf(", \"train_limit_clips_per_s\": %.2f, \"evaluate_limit_clips_per_s\": %.2f, "
               "\"train_gflop_per_clip\": %.3f, \"evaluate_gflop_per_clip\": %.3f",
               clips / timing->train_limit, clips / timing->evaluate_limit,
               timing->train_gflop / clips, timing->evaluate_gflop / clips);
    else /* the limit's own matrices would count */
        printf(", \"peak_rss_mib\": %.0f", peak_mib());
    printf(", \"batch\": %ld, \"threads\": %ld, \"precision\": \"%s\"}\n", (long)settings->batch,
           (long)settings->threads, settings->precision == PRECISION_BF16 ? "bf16" : "f32");
}

/* The keys of bench-products. */
static int print_machine(enum precision precision)
{
    struct valence_machine machine = {.size = sizeof machine};
    struct valence_error error;
    must(network_check_precision(precision, &error), &error);
    must(valence_machine_describe(&machine, &error), &error);
    for (char *at = machine.cpu; *at; at++) /* a name with either is not known */
        *at = *at == '"' || *at == '\\' ? '\'' : *at;
    printf("{\"cpu\": \"%s\", \"cpus\": %d, \"instructions\": \"%s\", \"system\": \"%s\"}\n",
           machine.cpu, machine.n_cpus, machine.instructions, machine.system);
    return 0;
}

int main(int argc, char **argv)
{
    struct settings settings = parse(argc, argv);
    if (settings.machine)
        return print_machine(settings.precision);
    if (getenv("BENCH_LEVEL") && !limit_to_level(getenv("BENCH_LEVEL")))
        die("BENCH_LEVEL is none of " LEVELS ", or not of this processor");
    threads_set((int)settings.threads);
    struct clip_lengths *clips = calloc(MAX_CLIPS, sizeof *clips);
    int64_t n_clips =
        settings.lengths ? read_lengths(settings.lengths, clips) : make_lengths(clips, 1536);

    struct trained t = {0};
    struct valence_error error;
    struct parameter_table table;
    valence_model_config_default(&t.config);
    t.config.widths[VALENCE_AUDIO] = t.config.widths[VALENCE_VIDEO] = 1024;
    t.config.widths[VALENCE_TEXT] = 4096;
    parameter_table_make(&t.config, &table);
    t.n = table.n_values;
    real **blocks[] = {&t.parameters, &t.gradients, &t.first, &t.second};
    for (int i = 0; i < 4; i++)
        if (!(*blocks[i] = block_take_zeroed(t.n, sizeof(real))))
            die("memory is short");
    parameters_initialise(&table, 1, t.parameters);
    must(network_create(&t.config, &t.network, &error), &error);
    must(network_check_precision(settings.precision, &error), &error);
    network_set_precision(t.network, settings.precision);

    if ((settings.steps + 1) * settings.batch > n_clips)
        die("the lengths have too few clips for so many steps");
    reserve(t.network, &t.config, clips, &settings);
    struct timing timing = {0};
    for (int64_t i = 0; i <= settings.steps; i++) {
        struct packed packed;
        pack(&packed, clips + i * settings.batch, settings.batch, &t.config);
        step(&t, &packed, i, i > 0, &timing);
        if (settings.limit && i > 0)
            add_limit(&t, &packed, &timing);
        unpack(&packed);
    }
    report(&settings, &timing);
    network_free(t.network);
    for (int i = 0; i < 4; i++)
        block_free(*blocks[i], t.n, sizeof(real));
    free(clips);
    return 0;
}
