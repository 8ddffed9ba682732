/* Networks and batches for the tests of src/model: random parameters, ragged lengths. */
#ifndef VALENCE_TESTS_NETWORK_CASES_H
#define VALENCE_TESTS_NETWORK_CASES_H

#include "model/network.h"
#include "model/parameters.h"
#include "numbers.h"

#define N_STREAMS    VALENCE_N_STREAMS
#define N_MODALITIES VALENCE_N_MODALITIES
#define N_ALL_FLOWS  7

static const unsigned ALL_FLOWS[N_ALL_FLOWS] = {0, 2, 1, 3,
                                                4, 5, 6}; /* complete, text_missing, ... */

static inline void must(int status, const struct valence_error *error)
{
    if (status)
        fail_msg("status %d: %s", status, error->text);
}

/* The first `n_flows` of ALL_FLOWS; the widths differ, so that none can be taken for another. */
static inline struct valence_model_config case_config(int64_t d, int64_t o, int n_flows,
                                                      enum valence_imagination imagination)
{
    struct valence_model_config config;
    valence_model_config_default(&config);
    config.widths[VALENCE_AUDIO] = d / 2 + 3;
    config.widths[VALENCE_TEXT] = d + 1;
    config.widths[VALENCE_VIDEO] = d / 2 + 2;
    config.d = d;
    config.o = o;
    config.imagination = imagination;
    config.n_flows = n_flows;
    memcpy(config.flows, ALL_FLOWS, (size_t)n_flows * sizeof *ALL_FLOWS);
    return config;
}

static inline int64_t case_width(const struct valence_model_config *config, int stream)
{
    return config->widths[valence_stream_modality(stream)];
}

/* The rows, keys and labels of clips; `lengths` is (n_clips, 4). */
struct clips {
    int64_t n_clips;
    const int64_t *lengths;
    float *rows[N_STREAMS];
    int64_t *offsets[N_STREAMS];
    uint64_t *keys;
    float *labels;
    struct valence_batch batch; /* of all of them */
};

static inline struct clips make_clips(const struct valence_model_config *config, int64_t n_clips,
                                      const int64_t *lengths)
{
    struct clips clips = {.n_clips = n_clips, .lengths = lengths};
    struct random_source source = random_source(11, (uint64_t)n_clips);
    clips.keys = keep(n_clips, sizeof *clips.keys);
    clips.labels = keep(n_clips, sizeof *clips.labels);
    for (int64_t i = 0; i < n_clips; i++) {
        clips.keys[i] = mix_keys(3, (uint64_t)i);
        clips.labels[i] = (float)random_normal(&source);
    }
    clips.batch = (struct valence_batch){n_clips, clips.keys, clips.labels, {{0}}};
    for (int s = 0; s < N_STREAMS; s++) {
        clips.offsets[s] = keep(n_clips + 1, sizeof **clips.offsets);
        for (int64_t i = 0; i < n_clips; i++)
            clips.offsets[s][i + 1] = clips.offsets[s][i] + lengths[i * N_STREAMS + s];
        int64_t width = case_width(config, s), size = clips.offsets[s][n_clips] * width;
        clips.rows[s] = as_floats(size, draw(&source, size));
        clips.batch.streams[s] =
            (struct valence_rows){clips.rows[s], VALENCE_F32, width, clips.offsets[s], NULL};
    }
    return clips;
}

/* The clips of these indices as a batch of their own. */
static inline struct valence_batch select_clips(const struct clips *clips, int64_t n,
                                                const int64_t *indices)
{
    uint64_t *keys = keep(n, sizeof *keys);
    float *labels = keep(n, sizeof *labels);
    struct valence_batch batch = {n, keys, labels, {{0}}};
    for (int s = 0; s < N_STREAMS; s++) {
        int64_t width = clips->batch.streams[s].width, *offsets = keep(n + 1, sizeof *offsets);
        float *rows = keep(clips->offsets[s][clips->n_clips] * width, sizeof *rows);
        for (int64_t i = 0; i < n; i++) {
            int64_t first = clips->offsets[s][indices[i]];
            int64_t length = clips->offsets[s][indices[i] + 1] - first;
            memcpy(rows + offsets[i] * width, clips->rows[s] + first * width,
                   (size_t)(length * width) * sizeof *rows);
            offsets[i + 1] = offsets[i] + length;
            keys[i] = clips->keys[indices[i]];
            labels[i] = clips->labels[indices[i]];
        }
        batch.streams[s] = (struct valence_rows){rows, VALENCE_F32, width, offsets, NULL};
    }
    return batch;
}

/* A network's initial parameters. */
static inline real *make_parameters(const struct valence_model_config *config,
                                    struct parameter_table *table)
{
    parameter_table_make(config, table);
    real *parameters = keep(table->n_values, sizeof *parameters);
    parameters_initialise(table, 5, parameters);
    return parameters;
}

static inline struct network *make_network(const struct valence_model_config *config)
{
    struct network *network;
    struct valence_error error;
    must(network_create(config, &network, &error), &error);
    return network;
}

#endif
