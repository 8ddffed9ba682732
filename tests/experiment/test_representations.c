/* Representation maps: distances are those of clips computed one by one, the figures of several
 * seeds are the means over them, and what cannot be compared is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "data/batches.h"
#include "format/npy.h"
#include "model/model_private.h"
#include "model/network.h"
#include "training_run.h"
#include "valence/representations.h"
#include "valence/run.h"

#define TEXT_MISSING VALENCE_BIT(VALENCE_TEXT)

static struct valence_store *store;
static struct valence_model *group; /* two seeds */
static struct valence_error problem;

static void must(int status)
{
    if (status)
        fail_msg("%s", problem.text);
}

static struct valence_model *load(const struct fixture *f, const char *run)
{
    struct valence_model *model;
    struct valence_run *opened;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, run);
    must(valence_run_open(path, VALENCE_CHECKPOINT_BEST, &opened, &problem));
    must(valence_run_load(opened, &model, &problem));
    valence_run_close(opened);
    return model;
}

static int set_up_run(void **state)
{
    set_up(state);
    struct valence_train_config config = config_for(*state, "run");
    struct valence_train_result *result;
    config.seeds = 2;
    config.epochs = 2;
    must(try_training(&config, false, &result, &problem));
    valence_train_result_free(result);
    must(valence_store_open(config.store, NULL, &store, &problem));
    group = load(*state, "run");
    return 0;
}

static int tear_down_run(void **state)
{
    valence_model_free(group);
    valence_store_close(store);
    return tear_down(state);
}

/* The training part, which has the most clips. */
static const struct valence_representation_maps *measure(const struct valence_model *model,
                                                         unsigned missing, int64_t max_clips)
{
    const struct valence_representation_maps *maps;
    struct valence_representations_options options;
    valence_representations_options_default(&options);
    options.split = VALENCE_TRAIN;
    options.missing = missing;
    options.max_clips = max_clips;
    options.batch_size = 7;
    options.grid = 5;
    must(valence_representations_measure(model, store, &options, NULL, &maps, &problem));
    return maps;
}

/* ---- Distances ---- */

/* What the network computes for text: seen and imagined, pooled (d) and gathered (7, o). */
struct vectors {
    float seen[8], imagined[8];
    float seen_cross[7][6], imagined_cross[7][6];
};

static void compute_alone(const struct valence_model *model, int64_t clip, unsigned flow,
                          struct vectors *vectors)
{
    const struct checkpoint *checkpoint = &model->checkpoint;
    const struct valence_batch *batch;
    struct batch_loader *loader;
    struct network *network;
    struct flow_output output;
    struct stream_map map;
    must(stream_map_make(store, checkpoint->stream_names, 100, &map, &problem));
    must(batch_loader_create(store, &map, &loader, &problem));
    must(network_create(&checkpoint->config, &network, &problem));
    batch_loader_start(loader, &clip, 1, 1);
    must(batch_loader_next(loader, &batch, &problem));
    must(network_forward(network, checkpoint->parameters, &checkpoint->standardisation, batch,
                         &flow, 1, &output, &problem));
    memcpy(vectors->seen, output.seen + VALENCE_TEXT * 8, sizeof vectors->seen);
    memcpy(vectors->imagined, output.representations + VALENCE_TEXT * 8, sizeof vectors->imagined);
    for (int q = 0; q < 7; q++) {
        int64_t at = (q * 3 + VALENCE_TEXT) * 6;
        memcpy(vectors->seen_cross[q], output.seen_cross + at, sizeof vectors->seen_cross[q]);
        memcpy(vectors->imagined_cross[q], output.cross + at, sizeof vectors->imagined_cross[q]);
    }
    network_free(network);
    batch_loader_free(loader);
}

static double distance(const float *a, const float *b, int n)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += pow((double)a[i] - (double)b[i], 2);
    return sqrt(squares);
}

static void check_distance(float found, double wanted)
{
    if (!(fabs((double)found - wanted) < 1e-5 * (1 + wanted)))
        fail_msg("a distance of %g, not %g", (double)found, wanted);
}

static void test_distances_are_those_of_clips_alone(void **state)
{
    (void)state;
    const struct valence_model *model = group->members[0];
    const struct valence_representation_maps *maps = measure(model, TEXT_MISSING, 0);
    int64_t n = maps->n_clips;
    assert_int_equal(maps->n_maps, 4);
    assert_true(n > 40);
    for (int64_t i = 0; i < n; i += 5)
        for (int64_t j = 0; j < n; j += 4) {
            struct vectors without, with;
            compute_alone(model, maps->clips[i], TEXT_MISSING, &without);
            compute_alone(model, maps->clips[j], 0, &with);
            int64_t at = i * n + j;
            check_distance(maps->maps[0].distances[at], distance(without.seen, with.seen, 8));
            check_distance(maps->maps[1].distances[at], distance(without.imagined, with.seen, 8));
            check_distance(maps->maps[2].distances[at],
                           distance(without.seen_cross[0], with.seen_cross[0], 42));
            check_distance(maps->maps[3].distances[at],
                           distance(without.imagined_cross[0], with.seen_cross[0], 42));
        }
    valence_representations_free(maps);
}

static void test_clips_are_ordered_by_label(void **state)
{
    (void)state;
    const struct valence_representation_maps *maps = measure(group, TEXT_MISSING, 0);
    int64_t binned = 0;
    for (int64_t i = 0; i < maps->n_clips; i++) {
        assert_true(maps->labels[i] == valence_store_clip(store, maps->clips[i])->label);
        assert_true(i == 0 || maps->labels[i] >= maps->labels[i - 1]);
    }
    assert_int_equal(maps->n_bins, 7); /* sentiment */
    for (int b = 0; b < maps->n_bins; b++)
        binned += maps->bins[b].n_clips;
    assert_int_equal(binned, maps->n_clips);
    valence_representations_free(maps);
}

static void test_a_sample_keeps_the_labels_spread(void **state)
{
    (void)state;
    const struct valence_representation_maps *all = measure(group, TEXT_MISSING, 0);
    const struct valence_representation_maps *some = measure(group, TEXT_MISSING, 10);
    assert_int_equal(some->n_clips, 10);
    assert_int_equal(some->n_beyond, all->n_clips - 10);
    for (int64_t i = 0; i < 10; i++)
        assert_int_equal(some->clips[i], all->clips[(2 * i + 1) * all->n_clips / 20]);
    assert_string_not_equal(some->clips_sha256, all->clips_sha256);
    valence_representations_free(all);
    valence_representations_free(some);
}

/* ---- Seeds ---- */

static void test_figures_of_seeds_are_means(void **state)
{
    (void)state;
    const struct valence_representation_maps *both = measure(group, TEXT_MISSING, 0), *alone[2];
    for (int i = 0; i < 2; i++)
        alone[i] = measure(group->members[i], TEXT_MISSING, 0);
    assert_int_equal(both->n_models, 2);
    for (int m = 0; m < both->n_maps; m++) {
        double a = alone[0]->maps[m].all.ratio.mean, b = alone[1]->maps[m].all.ratio.mean;
        assert_true(isnan(alone[0]->maps[m].all.ratio.deviation));
        assert_true(fabs(both->maps[m].all.ratio.mean - (a + b) / 2) < 1e-12);
        assert_true(fabs(both->maps[m].all.ratio.deviation - fabs(a - b) / sqrt(2)) < 1e-12);
        float x = alone[0]->maps[m].distances[7], y = alone[1]->maps[m].distances[7];
        assert_true(fabsf(both->maps[m].distances[7] - (x + y) / 2) < 1e-6f);
    }
    double a = alone[0]->plane.shift.mean, b = alone[1]->plane.shift.mean;
    assert_true(fabs(both->plane.shift.mean - (a + b) / 2) < 1e-12);
    assert_memory_equal(both->plane.complete, alone[0]->plane.complete,
                        (size_t)both->n_clips * 2 * sizeof(float));
    valence_representations_free(both);
    for (int i = 0; i < 2; i++)
        valence_representations_free(alone[i]);
}

/* ---- Other flows and networks ---- */

/* No trained flow misses audio: nothing is imagined, and nothing is seen. */
static void test_what_no_flow_misses_is_not_imagined(void **state)
{
    (void)state;
    unsigned missing = VALENCE_BIT(VALENCE_AUDIO) | VALENCE_BIT(VALENCE_TEXT);
    const struct valence_representation_maps *maps = measure(group, missing, 0);
    int64_t n = maps->n_clips;
    assert_int_equal(maps->n_maps, 8);
    assert_false(maps->trained);
    assert_int_equal(maps->maps[0].modality, VALENCE_AUDIO);
    assert_memory_equal(maps->maps[0].distances, maps->maps[1].distances,
                        (size_t)(n * n) * sizeof(float));
    for (int64_t i = 1; i < n; i++) /* one row for all clips */
        for (int64_t j = 0; j < n; j++)
            assert_true(fabsf(maps->maps[0].distances[i * n + j] - maps->maps[0].distances[j]) <
                        1e-6f);
    assert_int_equal(maps->maps[4].modality, VALENCE_TEXT); /* text_missing was trained */
    assert_memory_not_equal(maps->maps[4].distances, maps->maps[5].distances,
                            (size_t)(n * n) * sizeof(float));
    valence_representations_free(maps);
}

static struct valence_model *train_other(const struct fixture *f, const char *name,
                                         const char *const *assignments)
{
    struct valence_train_config config = config_for(f, name);
    config.epochs = 1;
    for (int i = 0; assignments[i]; i++)
        must(config_assign(&config, assignments[i], &problem));
    (void)train(&config, false);
    return load(f, name);
}

static void test_networks_have_what_their_fusion_has(void **state)
{
    static const char *const joined[] = {"model.fusion=concatenation", "losses.cross=0", NULL};
    static const char *const fused[] = {"model.views=fused", NULL};
    static const char *const linear[] = {"model.fusion=linear",
                                         "losses.rep=0",
                                         "losses.cross=0",
                                         "losses.feature=0",
                                         "losses.rnc=0",
                                         "model.imagination=off",
                                         NULL};
    const struct valence_representation_maps *maps;
    struct valence_model *model = train_other(*state, "joined", joined);
    maps = measure(model, TEXT_MISSING, 0);
    assert_int_equal(maps->n_maps, 2);
    assert_true(maps->maps[1].all.diagonal.mean > 0);
    valence_representations_free(maps);
    valence_model_free(model);

    model = train_other(*state, "fused", fused);
    maps = measure(model, TEXT_MISSING, 0);
    assert_int_equal(maps->n_maps, 4);
    assert_true(maps->maps[3].all.diagonal.mean > 0);
    valence_representations_free(maps);
    valence_model_free(model);

    model = train_other(*state, "linear", linear);
    assert_int_equal(valence_representations_measure(model, store, NULL, NULL, &maps, &problem),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_null(maps);
    valence_model_free(model);
}

/* ---- Refusals ---- */

static void refuse(const struct valence_representations_options *options, int status,
                   const char *key)
{
    const struct valence_representation_maps *maps;
    assert_int_equal(valence_representations_measure(group, store, options, NULL, &maps, &problem),
                     status);
    assert_null(maps);
    assert_string_equal(problem.key, key);
}

static void test_what_makes_no_map_is_refused(void **state)
{
    static const char *const words[] = {"streams.audio=", "streams.video=", NULL};
    struct valence_representations_options options;
    valence_representations_options_default(&options);
    options.missing = 0;
    refuse(&options, VALENCE_ERROR_ARGUMENT, "missing");
    options.missing = VALENCE_ALL_MODALITIES;
    refuse(&options, VALENCE_ERROR_ARGUMENT, "missing");
    valence_representations_options_default(&options);
    options.max_clips = 1;
    refuse(&options, VALENCE_ERROR_ARGUMENT, "max_clips");
    valence_representations_options_default(&options);
    options.grid = 257;
    refuse(&options, VALENCE_ERROR_ARGUMENT, "grid");
    valence_representations_options_default(&options);
    options.split = (enum valence_split)9;
    refuse(&options, VALENCE_ERROR_ARGUMENT, "split");

    const struct valence_representation_maps *maps;
    struct valence_model *model = train_other(*state, "words", words);
    valence_representations_options_default(&options);
    options.missing = VALENCE_BIT(VALENCE_AUDIO);
    assert_int_equal(valence_representations_measure(model, store, &options, NULL, &maps, &problem),
                     VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(problem.text, "does not read audio"));
    valence_model_free(model);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user, (void)event;
    return 1;
}

static void test_measuring_can_be_cancelled(void **state)
{
    (void)state;
    const struct valence_progress progress = {cancel, NULL};
    const struct valence_representation_maps *maps;
    assert_int_equal(
        valence_representations_measure(group, store, NULL, &progress, &maps, &problem),
        VALENCE_ERROR_CANCELLED);
    assert_null(maps);
}

/* ---- Files ---- */

static void test_files_hold_the_maps(void **state)
{
    const struct fixture *f = *state;
    const struct valence_representation_maps *maps = measure(group, TEXT_MISSING, 0);
    int64_t n = maps->n_clips;
    char folder[128], path[256];
    struct npy *array;
    float *read = malloc((size_t)(n * n) * sizeof *read);
    snprintf(folder, sizeof folder, "%s/maps", f->folder);
    must(valence_representations_write(maps, store, VALENCE_MAP_NPY, folder, &problem));
    snprintf(path, sizeof path, "%s/text-cross-after.npy", folder);
    must(npy_open(path, &array, &problem));
    must(npy_read_float(array, 0, n * n, read, &problem));
    assert_memory_equal(read, maps->maps[3].distances, (size_t)(n * n) * sizeof *read);
    npy_close(array);
    assert_true(exists(f, "maps/text-representation-before.png"));
    assert_true(exists(f, "maps/clips.csv"));
    assert_int_equal(valence_representations_write(maps, store, VALENCE_MAP_NPY, folder, &problem),
                     VALENCE_ERROR_EXISTS);
    snprintf(folder, sizeof folder, "%s/csv", f->folder);
    must(valence_representations_write(maps, store, VALENCE_MAP_CSV, folder, &problem));
    snprintf(path, sizeof path, "%s/text-cross-after.csv", folder);
    FILE *file = fopen(path, "r");
    for (int64_t i = 0; i < n * n; i++) {
        assert_int_equal(fscanf(file, "%f", &read[i]), 1);
        assert_int_equal(fgetc(file), (i + 1) % n ? ',' : '\n');
    }
    assert_int_equal(fgetc(file), EOF);
    assert_memory_equal(read, maps->maps[3].distances, (size_t)(n * n) * sizeof *read);
    fclose(file);
    free(read);
    valence_representations_free(maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances_are_those_of_clips_alone),
        cmocka_unit_test(test_clips_are_ordered_by_label),
        cmocka_unit_test(test_a_sample_keeps_the_labels_spread),
        cmocka_unit_test(test_figures_of_seeds_are_means),
        cmocka_unit_test(test_what_no_flow_misses_is_not_imagined),
        cmocka_unit_test(test_networks_have_what_their_fusion_has),
        cmocka_unit_test(test_what_makes_no_map_is_refused),
        cmocka_unit_test(test_measuring_can_be_cancelled),
        cmocka_unit_test(test_files_hold_the_maps),
    };
    return cmocka_run_group_tests(tests, set_up_run, tear_down_run);
}
