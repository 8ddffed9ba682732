/* Distances of clips from the training data. */
#include "base/element.h"
#include "kernels/projection.h"
#include "model/model_private.h"
#include "model/network.h"

void standardisation_distances(const struct standardisation *standardisation,
                               const struct valence_batch *batch, float *distances)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        struct projection projection = {.type = rows->type,
                                        .mean = standardisation->mean[s],
                                        .scale = standardisation->scale[s],
                                        .low = standardisation->low[s],
                                        .high = standardisation->high[s],
                                        .layer.in = rows->width};
#pragma omp parallel for schedule(dynamic)
        for (int64_t clip = 0; clip < batch->n_clips; clip++) {
            int64_t n = rows->width ? rows->offsets[clip + 1] - rows->offsets[clip] : 0;
            const void *values = n ? network_clip_rows(rows, clip) : NULL;
            distances[s * batch->n_clips + clip] = projection_distance(&projection, values, n);
        }
    }
}

int64_t standardisation_furthest(const struct standardisation *standardisation,
                                 enum valence_stream stream, const void *rows,
                                 enum valence_dtype type, int64_t n, int64_t width, float *distance)
{
    const float *mean = standardisation->mean[stream], *scale = standardisation->scale[stream];
    const float *low = standardisation->low[stream], *high = standardisation->high[stream];
    int64_t furthest = -1;
    *distance = 0;
    for (int64_t i = 0; mean && low && i < n * width; i++) {
        int64_t column = i % width;
        float z = (element_at(rows, type, i) - mean[column]) * scale[column];
        float outside = z > high[column] ? z - high[column] : low[column] - z;
        if (outside > *distance) {
            *distance = outside;
            furthest = column;
        }
    }
    return furthest;
}

const struct standardisation *model_standardisation(const struct valence_model *model)
{
    return &(model->n_members ? model->members[0] : model)->checkpoint.standardisation;
}
