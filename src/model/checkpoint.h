/* A checkpoint: safetensors with one tensor per parameter under its published name, the
 * standardisation, and the configuration and provenance as JSON texts in the metadata.
 *
 * Metadata keys: "format" = "valence-checkpoint", "version" = "1", "config" (the model's),
 * "streams" (store stream name by network stream), "provenance" (an object of the writer's
 * choosing), and in a checkpoint that training can resume from "training" (an object of the
 * trainer's) with the tensors optimizer.first_moment and optimizer.second_moment. The model of a
 * training also has a calibration set: calibration.range (2), calibration.labels (n),
 * calibration.scores (n_flows, n). */
#ifndef VALENCE_MODEL_CHECKPOINT_H
#define VALENCE_MODEL_CHECKPOINT_H

#include <jansson.h>

#include "model/network.h"
#include "valence/model.h"

#define CHECKPOINT_FORMAT "valence-checkpoint" /* metadata "format" */

/* The scores of clips that the model was not trained on, in each of its flows: what
 * valence/reliability.h needs. */
struct calibration {
    int64_t n;      /* clips; 0: there is none */
    float range[2]; /* in which all labels lie */
    float *labels;  /* (n) */
    float *scores;  /* (config.n_flows, n) */
};

int calibration_allocate(struct calibration *calibration, int64_t n, int n_flows,
                         struct valence_error *error);
void calibration_free(struct calibration *calibration);

struct checkpoint {
    struct valence_model_config config;
    char stream_names[VALENCE_N_STREAMS][64]; /* "" where the model uses no such stream */
    int64_t n_parameters;
    float *parameters;                      /* one block, see parameters.h */
    float *first_moment;                    /* as large, or NULL */
    float *second_moment;                   /* as large, or NULL */
    struct standardisation standardisation; /* arrays owned by the checkpoint */
    struct calibration calibration;
    json_t *provenance; /* or NULL */
    json_t *training;   /* or NULL */
};

/* Everything zero; then config is set and checkpoint_allocate() makes the parameter block (and the
 * moments). */
int checkpoint_allocate(struct checkpoint *checkpoint, bool with_moments,
                        struct valence_error *error);

/* Copies mean and 1/deviation of `n` columns for a stream into the checkpoint. */
int checkpoint_set_standardisation(struct checkpoint *checkpoint, enum valence_stream stream,
                                   int64_t n, const float *mean, const float *deviation,
                                   struct valence_error *error);

/* Writes beside, syncs and renames: the old file or the new one, never half of it. `flags` as in
 * base/file_writer.h. */
int checkpoint_save(const char *path, unsigned flags, const struct checkpoint *checkpoint,
                    struct valence_error *error);

/* Every parameter must be there with its shape; anything unknown is an error that names it. On
 * failure *checkpoint is cleared. Free with checkpoint_free(). */
int checkpoint_load(const char *path, struct checkpoint *checkpoint, struct valence_error *error);
int checkpoint_load_memory(const void *data, size_t size, const char *name,
                           struct checkpoint *checkpoint, struct valence_error *error);
void checkpoint_free(struct checkpoint *checkpoint);

/* A loaded model of it; takes over the checkpoint's memory and clears it. */
int checkpoint_to_model(struct checkpoint *checkpoint, struct valence_model **model,
                        struct valence_error *error);

#endif
