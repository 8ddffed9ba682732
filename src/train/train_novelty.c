#include "train/train_novelty.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"

/* The folded rows of the clips that a pass reads, by stream. */
struct folded {
    int64_t n_columns[VALENCE_N_STREAMS];
    int64_t n[VALENCE_N_STREAMS]; /* clips that have the stream */
    float *columns[VALENCE_N_STREAMS];
};

static void folded_free(struct folded *folded)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free(folded->columns[s]);
}

static void fold_batch(const struct standardisation *standardisation,
                       const struct valence_batch *batch, struct folded *to)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        for (int64_t i = 0; i < batch->n_clips && rows->width && to->columns[s]; i++) {
            if (rows->offsets[i + 1] > rows->offsets[i])
                novelty_fold(standardisation, s, rows, i,
                             to->columns[s] + to->n[s]++ * to->n_columns[s]);
        }
    }
}

static int fold_clips(struct trainer *t, const int64_t *clips, int64_t n, struct folded *folded,
                      struct valence_error *error)
{
    const struct valence_batch *batch;
    *folded = (struct folded){0};
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        if (t->map.index[s] < 0)
            continue;
        folded->n_columns[s] = novelty_columns(t->map.width[valence_stream_modality(s)]);
        folded->columns[s] = allocate(n * folded->n_columns[s], sizeof(float));
        if (!folded->columns[s])
            status = fail_memory(error, (size_t)(n * folded->n_columns[s]) * sizeof(float),
                                 "the clips' mean rows");
    }
    if (status)
        return status;
    batch_loader_start(t->loader, clips, n, t->config->batch_size);
    while (!(status = batch_loader_next(t->loader, &batch, error)) && batch)
        fold_batch(&t->checkpoint.standardisation, batch, folded);
    return status;
}

/* Enough training clips, spread over all. */
static int fold_training(struct trainer *t, struct folded *folded, struct valence_error *error)
{
    int64_t all = t->training.n, n = all < NOVELTY_MAX_TRAINING ? all : NOVELTY_MAX_TRAINING;
    int64_t *clips = allocate(n, sizeof *clips);
    *folded = (struct folded){0};
    if (!clips)
        return fail_memory(error, (size_t)n * sizeof *clips, "the clips");
    for (int64_t i = 0; i < n; i++)
        clips[i] = t->training.clips[i * all / n];
    int status = fold_clips(t, clips, n, folded, error);
    free(clips);
    return status;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int fit(struct novelty *novelty, struct folded *training, const struct folded *validation,
               int s, struct valence_error *error)
{
    int64_t m = training->n_columns[s], n = validation->n[s];
    if (training->n[s] == 0 || n == 0)
        return VALENCE_OK;
    int status = novelty_allocate(novelty, m, novelty_directions(m), n, error);
    if (!status)
        status = novelty_fit(novelty, training->columns[s], training->n[s], error);
    for (int64_t i = 0; i < n && !status; i++)
        novelty->validation[i] = novelty_of(novelty, validation->columns[s] + i * m);
    if (!status)
        qsort(novelty->validation, (size_t)n, sizeof *novelty->validation, ascending);
    return status;
}

int train_novelty_measure(struct trainer *t, struct valence_error *error)
{
    struct folded training, validation = {0};
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        if (t->checkpoint.novelty[s].n_columns)
            return VALENCE_OK;
    int status = fold_training(t, &training, error);
    if (!status)
        status = fold_clips(t, t->validation.clips, t->validation.n, &validation, error);
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++)
        status = fit(&t->checkpoint.novelty[s], &training, &validation, s, error);
    folded_free(&training);
    folded_free(&validation);
    return status;
}
