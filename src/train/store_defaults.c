/* A configuration made from what a store holds. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "data/clips.h"
#include "data/label_scale.h"
#include "train/train_config.h"

/* Defaults by the number of training clips. The last line is the paper's; the others are those of
 * smaller networks that learn in about 600 steps. */
struct size_defaults {
    int64_t below; /* clips */
    int64_t d, o, batch_size;
    double learning_rate;
};
static const struct size_defaults defaults_by_size[] = {
    {500, 128, 64, 16, 1e-3},
    {8000, 64, 32, 32, 1e-3},
    {INT64_MAX, 256, 128, 96, 1e-4},
};
enum { N_STEPS = 600, LEAST_EPOCHS = 10, MOST_EPOCHS = 30 };

static void set_sizes(struct valence_train_config *config, int64_t n_clips)
{
    const struct size_defaults *size = defaults_by_size;
    while (n_clips >= size->below)
        size++;
    config->model.d = size->d;
    config->model.o = size->o;
    config->batch_size = size->batch_size;
    config->learning_rate = size->learning_rate;
    if (size->below == INT64_MAX)
        return;
    int64_t n_batches = (n_clips + size->batch_size - 1) / size->batch_size;
    int64_t epochs = n_batches ? N_STEPS / n_batches : LEAST_EPOCHS;
    config->epochs = epochs < LEAST_EPOCHS  ? LEAST_EPOCHS
                     : epochs < MOST_EPOCHS ? epochs
                                            : MOST_EPOCHS;
}

/* Streams under their usual names; "" if the store has none, or simulated text does not fit. */
static void set_streams(struct valence_train_config *config, const struct valence_store *store)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int index = valence_store_find_stream(store, valence_stream_names[s]);
        snprintf(config->streams[s], sizeof config->streams[s], "%s",
                 index >= 0 ? valence_stream_names[s] : "");
    }
    int text = valence_store_find_stream(store, valence_stream_names[VALENCE_STREAM_TEXT]);
    int simulated =
        valence_store_find_stream(store, valence_stream_names[VALENCE_STREAM_SIMULATED_TEXT]);
    if (simulated >= 0 && (text < 0 || valence_store_get_stream(store, text)->width !=
                                           valence_store_get_stream(store, simulated)->width))
        config->streams[VALENCE_STREAM_SIMULATED_TEXT][0] = '\0';
}

/* The flow without text is trained where text can be missing and something is left without it. */
static void set_flows(struct valence_train_config *config)
{
    bool other =
        config->streams[VALENCE_STREAM_AUDIO][0] || config->streams[VALENCE_STREAM_VIDEO][0];
    if (config->streams[VALENCE_STREAM_TEXT][0] && other)
        return;
    config->model.n_flows = 1;
    config->model.flows[0] = 0;
    config->select = TRAIN_COMPLETE;
}

static int64_t count_training_clips(const struct valence_store *store)
{
    int64_t n = 0;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        n += valence_store_clip(store, i)->split == VALENCE_TRAIN;
    return n;
}

int valence_train_config_for_store(struct valence_train_config *config, const char *path,
                                   struct valence_error *error)
{
    if (!config || !path)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no configuration: an argument is NULL");
    train_config_defaults(config);
    int status = valence_train_config_set(config, "store", path, error);
    struct valence_store *store;
    struct valence_store_options options;
    valence_store_options_default(&options);
    options.accept_unfinished = true; /* training itself refuses such a store */
    if (!status)
        status = valence_store_open(path, &options, &store, error);
    if (status)
        return status;
    set_streams(config, store);
    set_flows(config);
    set_sizes(config, count_training_clips(store));
    if (label_classes(store)) {
        config->labels = TRAIN_CLASSES;
        config->losses.rnc = 0;
    }
    valence_store_close(store);
    return VALENCE_OK;
}
