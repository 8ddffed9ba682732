/* Epochs of reading a store that is not in memory: in the full order, and shard by shard with the
 * shards read ahead or not. Training reads batches in the same way (data/batches.h); here a step
 * takes a given time instead of computing.
 *
 *     bench-reading STORE [WINDOW] [STEP_MS] [ROUNDS]      1 shard, 20 ms, 3 rounds
 *
 * Before each epoch the store's files leave the page cache, so that it reads all of them from the
 * disk, as it does where a store is larger than memory. Rounds take the cases in turn. Prints
 * seconds of an epoch, and how many of them the steps waited for a batch: median (least to most).
 * scripts/slow_disk.sh makes the disk slow. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/batches.h"
#include "data/shuffle.h"
#include "measure.h"
#include "store/store_shards.h"

enum { BATCH = 96, MAX_ROUNDS = 99 };

struct reading {
    struct valence_store *store;
    struct stream_map map;
    struct clip_selection clips;
    int64_t *order;
    double step; /* seconds */
};

struct reading_case {
    const char *name;
    bool by_shards, is_ahead;
    double epochs[MAX_ROUNDS], waits[MAX_ROUNDS];
};

static void must(int status, const struct valence_error *error)
{
    if (!status)
        return;
    fprintf(stderr, "bench-reading: %s\n", error->text);
    exit(1);
}

static void empty_cache(const struct valence_store *store)
{
    for (int f = 0; f < store_n_files(store); f++) {
        int number = posix_fadvise(store_get_file(store, f).descriptor, 0, 0, POSIX_FADV_DONTNEED);
        if (number) {
            fprintf(stderr, "bench-reading: posix_fadvise: %s\n", strerror(number));
            exit(1);
        }
    }
}

static void pause_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

static void run_epoch(const struct reading *r, const struct reading_case *c, int64_t window,
                      int round, double *epoch, double *waited)
{
    struct valence_error error;
    struct batch_loader *loader;
    const struct valence_batch *batch;
    struct random_source source = random_source(1, (uint64_t)round);
    must(shuffle_clips(r->store, r->clips.clips, r->clips.n, c->by_shards ? window : 0, &source,
                       r->order, &error),
         &error);
    must(batch_loader_create(r->store, &r->map, &loader, &error), &error);
    if (c->is_ahead)
        must(batch_loader_read_ahead(loader, window, &error), &error);
    empty_cache(r->store);
    double begin = seconds_now();
    *waited = 0;
    batch_loader_start(loader, r->order, r->clips.n, BATCH);
    for (;;) {
        double asked = seconds_now();
        must(batch_loader_next(loader, &batch, &error), &error);
        *waited += seconds_now() - asked;
        if (!batch)
            break;
        pause_for(r->step);
    }
    *epoch = seconds_now() - begin;
    batch_loader_free(loader);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    double median = (values[(n - 1) / 2] + values[n / 2]) / 2;
    printf("  %s %6.1f s (%.1f-%.1f)", what, median, values[0], values[n - 1]);
}

static double read_number(int argc, char **argv, int at, double usual)
{
    return argc > at ? strtod(argv[at], NULL) : usual;
}

int main(int argc, char **argv)
{
    static const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {
        "audio", "text", "video", "simulated_text"};
    static struct reading_case cases[] = {
        {.name = "full order"},
        {.name = "by shards", .by_shards = true},
        {.name = "by shards, read ahead", .by_shards = true, .is_ahead = true},
    };
    enum { N_CASES = sizeof cases / sizeof *cases };
    struct reading r = {.step = read_number(argc, argv, 3, 20) / 1000};
    int64_t window = (int64_t)read_number(argc, argv, 2, 1);
    int n_rounds = (int)read_number(argc, argv, 4, 3);
    struct valence_error error;
    if (argc < 2 || argc > 5 || window < 1 || n_rounds < 1 || n_rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench-reading STORE [WINDOW] [STEP_MS] [ROUNDS]\n");
        return 2;
    }
    must(valence_store_open(argv[1], NULL, &r.store, &error), &error);
    must(stream_map_make(r.store, names, CLIP_MAX_ROWS, &r.map, &error), &error);
    must(clip_selection_make(r.store, &r.map, VALENCE_TRAIN, true, &r.clips, &error), &error);
    r.order = malloc(((size_t)r.clips.n + 1) * sizeof *r.order);
    if (!r.order)
        return 1;
    for (int round = 0; round < n_rounds; round++)
        for (int c = 0; c < N_CASES; c++)
            run_epoch(&r, &cases[c], window, round, &cases[c].epochs[round],
                      &cases[c].waits[round]);
    printf("%lld clips, window %lld, steps of %.0f ms take %.1f s\n", (long long)r.clips.n,
           (long long)window, 1000 * r.step, (double)((r.clips.n + BATCH - 1) / BATCH) * r.step);
    for (int c = 0; c < N_CASES; c++) {
        printf("%-22s", cases[c].name);
        print("epoch", cases[c].epochs, n_rounds);
        print("waited", cases[c].waits, n_rounds);
        printf("\n");
    }
    free(r.order);
    clip_selection_free(&r.clips);
    valence_store_close(r.store);
    return 0;
}
