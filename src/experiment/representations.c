/* Distances between what models imagine and what they see. */
#include "experiment/representations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "evaluate/clips_hash.h"
#include "evaluate/seeds.h"
#include "experiment/representation_capture.h"
#include "kernels/pairwise.h"
#include "kernels/principal.h"
#include "model/layout.h"
#include "model/model_private.h"

#define MAX_CLIPS 100000 /* whose map takes 40 GB */
#define MAX_GRID  256

const char *const valence_representation_names[VALENCE_MAX_NAMES] = {"representation", "cross"};

void valence_representations_options_default(struct valence_representations_options *options)
{
    *options = (struct valence_representations_options){.size = sizeof *options,
                                                        .split = VALENCE_TEST,
                                                        .missing = VALENCE_BIT(VALENCE_TEXT),
                                                        .max_clips = 2000,
                                                        .batch_size = 64,
                                                        .max_rows = CLIP_MAX_ROWS};
}

static int check_range(const char *key, int64_t value, int64_t low, int64_t high,
                       struct valence_error *error)
{
    return value >= low && value <= high
               ? VALENCE_OK
               : fail_key(error, VALENCE_ERROR_ARGUMENT, key,
                          "%s is %lld; it must be from %lld to %lld", key, (long long)value,
                          (long long)low, (long long)high);
}

static int take_options(const struct valence_representations_options *given,
                        struct valence_representations_options *options,
                        struct valence_error *error)
{
    valence_representations_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status && (unsigned)options->split >= VALENCE_N_SPLITS)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "split", "unknown split %d",
                          (int)options->split);
    if (!status && (options->missing == 0 || options->missing >= VALENCE_ALL_MODALITIES))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "missing",
                          "one or two of the three modalities can be missing");
    if (!status && options->max_clips) /* 0: all */
        status = check_range("max_clips", options->max_clips, 2, MAX_CLIPS, error);
    if (!status)
        status = check_range("grid", options->grid, 0, MAX_GRID, error);
    if (!status)
        status = check_range("batch_size", options->batch_size, 1, 1 << 20, error);
    if (!status)
        status = check_range("max_rows", options->max_rows, 1, INT64_MAX, error);
    return status;
}

/* ---- Models ---- */

static const struct valence_model *member_of(const struct valence_model *model, int i)
{
    return model->n_members ? model->members[i] : model;
}

static int check_models(const struct valence_model *model, unsigned missing,
                        struct valence_error *error)
{
    for (int i = 0; i < valence_model_n_members(model); i++) {
        const struct valence_model_config *config = &member_of(model, i)->checkpoint.config;
        if (network_is_closed_form(config))
            return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "model.fusion",
                            "a model with model.fusion: %s has no representations to compare",
                            valence_fusion_names[config->fusion]);
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (missing & VALENCE_BIT(m) && !(valence_model_modalities(model) & VALENCE_BIT(m)))
            return fail_key(error, VALENCE_ERROR_NOT_FOUND, "missing",
                            "the model does not read %s, so it cannot be missing",
                            valence_modality_names[m]);
    return VALENCE_OK;
}

/* ---- Clips ---- */

struct labelled_clip {
    int64_t clip;
    float label;
};

static int by_label(const void *a, const void *b)
{
    const struct labelled_clip *x = a, *y = b;
    int by = (x->label > y->label) - (x->label < y->label);
    return by ? by : (x->clip > y->clip) - (x->clip < y->clip);
}

/* Real rows of all that is missing are what the others are compared with. */
static bool has_rows(const struct scoring *scoring, int64_t clip, unsigned missing)
{
    return (scoring_absent(scoring->store, &scoring->map, clip) & missing) == 0;
}

/* Those of the split that can be compared, by label; *n of them. */
static struct labelled_clip *find_clips(const struct scoring *scoring,
                                        const struct valence_representations_options *options,
                                        struct valence_representation_maps *maps, int64_t *n)
{
    int64_t n_clips = valence_store_n_clips(scoring->store);
    struct labelled_clip *found = allocate(n_clips, sizeof *found);
    *n = 0;
    for (int64_t i = 0; found && i < n_clips; i++) {
        const struct valence_clip *clip = valence_store_clip(scoring->store, i);
        if (clip->split != options->split)
            continue;
        if (isnan(clip->label))
            maps->n_unlabelled++;
        else if (!has_rows(scoring, i, options->missing))
            maps->n_without++;
        else
            found[(*n)++] = (struct labelled_clip){i, clip->label};
    }
    if (found)
        qsort(found, (size_t)*n, sizeof *found, by_label);
    return found;
}

static int choose_clips(const struct scoring *scoring,
                        const struct valence_representations_options *options,
                        struct owned_maps *owned, struct valence_error *error)
{
    struct valence_representation_maps *maps = &owned->shown;
    int64_t n;
    struct labelled_clip *found = find_clips(scoring, options, maps, &n);
    maps->n_clips = options->max_clips && options->max_clips < n ? options->max_clips : n;
    maps->n_beyond = n - maps->n_clips;
    owned->clips = allocate(maps->n_clips, sizeof *owned->clips);
    owned->labels = allocate(maps->n_clips, sizeof *owned->labels);
    int status = VALENCE_OK;
    if (!found || !owned->clips || !owned->labels)
        status = fail_memory(error, (size_t)n * sizeof *found, "the clips");
    else if (maps->n_clips < 2)
        status = fail_key(error, VALENCE_ERROR_NOT_FOUND, "split",
                          "%s: fewer than two clips of the %s split have a label and rows of what "
                          "is to be missing",
                          valence_store_path(scoring->store), valence_split_names[options->split]);
    for (int64_t i = 0; i < maps->n_clips && !status; i++) {
        const struct labelled_clip *clip = &found[(2 * i + 1) * n / (2 * maps->n_clips)];
        owned->clips[i] = clip->clip;
        owned->labels[i] = clip->label;
    }
    free(found);
    maps->clips = owned->clips;
    maps->labels = owned->labels;
    return status;
}

/* ---- Maps ---- */

/* The maps that a capture gives, with room for their distances; `figures` holds those of all
 * models, (n_models, n_maps, 1 + n_bins, MAP_N_FIGURES). */
static int lay_out_maps(struct owned_maps *owned, const struct capture *capture,
                        struct valence_error *error)
{
    struct valence_representation_maps *maps = &owned->shown;
    int64_t n = maps->n_clips, cells = (int64_t)maps->n_grid * maps->n_grid;
    maps->n_maps = 2 * capture->n_compared;
    owned->maps = allocate(maps->n_maps, sizeof *owned->maps);
    owned->bins_of_maps = allocate(maps->n_maps * maps->n_bins, sizeof *owned->bins_of_maps);
    owned->distances = block_take_zeroed(maps->n_maps * n * n, sizeof(float));
    owned->grids = allocate(maps->n_maps * cells, sizeof(float));
    owned->figures =
        allocate((int64_t)maps->n_models * maps->n_maps * (1 + maps->n_bins) * MAP_N_FIGURES,
                 sizeof *owned->figures);
    if (!owned->maps || !owned->bins_of_maps || !owned->distances || !owned->grids ||
        !owned->figures)
        return fail_memory(error, (size_t)(maps->n_maps * n * n) * sizeof(float), "the maps");
    for (int i = 0; i < maps->n_maps; i++)
        owned->maps[i] =
            (struct valence_distance_map){.modality = capture->compared[i / 2].modality,
                                          .representation = capture->compared[i / 2].representation,
                                          .imagined = i % 2,
                                          .bins = owned->bins_of_maps + i * maps->n_bins,
                                          .distances = owned->distances + i * n * n,
                                          .grid = cells ? owned->grids + i * cells : NULL};
    maps->maps = owned->maps;
    return VALENCE_OK;
}

/* Figures of one model, and its share of the mean distances. `room` is (n, n). */
static void add_model(struct owned_maps *owned, const struct capture *capture, int model,
                      float *room)
{
    const struct valence_representation_maps *maps = &owned->shown;
    int64_t n = maps->n_clips;
    float share = 1.0f / (float)maps->n_models;
    for (int i = 0; i < maps->n_maps; i++) {
        const struct compared *compared = &capture->compared[i / 2];
        float *mean = owned->distances + i * n * n;
        pairwise_distances(n, i % 2 ? compared->after : compared->before, n, compared->real,
                           compared->width, room);
        map_measure(room, maps->labels, n, owned->bins, maps->n_bins,
                    owned->figures +
                        ((int64_t)model * maps->n_maps + i) * (1 + maps->n_bins) * MAP_N_FIGURES);
        for (int64_t j = 0; j < n * n; j++)
            mean[j] += share * room[j];
    }
}

/* One figure over the models. */
static struct valence_seed_summary over_models(const struct owned_maps *owned, int map, int bin,
                                               enum map_figure figure, double *values)
{
    const struct valence_representation_maps *maps = &owned->shown;
    for (int i = 0; i < maps->n_models; i++)
        values[i] = owned->figures[(((int64_t)i * maps->n_maps + map) * (1 + maps->n_bins) + bin) *
                                       MAP_N_FIGURES +
                                   (int)figure];
    return summarise_seeds(values, maps->n_models);
}

static struct valence_distance_figures figures_of(const struct owned_maps *owned, int map, int bin,
                                                  double *values)
{
    return (struct valence_distance_figures){
        .diagonal = over_models(owned, map, bin, MAP_DIAGONAL, values),
        .off_diagonal = over_models(owned, map, bin, MAP_OFF_DIAGONAL, values),
        .ratio = over_models(owned, map, bin, MAP_RATIO, values),
        .nearest = over_models(owned, map, bin, MAP_NEAREST, values),
        .nearer = over_models(owned, map, bin, MAP_NEARER, values),
        .label_corr = over_models(owned, map, bin, MAP_LABEL_CORR, values)};
}

static void finish_maps(struct owned_maps *owned, double *values)
{
    const struct valence_representation_maps *maps = &owned->shown;
    int64_t n = maps->n_clips, cells = (int64_t)maps->n_grid * maps->n_grid;
    for (int i = 0; i < maps->n_maps; i++) {
        owned->maps[i].all = figures_of(owned, i, 0, values);
        for (int b = 0; b < maps->n_bins; b++)
            owned->bins_of_maps[i * maps->n_bins + b] = figures_of(owned, i, 1 + b, values);
        if (cells)
            map_reduce(owned->distances + i * n * n, n, maps->n_grid, owned->grids + i * cells);
    }
}

/* ---- Features ---- */

/* What a model says of the plane, for the means over the models: (n_models) each. */
struct plane_values {
    double *explained[2], *shift;
};

/* The clips' own shift, relative to how far apart they lie. `room` is (n, n). */
static double measure_shift(const struct capture *capture, float *room)
{
    int64_t n = capture->n, width = capture->feature_width;
    const float *complete = capture->features, *missing = complete + n * width;
    double own = 0, apart = 0;
    for (int64_t i = 0; i < n; i++) {
        pairwise_distances(1, missing + i * width, 1, complete + i * width, width, room);
        own += (double)room[0] / (double)n;
    }
    pairwise_distances(n, complete, n, complete, width, room);
    for (int64_t i = 0; i < n * n; i++)
        apart += (double)room[i] / (double)(n * (n - 1));
    return apart > 0 ? own / apart : (double)NAN;
}

static int measure_plane(struct owned_maps *owned, const struct capture *capture, int model,
                         float *room, struct plane_values *values, struct valence_error *error)
{
    int64_t n = capture->n;
    struct principal principal;
    int status =
        principal_make(2 * n, capture->feature_width, capture->features, 2, &principal, error);
    if (status)
        return status;
    for (int c = 0; c < 2; c++)
        values->explained[c][model] =
            principal.total > 0 ? principal.variances[c] / principal.total : (double)NAN;
    values->shift[model] = measure_shift(capture, room);
    if (model == 0)
        principal_project(&principal, 2 * n, capture->features, owned->points);
    principal_free(&principal);
    return VALENCE_OK;
}

static void finish_plane(struct owned_maps *owned, const struct plane_values *values)
{
    struct valence_feature_plane *plane = &owned->shown.plane;
    int n = owned->shown.n_models;
    for (int c = 0; c < 2; c++)
        plane->explained[c] = summarise_seeds(values->explained[c], n);
    plane->shift = summarise_seeds(values->shift, n);
    plane->complete = owned->points;
    plane->missing = owned->points + 2 * owned->shown.n_clips;
}

/* ---- All models ---- */

static int measure_member(const struct scoring *scoring, const struct valence_model *model,
                          int number, struct owned_maps *owned, float *room,
                          struct plane_values *plane, struct valence_error *error)
{
    const struct valence_representation_maps *maps = &owned->shown;
    struct scoring reading = *scoring;
    struct capture capture;
    reading.before = number * maps->n_clips;
    reading.total = maps->n_models * maps->n_clips;
    int status = capture_make(&reading, member_of(model, number), maps->missing, maps->clips,
                              maps->n_clips, &capture, error);
    if (!status && number == 0)
        status = lay_out_maps(owned, &capture, error);
    /* Seeds of one run have the same representations; other groups need not. */
    if (!status && 2 * capture.n_compared != maps->n_maps)
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "member %d has other representations than member 1", number + 1);
    if (!status) {
        add_model(owned, &capture, number, room);
        status = measure_plane(owned, &capture, number, room, plane, error);
    }
    capture_free(&capture);
    return status;
}

static int measure_models(const struct scoring *scoring, struct owned_maps *owned,
                          struct valence_error *error)
{
    int64_t n = owned->shown.n_clips, n_models = owned->shown.n_models;
    float *room = block_take(n * n, sizeof *room);
    double *values = allocate(4 * n_models, sizeof *values);
    struct plane_values plane = {{values, values + n_models}, values + 2 * n_models};
    owned->points = allocate(4 * n, sizeof *owned->points);
    int status = room && values && owned->points
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)(n * n) * sizeof *room, "a map");
    for (int i = 0; i < n_models && !status; i++)
        status = measure_member(scoring, scoring->model, i, owned, room, &plane, error);
    if (!status) {
        finish_maps(owned, values + 3 * n_models);
        finish_plane(owned, &plane);
    }
    block_free(room, n * n, sizeof *room);
    free(values);
    return status;
}

static int measure(const struct scoring *scoring,
                   const struct valence_representations_options *options, struct owned_maps *owned,
                   struct valence_error *error)
{
    struct valence_representation_maps *maps = &owned->shown;
    maps->split = options->split;
    maps->missing = options->missing;
    maps->trained = scoring_flow_is_trained(scoring->model, options->missing);
    maps->synthetic = store_is_synthetic(scoring->store);
    maps->n_models = valence_model_n_members(scoring->model);
    int status = valence_model_match_data(scoring->model, scoring->store, &maps->data, error);
    if (!status)
        status = choose_clips(scoring, options, owned, error);
    if (status)
        return status;
    clips_hash(scoring->store, maps->clips, maps->labels, maps->n_clips, maps->clips_sha256);
    maps->n_bins = map_label_bins(valence_store_scale(scoring->store), maps->labels, maps->n_clips,
                                  owned->bins);
    maps->bins = owned->bins;
    maps->n_grid = (int)(options->grid < maps->n_clips ? options->grid : maps->n_clips);
    return measure_models(scoring, owned, error);
}

int valence_representations_measure(const struct valence_model *model,
                                    const struct valence_store *store,
                                    const struct valence_representations_options *given,
                                    const struct valence_progress *progress,
                                    const struct valence_representation_maps **maps,
                                    struct valence_error *error)
{
    struct valence_representations_options options;
    struct scoring scoring;
    if (!maps)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the maps are NULL");
    *maps = NULL;
    if (!model || !store)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the model or the store is NULL");
    int status = take_options(given, &options, error);
    if (!status)
        status = check_models(model, options.missing, error);
    if (!status)
        status = scoring_open(&scoring, model, store, NULL, options.batch_size, options.max_rows,
                              progress, error);
    if (status)
        return status;
    struct owned_maps *made = allocate(1, sizeof *made);
    status = made ? measure(&scoring, &options, made, error)
                  : fail_memory(error, sizeof *made, "the maps");
    scoring_close(&scoring);
    if (status)
        valence_representations_free(made ? &made->shown : NULL);
    else
        *maps = &made->shown;
    return status;
}

void valence_representations_free(const struct valence_representation_maps *maps)
{
    struct owned_maps *owned = (void *)(uintptr_t)maps;
    if (!owned)
        return;
    block_free(owned->distances, maps->n_maps * maps->n_clips * maps->n_clips, sizeof(float));
    free(owned->clips);
    free(owned->labels);
    free(owned->maps);
    free(owned->bins_of_maps);
    free(owned->grids);
    free(owned->figures);
    free(owned->points);
    free(owned);
}
