#include "evaluate/prediction.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"

static int by_clip(const void *a, const void *b)
{
    int64_t x = ((const struct prediction *)a)->clip, y = ((const struct prediction *)b)->clip;
    return (x > y) - (x < y);
}

static int add_split(const struct scoring *scoring, enum valence_split split,
                     struct predictions *predictions, struct valence_error *error)
{
    struct clip_selection selection;
    int status =
        clip_selection_make(scoring->store, &scoring->map, split, false, &selection, error);
    if (status)
        return status;
    for (int64_t i = 0; i < selection.n; i++)
        predictions->predictions[predictions->n++].clip = selection.clips[i];
    predictions->n_empty += selection.n_empty;
    predictions->n_cut += selection.n_cut;
    clip_selection_free(&selection);
    return VALENCE_OK;
}

static void assign_flows(const struct scoring *scoring, int flow, struct predictions *predictions)
{
    predictions->trained =
        flow == PREDICTION_AUTO || scoring_flow_is_trained(scoring->model, (unsigned)flow);
    unsigned unread = scoring_unread(scoring->model);
    for (int64_t i = 0; i < predictions->n; i++) {
        struct prediction *prediction = &predictions->predictions[i];
        unsigned absent = scoring_absent(scoring->store, &scoring->map, prediction->clip);
        prediction->flow =
            flow == PREDICTION_AUTO ? scoring_flow_for(scoring->model, absent) : (unsigned)flow;
        prediction->missing = absent | prediction->flow;
        prediction->fitting = !(absent & ~prediction->flow & ~unread);
        predictions->n_unfitting += !prediction->fitting;
    }
}

/* Scores the clips assigned to one flow; `clips` and `scores` have room for all of them. */
static int score_flow(const struct scoring *scoring, unsigned flow, struct predictions *predictions,
                      int64_t *clips, struct clip_score *scores, struct valence_error *error)
{
    int64_t n = 0;
    for (int64_t i = 0; i < predictions->n; i++)
        if (predictions->predictions[i].flow == flow)
            clips[n++] = predictions->predictions[i].clip;
    if (n == 0)
        return VALENCE_OK;
    int status = scoring_run(scoring, clips, n, &flow, 1, &scores, error);
    n = 0;
    for (int64_t i = 0; i < predictions->n && !status; i++)
        if (predictions->predictions[i].flow == flow)
            predictions->predictions[i].score = scores[n++];
    return status;
}

static int score_all(const struct scoring *scoring, struct predictions *predictions,
                     struct valence_error *error)
{
    int64_t *clips = allocate(predictions->n, sizeof *clips);
    struct clip_score *scores = allocate(predictions->n, sizeof *scores);
    int status = clips && scores
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)predictions->n * sizeof *scores, "scores");
    for (unsigned flow = 0; flow < VALENCE_ALL_MODALITIES && !status; flow++)
        status = score_flow(scoring, flow, predictions, clips, scores, error);
    free(clips);
    free(scores);
    return status;
}

static void estimate_all(const struct valence_model *model, double level,
                         struct predictions *predictions)
{
    for (int64_t i = 0; i < predictions->n; i++) {
        struct prediction *prediction = &predictions->predictions[i];
        const struct valence_reliability *reliability =
            prediction->fitting ? valence_model_reliability(model, prediction->flow) : NULL;
        bool known = reliability && !isnan(prediction->score.score);
        prediction->estimate =
            known ? valence_reliability_estimate(reliability, prediction->score.score, level)
                  : (struct valence_estimate){NAN, NAN, NAN};
    }
}

int predictions_make(const struct scoring *scoring, enum valence_split split, int flow,
                     double level, struct predictions *predictions, struct valence_error *error)
{
    *predictions = (struct predictions){0};
    int64_t n = valence_store_n_clips(scoring->store);
    predictions->predictions = allocate(n, sizeof *predictions->predictions);
    int status = VALENCE_OK;
    if (!predictions->predictions)
        status = fail_memory(error, (size_t)n * sizeof *predictions->predictions, "predictions");
    for (int s = 0; s < VALENCE_N_SPLITS && !status; s++)
        if (split == VALENCE_N_SPLITS || (int)split == s)
            status = add_split(scoring, (enum valence_split)s, predictions, error);
    if (!status) {
        qsort(predictions->predictions, (size_t)predictions->n, sizeof *predictions->predictions,
              by_clip);
        assign_flows(scoring, flow, predictions);
        status = score_all(scoring, predictions, error);
    }
    if (!status)
        estimate_all(scoring->model, level, predictions);
    else
        predictions_free(predictions);
    return status;
}

void predictions_free(struct predictions *predictions)
{
    free(predictions->predictions);
    *predictions = (struct predictions){0};
}
