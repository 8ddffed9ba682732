#include "score_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void score_format_modalities(char text[32], unsigned modalities, const char *none)
{
    text[0] = '\0';
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (modalities & VALENCE_BIT(m)) {
            size_t used = strlen(text);
            snprintf(text + used, 32 - used, "%s%s", used ? " " : "", valence_modality_names[m]);
        }
    if (!modalities)
        snprintf(text, 32, "%s", none);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *modalities(unsigned set)
{
    json_t *array = json_array();
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (set & VALENCE_BIT(m))
            json_array_append_new(array, json_string(valence_modality_names[m]));
    return array;
}

/* An object of those modalities that the model reads. */
static json_t *by_modality(const struct valence_scorer *scorer, const double *values)
{
    json_t *object = json_object();
    unsigned read = valence_model_modalities(valence_scorer_model(scorer));
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (read & VALENCE_BIT(m))
            json_object_set_new(object, valence_modality_names[m], number(values[m]));
    return object;
}

static json_t *words(const struct valence_scored_segment *segment)
{
    const double *without = segment->explanation ? segment->explanation->without_word : NULL;
    json_t *array = json_array();
    for (int64_t i = 0; i < segment->n_words; i++) {
        const struct valence_word *word = &segment->words[i];
        json_t *object = json_pack("{s:s}", "word", word->text);
        if (word->end > 0) {
            json_object_set_new(object, "start", number(word->start));
            json_object_set_new(object, "end", number(word->end));
        }
        if (!isnan(word->confidence))
            json_object_set_new(object, "confidence", number(word->confidence));
        if (without)
            json_object_set_new(object, "score_without", number(without[i]));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *faces(const struct valence_face_summary *summary)
{
    return json_pack("{s:I, s:I, s:I, s:f}", "frames", (json_int_t)summary->n_frames, "found",
                     (json_int_t)summary->n_found, "people", (json_int_t)summary->n_people,
                     "coverage", summary->coverage);
}

static json_t *signals(const struct valence_signals *is)
{
    json_t *expressions = json_object();
    for (int e = 0; e < VALENCE_FACE_EXPRESSIONS; e++)
        json_object_set_new(expressions, valence_face_expression_names[e],
                            number(is->expressions[e]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "expressions", expressions,
                     "face_coverage", number(is->face_coverage), "pitch_hz", number(is->pitch_hz),
                     "pitch_range", number(is->pitch_range), "voiced", number(is->voiced),
                     "energy_db", number(is->energy_db), "words_per_second",
                     number(is->words_per_second));
}

json_t *score_segment_to_json(const struct valence_scorer *scorer,
                              const struct valence_scored_segment *is)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:s, s:s, s:o}", "score",
        number(is->score), "raw_score", number(is->raw_score), "expected_error",
        number(is->estimate.error), "low", number(is->estimate.low), "high",
        number(is->estimate.high), "outside", is->outside, "flow", valence_flow_name(is->flow),
        "missing", modalities(is->missing), "imagined", modalities(is->imagined),
        "modality_weights", by_modality(scorer, is->modality_weights), "words_from",
        valence_word_source_names[is->words_from], "text", is->text, "words", words(is));
    if (!object)
        return NULL;
    if (is->end > is->start) {
        json_object_set_new(object, "start", number(is->start));
        json_object_set_new(object, "end", number(is->end));
    }
    if (!isnan(is->confidence))
        json_object_set_new(object, "confidence", number(is->confidence));
    if (*is->reason)
        json_object_set_new(object, "reason", json_string(is->reason));
    if (is->faces.n_frames)
        json_object_set_new(object, "faces", faces(&is->faces));
    if (is->signals)
        json_object_set_new(object, "signals", signals(is->signals));
    if (is->explanation)
        json_object_set_new(object, "score_without", by_modality(scorer, is->explanation->without));
    return object;
}

json_t *score_recording_to_json(const struct valence_scorer *scorer, const char *id,
                                const struct valence_recording_score *score)
{
    json_t *segments = json_array();
    for (int64_t i = 0; i < score->n_segments; i++)
        json_array_append_new(segments, score_segment_to_json(scorer, &score->segments[i]));
    json_t *object =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:f, s:b, s:b, s:s, s:s, s:f, s:I, s:o}", "id", id,
                  "score", number(score->score), "spread", number(score->spread), "lowest",
                  number(score->lowest), "highest", number(score->highest), "seconds",
                  isfinite(score->seconds) ? score->seconds : 0.0, "has_sound", score->has_sound,
                  "has_pictures", score->has_pictures, "language", score->language, "warning",
                  score->warning, "work_seconds", score->work_seconds, "unscored",
                  (json_int_t)score->n_unscored, "segments", segments);
    return object;
}
