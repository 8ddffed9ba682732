/* A loaded model: one network, or a group of them that are scored as one. */
#ifndef VALENCE_MODEL_MODEL_PRIVATE_H
#define VALENCE_MODEL_MODEL_PRIVATE_H

#include <stdatomic.h>

#include "base/sha256.h"
#include "model/checkpoint.h"
#include "valence/model.h"
#include "valence/reliability.h"

struct valence_model {
    atomic_int n_references; /* its owner's, its groups' and its workspaces' */

    /* The members of a group, whose references it holds; else 0 and NULL. */
    int n_members;
    struct valence_model **members;

    struct checkpoint checkpoint; /* of a group: of its first member, without what is in blocks */
    bool has_range;
    double minimum, maximum; /* of the labels trained on, where has_range */

    /* By what is missing, or NULL. */
    struct valence_reliability *reliability[VALENCE_ALL_MODALITIES];
    /* By what is missing: the distance of a clip from the training data (see valence/model.h)
     * beyond which it is far outside; INFINITY where the checkpoint does not know. */
    float distance_limits[VALENCE_ALL_MODALITIES];

    struct valence_model_provenance provenance;
    char *texts[VALENCE_N_STREAMS + 2]; /* the JSON texts that `provenance` points to */
};

struct valence_model *model_retain(const struct valence_model *model);

/* The largest of a clip's distances by stream (an array with `stride` values from stream to stream)
 * over the streams that the flow reads. */
float model_flow_distance(const float *distances, int64_t stride, unsigned missing);

/* Adds what tells one model from others: the parameters of all members. */
void model_add_digest(const struct valence_model *model, struct sha256 *digest);

/* Fills model->provenance from the checkpoint's. Errors: MEMORY. */
int model_read_provenance(struct valence_model *model, struct valence_error *error);

#endif
