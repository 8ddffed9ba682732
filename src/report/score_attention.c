#include "report/score_attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/scoring.h"
#include "report/score_words.h"

/* Of all lists together: what keeps the attention of the page below 2 MB. */
#define MAX_ATTENTION_VALUES ((int64_t)1500000)
#define BATCH_SIZE           64

/* A run has a list for each flow that it was trained with, of which its log has an error each. */
static int64_t count_flows(const struct run_log *log)
{
    static const char prefix[] = "validation/";
    int64_t n = 0;
    for (int64_t i = 0; i < log->n_scalars; i++)
        n += strncmp(log->names[i], prefix, strlen(prefix)) == 0;
    return n > 0 ? n : 2;
}

int64_t score_attention_clips(const struct sources *sources)
{
    int64_t n_lists = 1;
    for (int64_t i = 0; i < sources->n_runs; i++)
        n_lists += count_flows(&sources->runs[i].log);
    return MAX_ATTENTION_VALUES / (VALENCE_N_MODALITIES * ATTENTION_BINS * n_lists);
}

/* The weights of n rows, summed into bins of equal length. */
static void sum_bins(const float *rows, int64_t n, float bins[ATTENTION_BINS])
{
    for (int i = 0; i < ATTENTION_BINS; i++)
        bins[i] = n > 0 ? 0 : NAN;
    for (int64_t row = 0; row < n; row++) {
        double from = (double)row * ATTENTION_BINS / (double)n;
        double to = (double)(row + 1) * ATTENTION_BINS / (double)n;
        for (int bin = (int)from; bin < ATTENTION_BINS && bin < to; bin++) {
            double part = fmin(to, bin + 1) - fmax(from, bin);
            bins[bin] += (float)((double)rows[row] * part / (to - from));
        }
    }
}

/* Where the weights of some clips go. */
struct attended {
    const int64_t *clips; /* their numbers in the store */
    float *bins;          /* (n, 3, ATTENTION_BINS) */
    int64_t *n_words;     /* (n); see struct report_scores */
    int64_t *row_words;   /* (the longest clip's rows): while one clip is read */
    float *words;         /* (the sum of n_words) */
    int64_t n_words_done; /* of the clips before */
};

/* Sums the weights of each word's rows. */
static void sum_words(const struct valence_store *store, const char *stream, const float *rows,
                      int64_t n_rows, int64_t clip, struct attended *to)
{
    int64_t n_words = to->n_words[clip];
    float *words = to->words + to->n_words_done;
    const struct valence_clip *of = valence_store_clip(store, to->clips[clip]);
    to->n_words_done += n_words;
    if (n_words == 0)
        return;
    if (!rows || clip_row_words(of, stream, n_rows, to->row_words) != n_words) {
        for (int64_t w = 0; w < n_words; w++) /* cut, or without text in this flow */
            words[w] = NAN;
        return;
    }
    for (int64_t row = 0; row < n_rows; row++)
        if (to->row_words[row] >= 0)
            words[to->row_words[row]] += rows[row];
}

/* The weights of a batch's clips, of which `done` were before them. */
static int attend_batch(const struct scoring_run *run, struct scoring *scoring,
                        const struct valence_batch *batch, unsigned flow, int64_t done,
                        struct attended *to, struct valence_error *error)
{
    const char *text = valence_model_stream_name(run->model, VALENCE_STREAM_TEXT);
    const struct valence_attention *attention;
    int status = valence_attend(scoring->workspace, batch, flow, &attention, error);
    for (int64_t i = 0; i < batch->n_clips && !status; i++)
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            const struct valence_modality_attention *one = &attention->modalities[m];
            const int64_t *offsets = batch->streams[one->stream].offsets;
            int64_t n = one->n_rows > 0 ? offsets[i + 1] - offsets[i] : 0;
            const float *rows = n > 0 ? one->rows + offsets[i] : NULL;
            sum_bins(rows, n, to->bins + (VALENCE_N_MODALITIES * (done + i) + m) * ATTENTION_BINS);
            if (m == VALENCE_TEXT)
                sum_words(run->store, text, one->stream == VALENCE_STREAM_TEXT ? rows : NULL, n,
                          done + i, to);
        }
    return status;
}

/* The clips with the largest errors in this flow, in the order of the store. */
struct error_of {
    double error;
    int64_t at; /* in the evaluation */
};

static int by_error(const void *a, const void *b)
{
    const struct error_of *x = a, *y = b;
    return x->error != y->error ? (x->error < y->error) - (x->error > y->error)
                                : (x->at > y->at) - (x->at < y->at);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct error_of *)a)->at, y = ((const struct error_of *)b)->at;
    return (x > y) - (x < y);
}

static struct error_of *choose_clips(const struct scoring_run *run, const float *scores, int64_t *n)
{
    const struct valence_evaluation *evaluation = run->evaluation;
    struct error_of *errors = allocate(evaluation->n_clips + 1, sizeof *errors);
    if (!errors)
        return NULL;
    for (int64_t i = 0; i < evaluation->n_clips; i++)
        errors[i] = (struct error_of){fabs((double)(scores[i] - evaluation->labels[i])), i};
    *n = evaluation->n_clips;
    if (*n > run->n_kept) {
        qsort(errors, (size_t)*n, sizeof *errors, by_error);
        *n = run->n_kept;
        qsort(errors, (size_t)*n, sizeof *errors, by_number);
    }
    return errors;
}

static int attend_clips(const struct scoring_run *run, struct scoring *scoring, int64_t n,
                        unsigned flow, struct attended *to, struct valence_error *error)
{
    const struct valence_batch *batch;
    int status = VALENCE_OK;
    batch_loader_start(scoring->loader, to->clips, n, BATCH_SIZE);
    for (int64_t done = 0; !status;) {
        const struct valence_progress_event event = {"reading attention", done, n, "clips", NULL};
        if (run->progress && run->progress->report(run->progress->user, &event) != 0)
            return fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
        status = batch_loader_next(scoring->loader, &batch, error);
        if (status || !batch)
            break;
        status = attend_batch(run, scoring, batch, flow, done, to, error);
        done += batch->n_clips;
    }
    return status;
}

/* Counts the words of the chosen clips, and takes room for their weights. Flows without text have
 * none. False where memory is short. */
static bool find_words(const struct scoring_run *run, unsigned flow, int64_t n, struct attended *to)
{
    const char *name = valence_model_stream_name(run->model, VALENCE_STREAM_TEXT);
    int stream = *name ? valence_store_find_stream(run->store, name) : -1;
    bool has_text = stream >= 0 && !(flow & VALENCE_BIT(VALENCE_TEXT));
    int64_t n_words = 0, longest = 0;
    to->n_words = report_take(run->builder, n + 1, sizeof *to->n_words);
    for (int64_t i = 0; i < n && to->n_words && has_text; i++) {
        const struct valence_clip *clip = valence_store_clip(run->store, to->clips[i]);
        to->n_words[i] = clip_row_words(clip, name, clip->n_rows[stream], NULL);
        n_words += to->n_words[i];
        longest = clip->n_rows[stream] > longest ? clip->n_rows[stream] : longest;
    }
    to->words = report_take(run->builder, n_words + 1, sizeof *to->words);
    to->row_words = report_take(run->builder, longest + 1, sizeof *to->row_words);
    return to->n_words && to->words && to->row_words;
}

static int attend_flow(const struct scoring_run *run, struct scoring *scoring,
                       struct scored_list *list, const struct valence_flow_evaluation *flow,
                       struct valence_error *error)
{
    int64_t n = 0;
    struct error_of *chosen = choose_clips(run, flow->scores, &n);
    int64_t *clips = allocate(n + 1, sizeof *clips);
    int64_t *attended = report_take(run->builder, n + 1, sizeof *attended);
    struct attended to = {.clips = clips,
                          .bins = report_take(run->builder,
                                              n * VALENCE_N_MODALITIES * ATTENTION_BINS + 1,
                                              sizeof *to.bins)};
    int status = VALENCE_OK;
    if (!chosen || !clips || !attended || !to.bins)
        status = fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    for (int64_t i = 0; i < n && !status; i++) {
        clips[i] = run->evaluation->clips[chosen[i].at];
        attended[i] = run->places[chosen[i].at];
    }
    if (!status && !find_words(run, flow->flow, n, &to))
        status = fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
    if (!status)
        status = attend_clips(run, scoring, n, flow->flow, &to, error);
    if (!status) {
        list->shown.n_attended = n;
        list->shown.attended = attended;
        list->shown.attention = to.bins;
        list->shown.n_words = to.n_words_done > 0 ? to.n_words : NULL;
        list->shown.word_attention = to.n_words_done > 0 ? to.words : NULL;
    }
    free(chosen);
    free(clips);
    return status;
}

/* Of networks that attend: the others have no such weights. */
int score_attention(const struct scoring_run *run, struct scored_list *const *lists,
                    struct valence_error *error)
{
    struct scoring scoring;
    if (valence_model_get_config(run->model)->fusion != VALENCE_FUSION_CROSS_ATTENTION)
        return VALENCE_OK;
    int status = scoring_open(&scoring, run->model, run->store, NULL, BATCH_SIZE, CLIP_MAX_ROWS,
                              NULL, error);
    if (status)
        return status;
    run->set->clips.n_bins = ATTENTION_BINS;
    for (int i = 0; i < run->evaluation->n_flows && !status; i++)
        status = attend_flow(run, &scoring, lists[i], &run->evaluation->flows[i], error);
    scoring_close(&scoring);
    return status;
}
