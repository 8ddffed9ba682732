/* What bench/python_throughput.py compares the package with: the same clips, scored by a C program.
 */
#include "valence/predict.h"

static int take(void *user, const struct valence_prediction *prediction)
{
    float *scores = user;
    scores[prediction->clip] = prediction->score;
    return 0;
}

int peer_store(const struct valence_model *model, const struct valence_store *store, float *scores);
int peer_store(const struct valence_model *model, const struct valence_store *store, float *scores)
{
    return valence_predict(model, store, NULL, NULL, take, scores, NULL, NULL);
}

#define BATCH 64

/* `packed` holds the rows of all clips by stream, with offsets of n_clips + 1. */
int peer_arrays(struct valence_workspace *workspace, const struct valence_batch *packed,
                float *scores);
int peer_arrays(struct valence_workspace *workspace, const struct valence_batch *packed,
                float *scores)
{
    int status = 0;
    for (int64_t first = 0; first < packed->n_clips && !status; first += BATCH) {
        int64_t offsets[VALENCE_N_STREAMS][BATCH + 1];
        int64_t n = packed->n_clips - first < BATCH ? packed->n_clips - first : BATCH;
        struct valence_batch batch = {.n_clips = n};
        for (int s = 0; s < VALENCE_N_STREAMS; s++) {
            const struct valence_rows *rows = &packed->streams[s];
            if (!rows->data)
                continue;
            int64_t size = rows->width * (rows->type == VALENCE_F16 ? 2 : 4);
            for (int64_t i = 0; i <= n; i++)
                offsets[s][i] = rows->offsets[first + i] - rows->offsets[first];
            batch.streams[s] = (struct valence_rows){.data = (const char *)rows->data +
                                                             rows->offsets[first] * size,
                                                     .type = rows->type,
                                                     .width = rows->width,
                                                     .offsets = offsets[s]};
        }
        status = valence_predict_batch(workspace, &batch, NULL, take, scores + first, NULL, NULL);
    }
    return status;
}
