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

/* `all` holds the rows of all clips by stream, packed or each clip's at its own address. */
int peer_arrays(struct valence_workspace *workspace, const struct valence_batch *all,
                float *scores);
int peer_arrays(struct valence_workspace *workspace, const struct valence_batch *all, float *scores)
{
    int status = 0;
    for (int64_t first = 0; first < all->n_clips && !status; first += BATCH) {
        int64_t offsets[VALENCE_N_STREAMS][BATCH + 1];
        int64_t n = all->n_clips - first < BATCH ? all->n_clips - first : BATCH;
        struct valence_batch batch = {.n_clips = n};
        for (int s = 0; s < VALENCE_N_STREAMS; s++) {
            const struct valence_rows *rows = &all->streams[s];
            if (!rows->width)
                continue;
            int64_t size = rows->width * (rows->type == VALENCE_F16 ? 2 : 4);
            for (int64_t i = 0; i <= n; i++)
                offsets[s][i] = rows->offsets[first + i] - rows->offsets[first];
            batch.streams[s] = *rows;
            batch.streams[s].offsets = offsets[s];
            if (rows->clips)
                batch.streams[s].clips = rows->clips + first;
            else
                batch.streams[s].data = (const char *)rows->data + rows->offsets[first] * size;
        }
        status = valence_predict_batch(workspace, &batch, NULL, take, scores + first, NULL, NULL);
    }
    return status;
}
