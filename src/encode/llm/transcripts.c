#include "valence/transcripts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "encode/encoder_kind.h"
#include "encode/llm/encoder_llm.h"
#include "format/json_failure.h"

const char *const valence_transcript_rows_names[VALENCE_MAX_NAMES] = {"tokens", "mean", "last"};

struct valence_transcript_encoder {
    struct valence_transcript_options settings; /* but for the texts in it, which the model keeps */
    struct valence_encoder *model;
    struct valence_encoder_state *state;
    char *description;
};

void valence_transcript_options_default(struct valence_transcript_options *options)
{
    *options = (struct valence_transcript_options){.size = sizeof *options,
                                                   .prefix = VALENCE_PREFIX_DEFAULT};
}

/* ---- What is recorded ---- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* The settings and the model that they are used with, as text; NULL where memory is short. */
static char *describe(const struct valence_transcript_encoder *encoder)
{
    const struct valence_encoder_description *model = valence_encoder_describe(encoder->model);
    const struct valence_transcript_options *settings = &encoder->settings;
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "kind", "llm", "source",
                  model->source, "fingerprint", model->fingerprint, "type", model->type, "layers",
                  model->layers, "prefix", or_empty(settings->prefix), "spelling",
                  valence_spelling_names[settings->spelling], "rows",
                  valence_transcript_rows_names[settings->rows], "drop_special",
                  settings->drop_special, "drop_first", settings->drop_first);
    /* Without a suffix the record is that of versions that knew none. */
    bool is_whole =
        json && (!*or_empty(settings->suffix) ||
                 json_object_set_new(json, "suffix", json_string(settings->suffix)) == 0);
    char *text = is_whole ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static int index_of(const json_t *name, const char *const *names, int n)
{
    for (int i = 0; i < n && json_is_string(name); i++)
        if (strcmp(json_string_value(name), names[i]) == 0)
            return i;
    return -1;
}

/* The settings in such an object, which must outlive them. What was recorded before there were
 * prefixes and suffixes had none. */
static int read_settings(const json_t *recorded, struct valence_transcript_options *settings,
                         struct valence_error *error)
{
    const char *kind = json_string_value(json_object_get(recorded, "kind"));
    const json_t *prefix = json_object_get(recorded, "prefix");
    const json_t *suffix = json_object_get(recorded, "suffix");
    int spelling = index_of(json_object_get(recorded, "spelling"), valence_spelling_names,
                            VALENCE_N_SPELLINGS);
    int rows = index_of(json_object_get(recorded, "rows"), valence_transcript_rows_names,
                        VALENCE_N_TRANSCRIPT_ROWS);
    settings->layers = json_string_value(json_object_get(recorded, "layers"));
    settings->prefix = prefix ? json_string_value(prefix) : "";
    settings->suffix = suffix ? json_string_value(suffix) : "";
    settings->drop_special = json_is_true(json_object_get(recorded, "drop_special"));
    settings->drop_first = json_is_true(json_object_get(recorded, "drop_first"));
    if (!kind || strcmp(kind, "llm") != 0 || !settings->layers || !settings->prefix ||
        !settings->suffix || spelling < 0 || rows < 0)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "the recorded settings of the text's encoder cannot be read: they are not "
                    "those of a language model, or a newer version wrote them");
    settings->spelling = (enum valence_spelling)spelling;
    settings->rows = (enum valence_transcript_rows)rows;
    return VALENCE_OK;
}

/* Whether the loaded model is the one that was recorded. */
static int compare_model(const json_t *recorded, const struct valence_encoder *model,
                         struct valence_error *error)
{
    const struct valence_encoder_description *now = valence_encoder_describe(model);
    const char *const pairs[][3] = {{"fingerprint", "fingerprint", now->fingerprint},
                                    {"type", "weights of type", now->type}};
    for (int i = 0; i < 2; i++) {
        const char *was = json_string_value(json_object_get(recorded, pairs[i][0]));
        if (was && strcmp(was, pairs[i][2]) != 0)
            return fail_key(error, VALENCE_ERROR_DATA, "encoder",
                            "the text was encoded by '%.200s' with %s %.100s, and '%.200s' has "
                            "%.100s (give the language model that it was encoded with)",
                            json_string_value(json_object_get(recorded, "source")), pairs[i][1],
                            was, now->source, pairs[i][2]);
    }
    return VALENCE_OK;
}

/* ---- Opening ---- */

void valence_transcript_encoder_close(struct valence_transcript_encoder *encoder)
{
    if (!encoder)
        return;
    valence_encoder_state_free(encoder->state);
    valence_encoder_free(encoder->model);
    free(encoder->description);
    free(encoder);
}

static int load(struct valence_transcript_encoder *encoder, const char *path,
                struct valence_error *error)
{
    struct valence_transcript_options *settings = &encoder->settings;
    struct valence_encoder_options options;
    valence_encoder_options_default(&options);
    options.device = settings->device;
    options.layers = settings->layers;
    options.memory = settings->memory;
    options.prefix = settings->prefix;
    options.suffix = settings->suffix;
    options.drop_special = settings->drop_special;
    if ((unsigned)settings->spelling >= VALENCE_N_SPELLINGS ||
        (unsigned)settings->rows >= VALENCE_N_TRANSCRIPT_ROWS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "spelling %d or rows %d do not exist",
                    (int)settings->spelling, (int)settings->rows);
    int status = valence_encoder_load(path, &options, &encoder->model, error);
    const char *kind = status ? "" : valence_encoder_describe(encoder->model)->kind;
    if (!status && strcmp(kind, "llm") != 0)
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "%s: holds the encoder '%s', not a language model", path, kind);
    if (!status)
        status = valence_encoder_state_create(encoder->model, &encoder->state, error);
    if (status)
        return status;
    encoder->description = describe(encoder);
    settings->device = settings->layers = settings->memory = NULL;
    settings->prefix = settings->suffix = NULL;
    return encoder->description ? VALENCE_OK : fail_memory(error, 0, "the encoder's settings");
}

/* `recorded`, NULL where there is nothing, goes before the options. */
static int open_encoder(const char *path, const json_t *recorded,
                        const struct valence_transcript_options *options,
                        struct valence_transcript_encoder **opened, struct valence_error *error)
{
    struct valence_transcript_encoder *encoder = allocate(1, sizeof *encoder);
    if (!encoder)
        return fail_memory(error, sizeof *encoder, path);
    valence_transcript_options_default(&encoder->settings);
    int status = options_read(&encoder->settings, sizeof encoder->settings, options, error);
    if (!status && recorded)
        status = read_settings(recorded, &encoder->settings, error);
    if (!status)
        status = load(encoder, path, error);
    if (!status && recorded)
        status = compare_model(recorded, encoder->model, error);
    if (status)
        valence_transcript_encoder_close(encoder);
    else
        *opened = encoder;
    return status;
}

int valence_transcript_encoder_open(const char *path,
                                    const struct valence_transcript_options *options,
                                    struct valence_transcript_encoder **encoder,
                                    struct valence_error *error)
{
    *encoder = NULL;
    return open_encoder(path, NULL, options, encoder, error);
}

int valence_transcript_encoder_open_recorded(const char *path, const char *recorded,
                                             const struct valence_transcript_options *options,
                                             struct valence_transcript_encoder **encoder,
                                             struct valence_error *error)
{
    *encoder = NULL;
    json_error_t problem;
    json_t *json = json_loads(recorded, 0, &problem);
    if (!json)
        return fail_json(&problem, error, VALENCE_ERROR_FORMAT,
                         "the recorded settings of the text's encoder are not JSON: %s",
                         problem.text);
    int status = open_encoder(path, json, options, encoder, error);
    json_decref(json);
    return status;
}

const struct valence_encoder *
valence_transcript_encoder_model(const struct valence_transcript_encoder *encoder)
{
    return encoder->model;
}

const char *valence_transcript_encoder_settings(const struct valence_transcript_encoder *encoder)
{
    return encoder->description;
}

/* ---- Encoding ---- */

static void reduce_mean(const float *from, int64_t n, int64_t width, float *to)
{
    for (int64_t c = 0; c < width; c++) {
        double sum = 0;
        for (int64_t r = 0; r < n; r++)
            sum += (double)from[r * width + c];
        to[c] = (float)(sum / (double)n);
    }
}

/* Keeps of every transcript's rows those that the settings ask for, in place: what is kept never
 * lies behind what it is made from. */
static void reduce(const struct valence_transcript_options *settings,
                   struct valence_features *features)
{
    int64_t width = features->width, kept = 0, begin = 0;
    for (int64_t i = 0; i < features->n_inputs; i++) {
        int64_t end = features->offsets[i + 1];
        begin += settings->drop_first && end > begin;
        float *to = features->rows + kept * width;
        const float *from = features->rows + begin * width;
        int64_t n = end - begin;
        if (n > 0 && settings->rows == VALENCE_ROWS_MEAN) {
            reduce_mean(from, n, width, to);
            n = 1;
        } else if (n > 0 && settings->rows == VALENCE_ROWS_LAST) {
            memmove(to, from + (n - 1) * width, (size_t)width * sizeof *to);
            n = 1;
        } else {
            memmove(to, from, (size_t)(n * width) * sizeof *to);
        }
        kept += n;
        begin = end;
        features->offsets[i + 1] = kept;
    }
}

/* Behind a byte-order mark, which says how a text is stored and is no part of it. */
static const char *behind_mark(const char *transcript)
{
    static const char mark[] = "\xEF\xBB\xBF";
    return strncmp(transcript, mark, strlen(mark)) == 0 ? transcript + strlen(mark) : transcript;
}

int valence_transcript_encoder_encode(struct valence_transcript_encoder *encoder,
                                      const char *const *transcripts, int64_t n,
                                      const struct valence_progress *progress,
                                      struct valence_features *features,
                                      struct valence_error *error)
{
    *features = (struct valence_features){0};
    struct valence_encoder_input *inputs = allocate(n, sizeof *inputs);
    int status =
        inputs ? VALENCE_OK : fail_memory(error, (size_t)n * sizeof *inputs, "transcripts");
    for (int64_t i = 0; i < n && !status; i++) {
        const char *transcript = transcripts[i] ? behind_mark(transcripts[i]) : "";
        inputs[i].text = valence_spell(transcript, encoder->settings.spelling);
        if (!inputs[i].text)
            status = fail_memory(error, strlen(transcript), "a transcript");
    }
    if (!status)
        status = valence_encoder_encode(encoder->state, inputs, n, progress, features, error);
    if (!status)
        reduce(&encoder->settings, features);
    for (int64_t i = 0; i < n && inputs; i++)
        free((void *)(uintptr_t)inputs[i].text);
    free(inputs);
    return status;
}

/* ---- Words ---- */

/* Of the tokens' words, those of the rows that the settings keep, as reduce() keeps them. */
static int64_t keep_words(const struct valence_transcript_options *settings,
                          const struct transcript_tokens *tokens, int64_t *words)
{
    int64_t begin = tokens->first + (settings->drop_first && tokens->end > tokens->first);
    int64_t n = tokens->end - begin;
    if (n > 0 && settings->rows != VALENCE_ROWS_TOKENS) {
        words[0] = -1; /* the row is of all words */
        return 1;
    }
    memmove(words, words + begin, (size_t)n * sizeof *words);
    return n;
}

static int find_words(const struct valence_transcript_encoder *encoder, const char *text,
                      int64_t n_rows, int64_t *words, struct valence_error *error)
{
    const struct llm_encoder *llm = encoder_model(encoder->model, &encoder_llm);
    struct transcript_tokens tokens;
    int status = transcript_tokens_read(&tokens, &llm->model, &llm->frame, text, error);
    int64_t *found = status ? NULL : allocate(tokens.n + 1, sizeof *found);
    if (!status && !found)
        status = fail_memory(error, (size_t)tokens.n * sizeof *found, "a transcript");
    if (!status) {
        transcript_tokens_find_words(&tokens, &llm->model, found);
        int64_t n = keep_words(&encoder->settings, &tokens, found);
        for (int64_t i = 0; i < n_rows; i++)
            words[i] = i < n ? found[i] : -1;
    }
    free(found);
    free(tokens.tokens);
    return status;
}

int valence_transcript_encoder_find_words(const struct valence_transcript_encoder *encoder,
                                          const char *transcript, int64_t n_rows, int64_t *words,
                                          struct valence_error *error)
{
    char *text =
        valence_spell(transcript ? behind_mark(transcript) : "", encoder->settings.spelling);
    if (!text)
        return fail_memory(error, transcript ? strlen(transcript) : 1, "a transcript");
    int status = find_words(encoder, text, n_rows, words, error);
    free(text);
    return status;
}
