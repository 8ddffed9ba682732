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

int64_t checkpoint_stream_width(const struct checkpoint *checkpoint, int stream);

/* Metadata that the digest covers besides the tensors' bytes, in this order, each with its NUL. */
#define N_DIGESTED_TEXTS 4
extern const char *const checkpoint_digested_texts[N_DIGESTED_TEXTS];

#endif
