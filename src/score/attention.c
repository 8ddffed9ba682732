/* Where the network looked in a segment: its attention by row and, for text, by word. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "score/scorer.h"

/* Of every encoder of sound, see valence/extract.h. */
#define SOUND_ROWS_PER_SECOND 50

static double rows_per_second(const struct score_plan *plan, enum valence_modality modality)
{
    bool steps = plan->options.video == VALENCE_PICTURES_FACES && plan->options.fps > 0;
    return modality == VALENCE_AUDIO            ? SOUND_ROWS_PER_SECOND
           : modality == VALENCE_VIDEO && steps ? plan->options.fps
                                                : (double)NAN;
}

/* Copies the weights: the workspace's own are gone when the next clip is scored. */
static int keep_rows(const struct score_plan *plan, const struct valence_attention *attention,
                     struct score_made *made, struct valence_error *error)
{
    int64_t n = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        n += attention->modalities[m].n_rows;
    float *to = made->row_attention = allocate(n + 1, sizeof *to);
    if (!to)
        return fail_memory(error, (size_t)n * sizeof *to, "attention weights");
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        const struct valence_modality_attention *from = &attention->modalities[m];
        if (from->n_rows == 0)
            continue;
        memcpy(to, from->rows, (size_t)from->n_rows * sizeof *to);
        made->explanation.attention[m] = (struct valence_row_attention){
            from->n_rows, to, rows_per_second(plan, (enum valence_modality)m)};
        to += from->n_rows;
    }
    return VALENCE_OK;
}

/* Adds up the rows of each word. `words` are the rows' words; false where no row is of a word. */
static bool add_rows(const struct valence_row_attention *rows, const int64_t *words,
                     int64_t n_words, double *sums)
{
    bool has_words = false;
    for (int64_t i = 0; i < rows->n; i++)
        if (words[i] >= 0 && words[i] < n_words) {
            sums[words[i]] += (double)rows->weights[i];
            has_words = true;
        }
    return has_words;
}

static int share_out(struct valence_scorer *scorer, struct score_made *made,
                     struct valence_error *error)
{
    const struct valence_row_attention *rows = &made->explanation.attention[VALENCE_TEXT];
    int64_t *words = allocate(rows->n, sizeof *words);
    double *sums = allocate(made->is.n_words, sizeof *sums);
    int status =
        words && sums ? VALENCE_OK : fail_memory(error, (size_t)rows->n * sizeof *words, "words");
    if (!status)
        status = valence_transcript_encoder_find_words(score_text_encoder(scorer), made->text,
                                                       rows->n, words, error);
    if (!status && add_rows(rows, words, made->is.n_words, sums)) {
        made->word_attention = sums;
        sums = NULL;
    }
    free(words);
    free(sums);
    return status;
}

/* Words of a language without blanks are recognised one by one and read as one. */
static bool has_blanks_between_words(const struct score_made *made)
{
    int64_t n = 0;
    for (const char *text = made->text + score_blanks(made->text); *text; n++) {
        text += score_letters(text);
        text += score_blanks(text);
    }
    return n == made->is.n_words;
}

int score_attend(struct valence_scorer *scorer, const struct valence_batch *batch,
                 struct score_made *made, struct valence_error *error)
{
    const struct valence_attention *attention;
    int status = valence_attend(scorer->workspace, batch, made->is.flow, &attention, error);
    if (status)
        return status;
    bool reads_words = attention->modalities[VALENCE_TEXT].n_rows > 0 &&
                       attention->modalities[VALENCE_TEXT].stream == VALENCE_STREAM_TEXT;
    status = keep_rows(&scorer->plan, attention, made, error);
    return !status && reads_words && made->is.n_words > 0 && has_blanks_between_words(made)
               ? share_out(scorer, made, error)
               : status;
}
