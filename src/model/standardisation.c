/* Distances of clips from the training data. */
#include "kernels/projection.h"
#include "model/network.h"

void standardisation_distances(const struct standardisation *standardisation,
                               const struct valence_batch *batch, float *distances)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        struct projection projection = {.rows = rows->data,
                                        .type = rows->type,
                                        .mean = standardisation->mean[s],
                                        .scale = standardisation->scale[s],
                                        .low = standardisation->low[s],
                                        .high = standardisation->high[s],
                                        .layer.in = rows->width};
#pragma omp parallel for schedule(dynamic)
        for (int64_t clip = 0; clip < batch->n_clips; clip++) {
            int64_t first = rows->width ? rows->offsets[clip] : 0;
            int64_t n = rows->width ? rows->offsets[clip + 1] - first : 0;
            distances[s * batch->n_clips + clip] = projection_distance(&projection, first, n);
        }
    }
}
