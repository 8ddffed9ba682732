/* A checkpoint: safetensors with one tensor per parameter under its published name, the
 * standardisation, and the configuration and provenance as JSON texts in the metadata.
 *
 * Metadata keys: "format" = "valence-checkpoint", "version" = "1", "config" (the model's),
 * "streams" (store stream name by network stream), "provenance" (an object of the writer's
 * choosing), and in a checkpoint that training can resume from "training" (an object of the
 * trainer's) with the tensors optimizer.first_moment and optimizer.second_moment. The model of a
 * training also has a calibration set: calibration.range (2), calibration.labels (n),
 * calibration.scores (n_flows, n), calibration.distances (4, n). By stream it may have what
 * model/novelty.h needs: novelty.text.mean (columns), novelty.text.directions (directions,
 * columns), novelty.text.validation (n). "digest" is the SHA-256 of the
 * tensors' bytes in the order of the file, followed by config, streams, provenance and training,
 * where they are there, each with a NUL; older checkpoints have none. */
#ifndef VALENCE_MODEL_CHECKPOINT_H
#define VALENCE_MODEL_CHECKPOINT_H

#include <jansson.h>

#include "model/network.h"
#include "model/novelty.h"
#include "valence/model.h"

#define CHECKPOINT_FORMAT "valence-checkpoint" /* metadata "format" */

/* The scores of clips that the model was not trained on, in each of its flows: what
 * valence/reliability.h needs. */
struct calibration {
    int64_t n;      /* clips; 0: there is none */
    float range[2]; /* in which all labels lie */
    float *labels;  /* (n) */
    float *scores;  /* (config.n_flows, n) */
    /* (4, n) by stream: how far the clip's rows lie outside the training rows, see
     * kernels/projection.h; NULL in checkpoints from before it was measured */
    float *distances;
};

int calibration_allocate(struct calibration *calibration, int64_t n, int n_flows,
                         struct valence_error *error);
void calibration_free(struct calibration *calibration);

struct checkpoint {
    struct valence_model_config config;
    char stream_names[VALENCE_N_STREAMS][64]; /* "" if the model uses no such stream */
    int64_t n_parameters;
    float *parameters;                      /* one block, see parameters.h */
    float *first_moment;                    /* as large, or NULL */
    float *second_moment;                   /* as large, or NULL */
    struct standardisation standardisation; /* arrays owned by the checkpoint */
    struct calibration calibration;
    struct novelty novelty[VALENCE_N_STREAMS]; /* none in checkpoints from before it was measured */
    json_t *provenance;                        /* or NULL */
    json_t *training;                          /* or NULL */
};

/* Everything zero; then config is set and checkpoint_allocate() makes the parameter block (and the
 * moments). */
int checkpoint_allocate(struct checkpoint *checkpoint, bool with_moments,
                        struct valence_error *error);

/* A stream's columns over the training rows. */
struct column_ranges {
    int64_t n;
    const float *mean, *deviation;  /* (n) */
    const float *minimum, *maximum; /* (n), or both NULL: values are not clipped */
};

/* Makes room for a stream's `n` columns in place of what was there: values[] gets the mean, the
 * scale and, if it is `clipped`, low and high, else NULL; to be filled. */
#define CHECKPOINT_N_STATISTICS 4
int checkpoint_allocate_standardisation(struct checkpoint *checkpoint, enum valence_stream stream,
                                        int64_t n, bool clipped,
                                        float *values[CHECKPOINT_N_STATISTICS],
                                        struct valence_error *error);

/* Sets a stream's standardisation: mean, 1 / deviation, and the range of standardised values. A
 * deviation that is not a normal float (below 1.2e-38, whose inverse would overflow) is that of a
 * constant column, whose scale is 0. */
int checkpoint_set_standardisation(struct checkpoint *checkpoint, enum valence_stream stream,
                                   const struct column_ranges *columns,
                                   struct valence_error *error);

/* Writes beside, syncs and renames: the old file or the new one, never half of it. `flags` as in
 * base/file_writer.h. */
int checkpoint_save(const char *path, unsigned flags, const struct checkpoint *checkpoint,
                    struct valence_error *error);

/* Every parameter must be there with its shape; anything unknown is an error that names it; and the
 * content must match the digest in the file (ERROR_DATA). On failure *checkpoint is cleared. Free
 * with checkpoint_free(). */
int checkpoint_load(const char *path, struct checkpoint *checkpoint, struct valence_error *error);
int checkpoint_load_memory(const void *data, size_t size, const char *name,
                           struct checkpoint *checkpoint, struct valence_error *error);
void checkpoint_free(struct checkpoint *checkpoint);

/* A loaded model of it; takes over the checkpoint's memory and clears it. */
int checkpoint_to_model(struct checkpoint *checkpoint, struct valence_model **model,
                        struct valence_error *error);

#endif
