/* Scores as JSON. */
#include "valence/score_json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/json_values.h"
#include "score/scorer.h"

/* As of all documents of valence: it grows when a name or its meaning changes. */
#define JSON_VERSION 1
#define JSON_FORM    (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))

/* ---- Values ---- */

/* Adds `value`, which is taken over. After a failure *object is NULL, and stays so. */
static void put(json_t **object, const char *key, json_t *value)
{
    if (*object && json_object_set_new(*object, key, value) == 0)
        return;
    if (!*object)
        json_decref(value);
    json_decref(*object);
    *object = NULL;
}

static json_t *modalities(unsigned set)
{
    json_t *array = json_array();
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (set & VALENCE_BIT(m))
            json_push(&array, json_string(valence_modality_names[m]));
    return array;
}

/* An object of those modalities that the model reads. */
static json_t *by_modality(const struct valence_scorer *scorer, const double *values)
{
    json_t *object = json_object();
    unsigned read = valence_model_modalities(valence_scorer_model(scorer));
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (read & VALENCE_BIT(m))
            put(&object, valence_modality_names[m], json_of_number(values[m]));
    return object;
}

/* ---- A segment ---- */

static json_t *words(const struct valence_scored_segment *segment)
{
    const struct valence_explanation *why = segment->explanation;
    json_t *array = json_array();
    for (int64_t i = 0; i < segment->n_words; i++) {
        const struct valence_word *word = &segment->words[i];
        json_t *object = json_object();
        put(&object, "word", json_of_text(word->text));
        if (word->end > 0) {
            put(&object, "start", json_of_number(word->start));
            put(&object, "end", json_of_number(word->end));
        }
        if (!isnan(word->confidence))
            put(&object, "confidence", json_of_number(word->confidence));
        if (why && why->without_word)
            put(&object, "score_without", json_of_number(why->without_word[i]));
        if (why && why->word_attention)
            put(&object, "attention", json_of_number(why->word_attention[i]));
        json_push(&array, object);
    }
    return array;
}

static json_t *faces(const struct valence_face_summary *summary)
{
    json_t *object = json_object();
    put(&object, "frames", json_integer(summary->n_frames));
    put(&object, "found", json_integer(summary->n_found));
    put(&object, "people", json_integer(summary->n_people));
    put(&object, "coverage", json_of_number(summary->coverage));
    return object;
}

static json_t *signals(const struct valence_signals *is)
{
    json_t *object = json_object(), *expressions = json_object();
    for (int e = 0; e < VALENCE_FACE_EXPRESSIONS; e++)
        put(&expressions, valence_face_expression_names[e], json_of_number(is->expressions[e]));
    put(&object, "expressions", expressions);
    put(&object, "face_coverage", json_of_number(is->face_coverage));
    put(&object, "pitch_hz", json_of_number(is->pitch_hz));
    put(&object, "pitch_range", json_of_number(is->pitch_range));
    put(&object, "voiced", json_of_number(is->voiced));
    put(&object, "energy_db", json_of_number(is->energy_db));
    put(&object, "words_per_second", json_of_number(is->words_per_second));
    return object;
}

/* Where the network looked, by modality. */
static json_t *attention(const struct valence_explanation *why)
{
    json_t *object = json_object();
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        const struct valence_row_attention *rows = &why->attention[m];
        if (rows->n == 0)
            continue;
        json_t *entry = json_object(), *weights = json_array();
        for (int64_t i = 0; i < rows->n; i++)
            json_push(&weights, json_of_number((double)rows->weights[i]));
        if (!isnan(rows->rows_per_second))
            put(&entry, "rows_per_second", json_of_number(rows->rows_per_second));
        put(&entry, "weights", weights);
        put(&object, valence_modality_names[m], entry);
    }
    return object;
}

/* What only some segments have. */
static void put_details(json_t **object, const struct valence_scorer *scorer,
                        const struct valence_scored_segment *is)
{
    if (is->end > is->start) {
        put(object, "start", json_of_number(is->start));
        put(object, "end", json_of_number(is->end));
    }
    if (!isnan(is->confidence))
        put(object, "confidence", json_of_number(is->confidence));
    if (*is->reason)
        put(object, "reason", json_of_text(is->reason));
    if (is->faces.n_frames)
        put(object, "faces", faces(&is->faces));
    if (is->signals)
        put(object, "signals", signals(is->signals));
    if (is->explanation) {
        put(object, "score_without", by_modality(scorer, is->explanation->without));
        put(object, "attention", attention(is->explanation));
    }
}

/* The class and all probabilities; nothing of a model of scores. */
static void put_class(json_t **object, const struct valence_scorer *scorer, const char *name,
                      const float *probabilities)
{
    const struct valence_model *model = valence_scorer_model(scorer);
    int n = (int)valence_model_get_config(model)->n_classes;
    json_t *list = n ? json_object() : NULL;
    for (int c = 0; c < n; c++)
        put(&list, valence_model_class_name(model, c), json_of_number((double)probabilities[c]));
    if (n) {
        put(object, "class", name ? json_of_text(name) : json_null());
        put(object, "probabilities", list);
    }
}

/* Numbers of classes are no scores. */
static json_t *score_to_json(const struct valence_scorer *scorer, double score)
{
    bool classes = valence_model_get_config(valence_scorer_model(scorer))->n_classes != 0;
    return json_of_number(classes ? (double)NAN : score);
}

static json_t *segment_to_json(const struct valence_scorer *scorer,
                               const struct valence_scored_segment *is)
{
    json_t *object = json_object();
    put(&object, "score", score_to_json(scorer, is->score));
    put_class(&object, scorer, is->class_name, is->probabilities);
    put(&object, "raw_score", score_to_json(scorer, is->raw_score));
    put(&object, "expected_error", json_of_number(is->estimate.error));
    put(&object, "low", json_of_number(is->estimate.low));
    put(&object, "high", json_of_number(is->estimate.high));
    put(&object, "outside", json_boolean(is->outside));
    put(&object, "novelty", json_of_number(is->novelty));
    put(&object, "flow", json_string(valence_flow_name(is->flow)));
    put(&object, "missing", modalities(is->missing));
    put(&object, "imagined", modalities(is->imagined));
    put(&object, "modality_weights", by_modality(scorer, is->modality_weights));
    put(&object, "words_from", json_string(valence_word_source_names[is->words_from]));
    put(&object, "text", json_of_text(is->text));
    put(&object, "words", words(is));
    put_details(&object, scorer, is);
    return object;
}

/* ---- A recording ---- */

static json_t *recording_to_json(const struct valence_scorer *scorer, const char *id,
                                 const struct valence_recording_score *score)
{
    json_t *object = json_object(), *segments = json_array();
    put(&object, "id", json_of_text(id));
    put(&object, "score", score_to_json(scorer, score->score));
    put_class(&object, scorer, score->class_name, score->probabilities);
    put(&object, "spread", json_of_number(score->spread));
    put(&object, "lowest", json_of_number(score->lowest));
    put(&object, "highest", json_of_number(score->highest));
    put(&object, "seconds", json_real(isfinite(score->seconds) ? score->seconds : 0.0));
    put(&object, "has_sound", json_boolean(score->has_sound));
    put(&object, "has_pictures", json_boolean(score->has_pictures));
    put(&object, "language", json_of_text(score->language));
    put(&object, "warning", json_of_text(score->warning));
    put(&object, "work_seconds", json_real(score->work_seconds));
    put(&object, "unscored", json_integer(score->n_unscored));
    for (int64_t i = 0; i < score->n_segments; i++)
        json_push(&segments, segment_to_json(scorer, &score->segments[i]));
    put(&object, "segments", segments);
    return object;
}

/* ---- The document ---- */

struct valence_score_json {
    FILE *stream;
    const struct valence_scorer *scorer;
    int64_t n;
};

/* Takes over `value`. Writes nothing where memory is short. */
static int write_value(FILE *stream, const char *before, json_t *value, const char *after,
                       struct valence_error *error)
{
    char *text = value ? json_dumps(value, JSON_FORM) : NULL;
    json_decref(value);
    if (!text)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for the JSON of a score");
    fprintf(stream, "%s%s%s", before, text, after);
    free(text);
    return VALENCE_OK;
}

/* What the scores are made with. */
static json_t *head_to_json(const struct valence_scorer *scorer, const char *run)
{
    unsigned used = valence_scorer_modalities(scorer);
    double low, high;
    json_t *head = json_object(), *encoders = json_object(), *range = json_array();
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (used & VALENCE_BIT(m))
            put(&encoders, valence_modality_names[m],
                json_of_text(valence_scorer_encoder(scorer, (enum valence_modality)m)));
    if (valence_model_get_config(valence_scorer_model(scorer))->n_classes)
        low = high = NAN;
    else
        (void)valence_model_label_range(valence_scorer_model(scorer), &low, &high);
    json_push(&range, json_of_number(low));
    json_push(&range, json_of_number(high));
    put(&head, "schema", json_string("valence/score"));
    put(&head, "version", json_integer(JSON_VERSION));
    put(&head, "run", json_of_text(run));
    put(&head, "level", json_real(scorer->options.level));
    put(&head, "range", range);
    put(&head, "encoders", encoders);
    return head;
}

int valence_score_json_open(FILE *stream, const struct valence_scorer *scorer, const char *run,
                            struct valence_score_json **json, struct valence_error *error)
{
    *json = NULL;
    struct valence_score_json *made = allocate(1, sizeof *made);
    json_t *head = head_to_json(scorer, run);
    char *text = head ? json_dumps(head, JSON_FORM) : NULL;
    json_decref(head);
    if (!made || !text) {
        free(made);
        free(text);
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for the JSON of scores");
    }
    text[strlen(text) - 1] = '\0'; /* the brace: more follows */
    fprintf(stream, "%s,\"recordings\":[", text);
    free(text);
    *made = (struct valence_score_json){.stream = stream, .scorer = scorer};
    *json = made;
    return VALENCE_OK;
}

static int add(struct valence_score_json *json, json_t *entry, struct valence_error *error)
{
    int status = write_value(json->stream, json->n ? ",\n" : "\n", entry, "", error);
    json->n += !status;
    return status;
}

int valence_score_json_add(struct valence_score_json *json, const char *id,
                           const struct valence_recording_score *score, struct valence_error *error)
{
    return add(json, recording_to_json(json->scorer, id, score), error);
}

int valence_score_json_add_failure(struct valence_score_json *json, const char *id, const char *why,
                                   struct valence_error *error)
{
    json_t *entry = json_object();
    put(&entry, "id", json_of_text(id));
    put(&entry, "error", json_of_text(why));
    return add(json, entry, error);
}

void valence_score_json_close(struct valence_score_json *json)
{
    if (json)
        fprintf(json->stream, "%s],\"n\":%lld}\n", json->n ? "\n" : "", (long long)json->n);
    free(json);
}

int valence_score_json_segment(FILE *stream, const struct valence_scorer *scorer,
                               const struct valence_scored_segment *segment,
                               struct valence_error *error)
{
    return write_value(stream, "", segment_to_json(scorer, segment), "\n", error);
}
