/* Opens a run and closes it: its data, its folder, its model, begun or gone on with. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/shuffle.h"
#include "model/layout.h"
#include "model/parameters.h"
#include "store/store_shards.h"
#include "store/store_source.h"
#include "train/data_notes.h"
#include "train/initial_weights.h"
#include "train/train_novelty.h"
#include "train/trainer_private.h"
#include "valence/version.h"

static uint64_t key_of_clips(const struct trainer *t, const struct clip_selection *clips,
                             uint64_t key)
{
    for (int64_t i = 0; i < clips->n; i++) {
        key = mix_keys(key, valence_clip_key(valence_store_clip(t->store, clips->clips[i])->id));
        for (int s = 0; s < VALENCE_N_STREAMS; s++)
            key = mix_keys(key, (uint64_t)clip_rows(t->store, &t->map, clips->clips[i],
                                                    (enum valence_stream)s));
    }
    return key;
}

static int choose_clips(struct trainer *t, enum valence_split split,
                        struct clip_selection *selection, struct valence_error *error)
{
    int status = clip_selection_make(t->store, &t->map, split, true, selection, error);
    if (status || selection->n)
        return status;
    const char *key = split == VALENCE_VALIDATION ? "validation_fraction" : "store";
    const char *name = valence_split_names[split];
    if (selection->n_unlabelled + selection->n_empty == 0)
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, key,
                        "%s: no clip is in the %s part: training takes a store whose clips have "
                        "splits and labels",
                        t->config->store, name);
    return fail_key(error, VALENCE_ERROR_NOT_FOUND, key,
                    "%s: no clip of the %s part can be used (%lld without a label, %lld without "
                    "rows)",
                    t->config->store, name, (long long)selection->n_unlabelled,
                    (long long)selection->n_empty);
}

/* ---- Data ---- */

static bool shuffles_by_shards(const struct trainer *t)
{
    int64_t window = t->config->shuffle_shards;
    return window > 0 && window < store_n_files(t->store);
}

static int open_data(struct trainer *t, struct valence_error *error)
{
    const struct valence_train_config *config = t->config;
    struct valence_store_options options;
    valence_store_options_default(&options);
    options.accept_unfinished = config->accept_unfinished;
    int status = valence_store_open(config->store, &options, &t->store, error);
    if (!status)
        status = trainer_check_labels(t, error);
    if (!status)
        status = stream_map_make(t->store, config->streams, config->max_rows, &t->map, error);
    if (!status)
        status = choose_clips(t, VALENCE_TRAIN, &t->training, error);
    if (!status)
        status = choose_clips(t, VALENCE_VALIDATION, &t->validation, error);
    if (!status && t->classes)
        status = trainer_count_classes(t, error);
    if (!status)
        status = batch_loader_create(t->store, &t->map, &t->loader, error);
    if (!status && shuffles_by_shards(t))
        status = batch_loader_read_ahead(t->loader, config->shuffle_shards, error);
    if (!status)
        status = missing_create(&config->missing, t->store, &t->map, &t->missing, error);
    return status;
}

/* What a reader of the checkpoint may want to know about where it comes from. */
static json_t *make_provenance(const struct trainer *t)
{
    json_t *config = train_config_to_json(t->config), *classes = trainer_classes_to_json(t);
    if (t->classes && json_array_size(classes) != (size_t)t->classes->n_classes) {
        json_decref(config);
        json_decref(classes);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:s, s:s, s:O?, s:{s:I, s:I}, s:O*, s:o*}", "valence",
                     valence_version(), "config", config, "store", t->config->store, "data",
                     t->fingerprint, "source", store_source_json(t->store), "clips", "train",
                     (json_int_t)t->training.n, "validation", (json_int_t)t->validation.n, "from",
                     t->from, "classes", classes);
}

static int standardise(struct trainer *t, enum valence_stream stream, struct valence_error *error)
{
    if (!t->config->standardise[stream] || t->map.index[stream] < 0)
        return VALENCE_OK;
    struct valence_column_statistics *statistics;
    int status =
        valence_store_statistics(t->store, t->map.index[stream], t->progress, &statistics, error);
    if (status)
        return status;
    /* A stream that no training clip has stays as it is. */
    if (statistics->n_rows) {
        struct column_ranges columns = {
            .n = statistics->width, .mean = statistics->mean, .deviation = statistics->deviation};
        if (t->config->clip_inputs) {
            columns.minimum = statistics->minimum;
            columns.maximum = statistics->maximum;
        }
        note_columns(t, stream, statistics->width, statistics->deviation);
        status = checkpoint_set_standardisation(&t->checkpoint, stream, &columns, error);
    }
    valence_column_statistics_free(statistics);
    return status;
}

static int take_weights(struct trainer *t, const struct parameter_table *table,
                        struct valence_error *error)
{
    if (network_is_closed_form(&t->checkpoint.config))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "from",
                        "model.fusion: %s has no initial weights: all of them are computed",
                        valence_fusion_names[t->checkpoint.config.fusion]);
    return initial_weights_take(t, table, error);
}

static int make_parameters(struct trainer *t, struct valence_error *error)
{
    struct parameter_table *table = allocate(1, sizeof *table);
    if (!table)
        return fail_memory(error, sizeof *table, "the table of parameters");
    parameter_table_make(&t->checkpoint.config, table);
    parameters_initialise(table, mix_keys((uint64_t)t->config->seed, PURPOSE_INITIAL),
                          t->checkpoint.parameters);
    if (t->config->weights_start == TRAIN_START_MEAN)
        parameters_start_at_means(&t->checkpoint.config, t->checkpoint.parameters);
    int status = t->job->options->from ? take_weights(t, table, error) : VALENCE_OK;
    free(table);
    return status;
}

/* The model's sizes and streams, once the store is open. */
static int set_model(struct trainer *t, struct valence_error *error)
{
    struct checkpoint *checkpoint = &t->checkpoint;
    checkpoint->config = t->config->model;
    memcpy(checkpoint->config.widths, t->map.width, sizeof t->map.width);
    checkpoint->config.n_classes = t->classes ? t->classes->n_classes : 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        if (t->map.index[s] >= 0)
            strcpy(checkpoint->stream_names[s], t->config->streams[s]);
    int status = valence_model_config_check(&checkpoint->config, error);
    return status ? status : checkpoint_allocate(checkpoint, true, error);
}

static int begin_anew(struct trainer *t, struct valence_error *error)
{
    int status = set_model(t, error);
    if (!status)
        status = make_parameters(t, error);
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++)
        status = standardise(t, (enum valence_stream)s, error);
    return status;
}

/* How the clips differ from those that the run was begun with, or NULL. Checkpoints from before
 * there were fingerprints know their ids and lengths alone. */
static const char *difference(const struct trainer *t, uint64_t key)
{
    const char *begun = json_string_value(json_object_get(t->checkpoint.provenance, "data"));
    bool is_same_key = key == t->state.data_key;
    enum data_match match = begun         ? data_fingerprint_match(begun, t->fingerprint)
                            : is_same_key ? DATA_SAME
                                          : DATA_OTHER_RECORDS;
    if (match == DATA_OTHER_ROWS)
        return "have other features";
    if (match != DATA_SAME)
        return "have other ids, labels, splits or lengths";
    return t->config->shuffle_shards && !is_same_key ? "are in other shards" : NULL;
}

static int check_data(const struct trainer *t, uint64_t key, struct valence_error *error)
{
    const char *what = difference(t, key);
    if (!what)
        return VALENCE_OK;
    if (!t->job->options->accept_changed_data)
        return fail_key(
            error, VALENCE_ERROR_DATA, "accept_changed_data",
            "%s: its training and validation clips %s than those the run was begun with; resume "
            "with that store, or start a new run",
            t->config->store, what);
    trainer_note(t, "changed_data",
                 "%s: its training and validation clips %s than those the run was begun with",
                 t->config->store, what);
    return VALENCE_OK;
}

static int go_on_from(struct trainer *t, const char *path, struct valence_error *error)
{
    uint64_t data_key = t->state.data_key;
    int status = checkpoint_load(path, &t->checkpoint, error);
    if (status)
        return status;
    const struct checkpoint *checkpoint = &t->checkpoint;
    t->from = json_incref(json_object_get(checkpoint->provenance, "from"));
    if (!checkpoint->first_moment || !checkpoint->second_moment || !checkpoint->training)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: holds a model but not the state of a run",
                    path);
    status = train_config_may_resume(t->config, json_object_get(checkpoint->provenance, "config"),
                                     error);
    if (status)
        return status;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (checkpoint->config.widths[m] != t->map.width[m])
            return fail(error, VALENCE_ERROR_SHAPE,
                        "%s: %s has width %lld, but the run was begun with %lld", t->config->store,
                        valence_modality_names[m], (long long)t->map.width[m],
                        (long long)checkpoint->config.widths[m]);
    json_t *classes = trainer_classes_to_json(t);
    if (!json_equal(classes, json_object_get(checkpoint->provenance, "classes")) && classes)
        status = fail_key(error, VALENCE_ERROR_DATA, "store",
                          "%s: has other classes as labels than the run was begun with",
                          t->config->store);
    json_decref(classes);
    if (status)
        return status;
    status = train_state_from_json(checkpoint->training, checkpoint->config.n_flows, path,
                                   &t->state, error);
    if (!status)
        status = check_data(t, data_key, error);
    t->state.data_key = data_key;
    return status;
}

static int open_run(struct trainer *t, struct valence_error *error)
{
    char path[RUN_PATH_BYTES];
    bool resume = t->job->resume;
    int status = run_folder_open(&t->folder, t->config->output, resume, error);
    if (status)
        return status;
    status = data_fingerprint(t->store, t->config->streams, t->progress, t->fingerprint, error);
    if (status)
        return status;
    run_folder_file(&t->folder, RUN_LAST, path);
    bool saved = resume && path_exists(path);
    if (saved)
        status = go_on_from(t, path, error);
    if (!status)
        status = train_config_write(t->config, &t->folder, error);
    if (!status && !saved)
        status = begin_anew(t, error);
    if (status)
        return status;
    json_decref(t->checkpoint.provenance);
    t->checkpoint.provenance = make_provenance(t);
    if (!t->checkpoint.provenance)
        status = fail_memory(error, 1 << 14, "the run's provenance");
    if (!status)
        status = run_log_open(&t->folder, RUN_LOG, t->state.log_bytes, &t->log, error);
    if (!status)
        status = run_log_open(&t->folder, RUN_TIMING, -1, &t->timing, error);
    return status;
}

/* How far the validation clips lie outside the training data: what is usual for new clips. */
static int measure_distances(struct trainer *t, struct valence_error *error)
{
    const struct valence_batch *batch;
    int64_t n = t->calibration.n, done = 0, batch_size = t->config->batch_size;
    float *distances = allocate(batch_size * VALENCE_N_STREAMS, sizeof *distances);
    int status = VALENCE_OK;
    if (!distances)
        return fail_memory(error, (size_t)batch_size * 16, "distances");
    batch_loader_start(t->loader, t->validation.clips, n, batch_size);
    while (!(status = batch_loader_next(t->loader, &batch, error)) && batch) {
        standardisation_distances(&t->checkpoint.standardisation, batch, distances);
        for (int s = 0; s < VALENCE_N_STREAMS; s++)
            memcpy(t->calibration.distances + s * n + done, distances + s * batch->n_clips,
                   (size_t)batch->n_clips * sizeof *distances);
        done += batch->n_clips;
    }
    free(distances);
    return status;
}

/* What computes batches in parts, where that is asked for. */
static int open_parts(struct trainer *t, struct valence_error *error)
{
    int64_t n = t->training.n, batch_size = t->config->batch_size;
    bool ordered = t->config->reduce == TRAIN_REDUCE_ORDERED;
    if (network_is_closed_form(&t->checkpoint.config) ||
        !(ordered || collective_is_several(t->collective)))
        return VALENCE_OK;
    t->share = allocate(n, sizeof *t->share);
    t->share_sizes = allocate((n + batch_size - 1) / batch_size, sizeof *t->share_sizes);
    if (!t->share || !t->share_sizes)
        return fail_memory(error, (size_t)n * sizeof *t->share, "the order of the clips");
    return step_parts_create(t->collective, t->config, &t->checkpoint,
                             n < batch_size ? n : batch_size, &t->parts, error);
}

/* Room for validating; that for training depends on an epoch's order. */
static int open_network(struct trainer *t, struct valence_error *error)
{
    int64_t n_rows[VALENCE_N_STREAMS], batch_size = t->config->batch_size;
    int64_t n_parameters = t->checkpoint.n_parameters;
    bool accumulates = t->config->accumulate > 1;
    t->gradients = block_take_zeroed(n_parameters, sizeof *t->gradients);
    if (accumulates)
        t->batch_gradients = block_take_zeroed(n_parameters, sizeof *t->batch_gradients);
    t->order = allocate(t->training.n, sizeof *t->order);
    t->learnt_labels = allocate(batch_size, sizeof *t->learnt_labels);
    if (!t->gradients || (accumulates && !t->batch_gradients) || !t->order || !t->learnt_labels)
        return fail_memory(error, (size_t)n_parameters * sizeof *t->gradients, "the gradients");
    int status = network_create(&t->checkpoint.config, &t->network, error);
    if (!status)
        status = open_parts(t, error);
    if (status || t->parts)
        return status;
    network_set_precision(t->network, t->config->precision);
    largest_batch(t->store, &t->map, t->validation.clips, t->validation.n, batch_size, n_rows);
    int64_t n_clips = t->validation.n < batch_size ? t->validation.n : batch_size;
    return network_reserve(t->network, n_clips, n_rows, t->checkpoint.config.flows,
                           t->checkpoint.config.n_flows, false, error);
}

/* All that can go wrong before a run begins, without its folder. */
static int try_run(struct trainer *t, struct valence_error *error)
{
    int status = run_folder_check_new(t->config->output, error);
    return status ? status : begin_anew(t, error);
}

/* What is only measured to be saved. */
static int measure(struct trainer *t, struct valence_error *error)
{
    int status = measure_distances(t, error);
    return status ? status : train_novelty_measure(t, error);
}

/* Each of these steps ends in all ranks alike. */
static int open_shared(struct trainer *t, struct valence_error *error)
{
    int status = trainer_is_first(t) ? open_run(t, error) : VALENCE_OK;
    status = collective_agree(t->collective, status, error);
    if (!status)
        status = trainer_share(t, error);
    if (status)
        return status;
    status = trainer_open_calibration(t, error);
    if (!status && trainer_is_first(t))
        status = measure(t, error);
    if (!status)
        status = open_network(t, error);
    return collective_agree(t->collective, status, error);
}

int trainer_open(struct trainer *t, struct valence_error *error)
{
    t->folder.lock = -1;
    int status = network_check_precision(t->config->precision, error);
    if (!status)
        status = open_data(t, error);
    status = collective_agree(t->collective, status, error);
    if (status)
        return status;
    if (trainer_is_first(t))
        note_labels(t);
    trainer_measure_labels(t);
    t->state.data_key = key_of_clips(t, &t->validation, key_of_clips(t, &t->training, 0));
    if (shuffles_by_shards(t))
        t->state.data_key = shuffle_key(t->store, t->state.data_key);
    if (!t->job->options->dry_run)
        return open_shared(t, error);
    status = try_run(t, error);
    return status ? status : trainer_open_calibration(t, error);
}

void trainer_close(struct trainer *t)
{
    batch_loader_free(t->loader);
    missing_free(&t->missing);
    network_free(t->network);
    step_parts_free(t->parts);
    block_free(t->batch_gradients, t->checkpoint.n_parameters, sizeof *t->batch_gradients);
    block_free(t->gradients, t->checkpoint.n_parameters, sizeof *t->gradients);
    free(t->order);
    free(t->share);
    free(t->share_sizes);
    free(t->learnt_labels);
    if (t->log)
        fclose(t->log);
    if (t->timing)
        fclose(t->timing);
    calibration_free(&t->calibration);
    checkpoint_free(&t->checkpoint);
    json_decref(t->from);
    run_folder_close(&t->folder);
    clip_selection_free(&t->training);
    clip_selection_free(&t->validation);
    valence_store_close(t->store);
}
