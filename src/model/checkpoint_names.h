/* The names in a checkpoint's file, which saving and loading share. */
#ifndef VALENCE_MODEL_CHECKPOINT_NAMES_H
#define VALENCE_MODEL_CHECKPOINT_NAMES_H

#include <jansson.h>

#include "base/sha256.h"
#include "model/checkpoint.h"

#define CHECKPOINT_VERSION   "1"
#define TENSOR_FIRST_MOMENT  "optimizer.first_moment"
#define TENSOR_SECOND_MOMENT "optimizer.second_moment"
#define TENSOR_RANGE         "calibration.range"
#define TENSOR_LABELS        "calibration.labels"
#define TENSOR_SCORES        "calibration.scores"
#define TENSOR_DISTANCES     "calibration.distances"

#define TENSOR_NAME_BYTES 64

/* The four arrays of a stream's standardisation, in the order of the file. */
enum statistic { STATISTIC_MEAN, STATISTIC_SCALE, STATISTIC_LOW, STATISTIC_HIGH, N_STATISTICS };

/* "standardisation.audio.mean" */
void checkpoint_statistic_name(char name[TENSOR_NAME_BYTES], int stream, enum statistic statistic);

/* Where the checkpoint keeps it. */
const float **checkpoint_statistic(struct checkpoint *checkpoint, int stream,
                                   enum statistic statistic);

/* The arrays of a stream's novelty, in the order of the file. */
enum novelty_array { NOVELTY_MEAN, NOVELTY_DIRECTIONS, NOVELTY_VALIDATION, N_NOVELTY_ARRAYS };

/* "novelty.text.mean" */
void checkpoint_novelty_name(char name[TENSOR_NAME_BYTES], int stream, enum novelty_array array);

/* One of them: where its values are, and its shape; values NULL where there is none. */
struct novelty_tensor {
    float *values;
    int n_dims;
    int64_t shape[2], n;
};
struct novelty_tensor checkpoint_novelty_tensor(const struct novelty *novelty,
                                                enum novelty_array array);

int64_t checkpoint_stream_width(const struct checkpoint *checkpoint, int stream);

/* Metadata that the digest covers besides the tensors' bytes, in this order, each with its NUL. */
#define N_DIGESTED_TEXTS 4
extern const char *const checkpoint_digested_texts[N_DIGESTED_TEXTS];

#endif
