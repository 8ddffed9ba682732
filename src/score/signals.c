/* What voice and face look like in a segment, from the rows of prosody and faces. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "score/scorer.h"
#include "valence/prosody.h"

/* Columns by their names, which the headers list. */
static int64_t find_column(int (*name_of)(int64_t, char *, size_t), const char *wanted)
{
    char name[32];
    int64_t column = 0;
    while (name_of(column, name, sizeof name) == VALENCE_OK && strcmp(name, wanted) != 0)
        column++;
    return column;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t n, double q)
{
    return sorted[llrint(q * (double)(n - 1))];
}

/* `pitches` has room for all rows. */
static void observe_voice(const float *rows, int64_t n, double *pitches,
                          struct valence_signals *signals)
{
    const int64_t pitch = find_column(valence_prosody_column_name, "pitch");
    const int64_t energy = find_column(valence_prosody_column_name, "energy");
    double sum = 0;
    int64_t n_voiced = 0;
    for (int64_t t = 0; t < n; t++, rows += VALENCE_PROSODY_COLUMNS) {
        if (rows[pitch] <= 0)
            continue;
        pitches[n_voiced++] = (double)rows[pitch];
        sum += (double)rows[energy];
    }
    signals->voiced = n ? (double)n_voiced / (double)n : NAN;
    if (n_voiced == 0)
        return;
    qsort(pitches, (size_t)n_voiced, sizeof *pitches, by_value);
    signals->pitch_hz = exp(quantile(pitches, n_voiced, 0.5));
    signals->pitch_range =
        12 / log(2) * (quantile(pitches, n_voiced, 0.9) - quantile(pitches, n_voiced, 0.1));
    signals->energy_db = sum / (double)n_voiced;
}

static void observe_face(const float *rows, int64_t n, struct valence_signals *signals)
{
    const int64_t found = find_column(valence_face_column_name, "found");
    const int64_t first = find_column(valence_face_column_name, valence_face_expression_names[0]);
    double sums[VALENCE_FACE_EXPRESSIONS] = {0};
    int64_t n_found = 0;
    for (int64_t t = 0; t < n; t++, rows += VALENCE_FACE_COLUMNS) {
        if (rows[found] <= 0)
            continue;
        n_found++;
        for (int e = 0; e < VALENCE_FACE_EXPRESSIONS; e++)
            sums[e] += (double)rows[first + e];
    }
    for (int e = 0; n_found && e < VALENCE_FACE_EXPRESSIONS; e++)
        signals->expressions[e] = sums[e] / (double)n_found;
}

static int observe(const struct valence_extracted *extracted, struct score_made *made,
                   struct valence_error *error)
{
    const struct valence_extracted_facts *facts = valence_extracted_get_facts(extracted);
    struct valence_signals *signals = &made->signals;
    int64_t n_voice, n_face;
    const float *voice = valence_extracted_rows(extracted, VALENCE_STREAM_AUDIO, &n_voice);
    const float *face = valence_extracted_rows(extracted, VALENCE_STREAM_VIDEO, &n_face);
    double *pitches = allocate(n_voice + 1, sizeof *pitches);
    if (!pitches)
        return fail_memory(error, (size_t)n_voice * sizeof *pitches, "pitches");
    observe_voice(voice, n_voice, pitches, signals);
    observe_face(face, n_face, signals);
    free(pitches);
    made->is.faces = facts->faces;
    made->is.has_sound |= facts->has_sound;
    made->is.has_pictures |= facts->has_pictures;
    if (facts->faces.n_frames)
        signals->face_coverage = facts->faces.coverage;
    return VALENCE_OK;
}

int score_observe(struct valence_scorer *scorer, const struct valence_clip_input *input,
                  const struct valence_progress *progress, struct score_made *made,
                  struct valence_error *error)
{
    struct valence_error own = {0};
    struct valence_signals *signals = &made->signals;
    struct valence_extracted *extracted;
    made->is_observed = true;
    *signals = (struct valence_signals){.face_coverage = NAN,
                                        .pitch_hz = NAN,
                                        .pitch_range = NAN,
                                        .voiced = NAN,
                                        .energy_db = NAN,
                                        .words_per_second = NAN};
    for (int e = 0; e < VALENCE_FACE_EXPRESSIONS; e++)
        signals->expressions[e] = NAN;
    double seconds = made->is.end - made->is.start;
    if (made->is.n_words > 0 && seconds > 0)
        signals->words_per_second = (double)made->is.n_words / seconds;
    int status = valence_extract_clip(scorer->observer, input, progress, &extracted, &own);
    if (!status)
        status = observe(extracted, made, error);
    else if (status == VALENCE_ERROR_DATA) /* neither sound nor a face */
        status = VALENCE_OK;
    else if (error)
        *error = own;
    valence_extracted_free(extracted);
    return status;
}
