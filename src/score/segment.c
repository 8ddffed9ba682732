/* One segment: its rows, its score, its words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "score/scorer.h"

void score_made_free(struct score_made *made)
{
    free(made->text);
    free(made->reason);
    score_words_free(made->words, made->is.n_words);
    free(made->without_word);
    free(made->word_attention);
    free(made->row_attention);
    *made = (struct score_made){0};
}

int score_set_text(const char *from, char **to, struct valence_error *error)
{
    free(*to);
    *to = strdup(from ? from : "");
    return *to ? VALENCE_OK : fail_memory(error, from ? strlen(from) : 1, "a text");
}

unsigned score_present(const struct valence_batch *batch)
{
    unsigned present = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (batch->streams[m].width && batch->streams[m].offsets[1] > 0)
            present |= VALENCE_BIT(m);
    return present;
}

/* ---- The score ---- */

struct taking {
    struct valence_scored_segment *segment;
    const struct valence_model *model;
    unsigned reads;
    const struct valence_model_config *config;
};

/* What a flow imagines: of what it misses, what some trained flow misses. */
static unsigned imagined_in(const struct valence_model_config *config, unsigned flow)
{
    unsigned imagined = 0;
    for (int i = 0; i < config->n_flows; i++)
        imagined |= config->flows[i];
    return config->imagination == VALENCE_IMAGINATION_OFF ? 0 : imagined & flow;
}

static int take_prediction(void *user, const struct valence_prediction *prediction)
{
    const struct taking *taking = user;
    struct valence_scored_segment *segment = taking->segment;
    segment->score = (double)prediction->score;
    segment->raw_score = (double)prediction->raw_score;
    segment->estimate = prediction->estimate;
    segment->class_name = prediction->n_classes && !isnan(segment->score)
                              ? valence_model_class_name(taking->model, (int)segment->score)
                              : NULL;
    for (int c = 0; c < prediction->n_classes; c++)
        segment->probabilities[c] = prediction->probabilities[c];
    segment->distance = (double)prediction->distance;
    segment->novelty = (double)prediction->novelty;
    segment->outside = prediction->outside;
    segment->trained = prediction->trained;
    segment->fitting = prediction->fitting;
    segment->flow = prediction->flow;
    segment->missing = prediction->missing & taking->reads;
    segment->imagined = imagined_in(taking->config, prediction->flow) & taking->reads;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        segment->modality_weights[m] = (double)prediction->modality_weights[m];
    return 0;
}

int score_batch(struct valence_scorer *scorer, const struct valence_batch *batch, int flow,
                struct valence_scored_segment *segment, struct valence_error *error)
{
    struct valence_predict_options options;
    struct taking taking = {segment, scorer->model, valence_model_modalities(scorer->model),
                            valence_model_get_config(scorer->model)};
    valence_predict_options_default(&options);
    options.flow = flow;
    options.level = scorer->options.level;
    return valence_predict_batch(scorer->workspace, batch, &options, take_prediction, &taking, NULL,
                                 error);
}

/* ---- What is said ---- */

/* The words that the extractor recognised in a whole recording. */
static int take_recognised(const struct valence_extracted_facts *facts, struct score_made *made,
                           struct valence_error *error)
{
    const struct valence_transcript *heard = facts->recognised;
    int64_t n = 0;
    for (int64_t i = 0; i < heard->n_segments; i++)
        n += heard->segments[i].n_words;
    made->is.words_from = VALENCE_WORDS_RECOGNISED;
    made->is.confidence = facts->confidence;
    snprintf(made->language, sizeof made->language, "%s", heard->language);
    struct valence_word *all = allocate(n + 1, sizeof *all);
    if (!all)
        return fail_memory(error, (size_t)n * sizeof *all, "words");
    n = 0;
    for (int64_t i = 0; i < heard->n_segments; i++)
        for (int64_t j = 0; j < heard->segments[i].n_words; j++)
            all[n++] = heard->segments[i].words[j];
    int status = score_words_copy(all, n, &made->words, error);
    made->is.n_words = status ? 0 : n;
    free(all);
    return status;
}

static int take_words(const struct score_timeline *timeline, const struct score_span *span,
                      const struct valence_extracted_facts *facts, struct score_made *made,
                      struct valence_error *error)
{
    const char *text = span->text ? span->text : facts ? facts->transcript : "";
    int status = score_set_text(text, &made->text, error);
    made->is.confidence = NAN;
    if (status)
        return status;
    if (!span->text)
        return facts && facts->recognised && *text ? take_recognised(facts, made, error)
                                                   : VALENCE_OK;
    made->is.words_from = timeline->words_from;
    made->is.confidence = span->confidence;
    status = score_words_copy(span->words, span->n_words, &made->words, error);
    made->is.n_words = status ? 0 : span->n_words;
    return status;
}

/* ---- Rows ---- */

/* The part of a recording that the span is. */
static struct valence_clip_input input_of(const struct valence_recording *recording,
                                          const struct score_timeline *timeline,
                                          const struct score_span *span,
                                          struct valence_media_segment *range)
{
    const bool is_transcribed = !timeline->is_whole && timeline->words_from != VALENCE_WORDS_NONE;
    struct valence_clip_input input = {.path = recording->path,
                                       .transcript = span->text,
                                       .is_silent = is_transcribed && !span->text};
    *range = (struct valence_media_segment){span->start, span->end};
    if (recording->path && (!timeline->is_whole || recording->range))
        input.range = timeline->is_whole ? recording->range : range;
    if (recording->path)
        return input;
    if (recording->samples) {
        int64_t from = timeline->is_whole ? 0 : llrint(span->start * SCORE_RATE_HZ);
        int64_t to = llrint(span->end * SCORE_RATE_HZ);
        to = timeline->is_whole || to > recording->n_samples ? recording->n_samples : to;
        from = from < to ? from : to;
        input.samples = recording->samples + from;
        input.n_samples = to - from;
        input.range = range;
    }
    if (recording->pixels) {
        int64_t from = 0, to = recording->n_pictures;
        while (!timeline->is_whole && from < to && recording->times[from] < span->start)
            from++;
        while (!timeline->is_whole && to > from && recording->times[to - 1] >= span->end)
            to--;
        input.pixels = recording->pixels + from * recording->width * recording->height * 3;
        input.times = recording->times + from;
        input.n_pictures = to - from;
        input.width = recording->width;
        input.height = recording->height;
    }
    return input;
}

/* The rows of the streams that the model reads, as a batch of one clip. */
struct one_clip {
    struct valence_batch batch;
    int64_t offsets[VALENCE_N_STREAMS][2];
};

static void make_batch(const struct valence_scorer *scorer,
                       const struct valence_extracted *extracted, struct one_clip *clip)
{
    *clip = (struct one_clip){.batch.n_clips = 1};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t n;
        const float *rows = valence_extracted_rows(extracted, (enum valence_stream)s, &n);
        if (!rows || !scorer->plan.streams[s])
            continue;
        clip->offsets[s][1] = n < SCORE_MAX_ROWS ? n : SCORE_MAX_ROWS;
        clip->batch.streams[s] = (struct valence_rows){
            .data = rows,
            .type = VALENCE_F32,
            .width = valence_extractor_width(scorer->extractor, (enum valence_stream)s),
            .offsets = clip->offsets[s]};
    }
}

int score_no_score(struct score_made *made, const char *reason, struct valence_error *error)
{
    made->is.score = made->is.raw_score = made->is.distance = made->is.novelty = NAN;
    made->is.estimate = (struct valence_estimate){NAN, NAN, NAN};
    made->is.class_name = NULL;
    for (int c = 0; c < VALENCE_MAX_CLASSES; c++)
        made->is.probabilities[c] = NAN;
    return score_set_text(reason, &made->reason, error);
}

static int score_rows(struct valence_scorer *scorer, const struct valence_extracted *extracted,
                      struct score_made *made, struct valence_error *error)
{
    struct one_clip clip;
    make_batch(scorer, extracted, &clip);
    int status = score_batch(scorer, &clip.batch, VALENCE_FLOW_AUTO, &made->is, error);
    if (!status && isnan(made->is.score))
        return score_no_score(made, "its values are too large for the network", error);
    return !status && scorer->options.explain ? score_explain(scorer, &clip.batch, made, error)
                                              : status;
}

/* Why nothing that the model reads was there. */
static const char *reason_of(const struct valence_scorer *scorer, const char *text)
{
    if (scorer->plan.modalities != VALENCE_BIT(VALENCE_TEXT))
        return text;
    return scorer->options.recognise ? "no words were recognised, and the model reads words alone"
                                     : "no words are given, and the model reads words alone";
}

/* Words come as soon as they are known: before the rows, which a segment may lack. */
static int score_extracted(struct valence_scorer *scorer, const struct score_timeline *timeline,
                           const struct score_span *span, const struct valence_extracted *extracted,
                           struct score_made *made, struct valence_error *error)
{
    const struct valence_extracted_facts *facts = valence_extracted_get_facts(extracted);
    made->is.has_sound = facts->has_sound;
    made->is.has_pictures = facts->has_pictures;
    made->is.faces = facts->faces;
    int status = take_words(timeline, span, facts, made, error);
    return status ? status : score_rows(scorer, extracted, made, error);
}

int score_span(struct valence_scorer *scorer, const struct valence_recording *recording,
               const struct score_timeline *timeline, const struct score_span *span,
               const struct valence_progress *progress, struct score_made *made, char **warning,
               struct valence_error *error)
{
    struct valence_error own = {0};
    struct valence_media_segment range;
    struct valence_clip_input input = input_of(recording, timeline, span, &range);
    struct valence_extracted *extracted;
    *made = (struct score_made){.is = {.start = span->start, .end = span->end}};
    double begin = seconds_now();
    int status = valence_extract_clip(scorer->extractor, &input, progress, &extracted, &own);
    begin = score_end_stage(scorer, VALENCE_STAGE_ENCODE, begin);
    if (!status) {
        status = score_extracted(scorer, timeline, span, extracted, made, error);
        if (!status && !*warning && *valence_extracted_get_facts(extracted)->warning)
            status =
                score_set_text(valence_extracted_get_facts(extracted)->warning, warning, error);
    } else if (status == VALENCE_ERROR_DATA) {
        status = score_no_score(made, reason_of(scorer, own.text), error);
        if (!status)
            status = take_words(timeline, span, NULL, made, error);
    } else if (error) {
        *error = own;
    }
    valence_extracted_free(extracted);
    begin = score_end_stage(scorer, VALENCE_STAGE_PREDICT, begin);
    if (!status && scorer->options.signals && scorer->observer)
        status = score_observe(scorer, &input, progress, made, error);
    score_end_stage(scorer, VALENCE_STAGE_OBSERVE, begin);
    if (status)
        score_made_free(made);
    return status;
}

void score_made_seal(struct score_made *made, int64_t index, bool has_signals, bool is_explained)
{
    made->is.index = index;
    made->is.text = made->text ? made->text : "";
    made->is.reason = made->reason ? made->reason : "";
    made->is.words = made->words;
    made->is.signals = has_signals && made->is_observed ? &made->signals : NULL;
    made->explanation.without_word = made->without_word;
    made->explanation.word_attention = made->word_attention;
    made->is.explanation = is_explained && !made->reason ? &made->explanation : NULL;
}
