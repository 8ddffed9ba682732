/* Why a segment has its score: where the network looked, and what the score would be without a
 * modality, and without a word. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "score/scorer.h"

#define MAX_TEXT_BYTES (1 << 20)

/* ---- Without a modality ---- */

static bool is_trained(const struct valence_model_config *config, unsigned flow)
{
    for (int i = 0; i < config->n_flows; i++)
        if (config->flows[i] == flow)
            return true;
    return false;
}

static int leave_out_modalities(struct valence_scorer *scorer, const struct valence_batch *batch,
                                struct score_made *made, struct valence_error *error)
{
    const struct valence_model_config *config = valence_model_get_config(scorer->model);
    unsigned present = score_present(batch);
    int status = VALENCE_OK;
    for (int m = 0; m < VALENCE_N_MODALITIES && !status; m++) {
        struct valence_scored_segment without;
        unsigned flow = made->is.flow | VALENCE_BIT(m);
        made->explanation.without[m] = NAN;
        if (!(present & VALENCE_BIT(m)) || (made->is.flow & VALENCE_BIT(m)) ||
            !is_trained(config, flow))
            continue;
        status = score_batch(scorer, batch, (int)flow, &without, error);
        if (!status)
            made->explanation.without[m] = without.score;
    }
    return status;
}

/* ---- Without a word ---- */

/* The words but those from `first` to before `end`, joined by blanks; free() it. */
static char *join_without(const struct valence_word *words, int64_t n, int64_t first, int64_t end)
{
    struct text text = {.maximum = MAX_TEXT_BYTES};
    text_append(&text, "", 0);
    for (int64_t i = 0; i < n; i++)
        if (i < first || i >= end)
            text_format(&text, "%s%s", text.length ? " " : "", words[i].text);
    if (!text.failed)
        return text.data;
    text_free(&text);
    return NULL;
}

static int score_without(struct valence_scorer *scorer, const struct valence_batch *batch,
                         const struct valence_features *features, const struct score_made *made,
                         double *scores, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < features->n_inputs && !status; i++) {
        struct valence_scored_segment without;
        struct valence_batch other = *batch;
        int64_t n = features->offsets[i + 1] - features->offsets[i];
        int64_t offsets[2] = {0, n < SCORE_MAX_ROWS ? n : SCORE_MAX_ROWS};
        scores[i] = NAN;
        if (n == 0)
            continue;
        other.streams[VALENCE_STREAM_TEXT] =
            (struct valence_rows){.data = features->rows + features->offsets[i] * features->width,
                                  .type = VALENCE_F32,
                                  .width = features->width,
                                  .offsets = offsets};
        status = score_batch(scorer, &other, (int)made->is.flow, &without, error);
        if (!status)
            scores[i] = without.score;
    }
    return status;
}

static int leave_out_words(struct valence_scorer *scorer, const struct valence_batch *batch,
                           struct score_made *made, struct valence_error *error)
{
    int64_t n = made->is.n_words;
    int64_t together = (n + MAX_EXPLAINED_TEXTS - 1) / MAX_EXPLAINED_TEXTS;
    int64_t n_texts = (n + together - 1) / together;
    struct valence_features features = {0};
    char *texts[MAX_EXPLAINED_TEXTS] = {NULL};
    double scores[MAX_EXPLAINED_TEXTS];
    bool is_whole = (made->without_word = allocate(n, sizeof *made->without_word)) != NULL;
    for (int64_t i = 0; is_whole && i < n_texts; i++)
        is_whole = (texts[i] = join_without(made->words, n, i * together, (i + 1) * together));
    int status = is_whole
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)n * sizeof *made->without_word, "an explanation");
    if (!status)
        status = valence_transcript_encoder_encode(score_text_encoder(scorer),
                                                   (const char *const *)texts, n_texts, NULL,
                                                   &features, error);
    if (!status)
        status = score_without(scorer, batch, &features, made, scores, error);
    for (int64_t i = 0; i < n && !status; i++)
        made->without_word[i] = scores[i / together];
    valence_features_free(&features);
    for (int64_t i = 0; i < n_texts; i++)
        free(texts[i]);
    return status;
}

int score_explain(struct valence_scorer *scorer, const struct valence_batch *batch,
                  struct score_made *made, struct valence_error *error)
{
    int status = score_attend(scorer, batch, made, error);
    if (!status)
        status = leave_out_modalities(scorer, batch, made, error);
    bool reads_words = batch->streams[VALENCE_STREAM_TEXT].width > 0 &&
                       !(made->is.flow & VALENCE_BIT(VALENCE_TEXT));
    int64_t n = made->is.n_words;
    if (!status && reads_words && n > 0 && n <= MAX_EXPLAINED_WORDS)
        status = leave_out_words(scorer, batch, made, error);
    return status;
}
