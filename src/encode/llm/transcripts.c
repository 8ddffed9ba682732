#include "encode/llm/transcripts.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

const char *const transcript_spelling_names[TRANSCRIPT_N_SPELLINGS] = {"as-is", "lower",
                                                                       "sentence"};
const char *const transcript_rows_names[TRANSCRIPT_N_ROWS] = {"tokens", "mean", "last"};

struct transcript_encoder {
    struct transcript_settings settings; /* but for the layers, which the encoder keeps */
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
};

/* ---- Spelling ---- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Part of a word: a letter, a digit, or of another alphabet. */
static bool is_word(char c)
{
    return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || (c & 0x80);
}

/* Gives a lower-case text a sentence's capitals: its first letter, and every I that stands alone
 * ("i", "i'm"). */
static void capitalise(char *text)
{
    size_t first = strcspn(text, "abcdefghijklmnopqrstuvwxyz");
    bool begins = true; /* no word came before it */
    for (size_t i = 0; i < first; i++)
        begins = begins && !is_word(text[i]);
    if (begins && text[first])
        text[first] = (char)(text[first] - 'a' + 'A');
    for (size_t i = 0; text[i]; i++)
        if (text[i] == 'i' && !is_word(text[i + 1]) && (i == 0 || !is_word(text[i - 1])) &&
            (i == 0 || text[i - 1] != '\''))
            text[i] = 'I';
}

char *transcript_spell(const char *transcript, enum transcript_spelling spelling)
{
    static const char blanks[] = " \t\r\n\v\f";
    if (spelling == TRANSCRIPT_SENTENCE)
        transcript += strspn(transcript, blanks);
    size_t length = strlen(transcript);
    char *text = malloc(length + 2);
    if (!text)
        return NULL;
    memcpy(text, transcript, length + 1);
    if (spelling == TRANSCRIPT_AS_IS)
        return text;
    for (size_t i = 0; i < length; i++)
        if (is_upper(text[i]))
            text[i] = (char)(text[i] - 'A' + 'a');
    if (spelling == TRANSCRIPT_LOWER)
        return text;
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    text[length] = '\0';
    capitalise(text);
    if (length > 0 && (is_word(text[length - 1]) || strchr(",;:-", text[length - 1]))) {
        length -= !is_word(text[length - 1]);
        memcpy(text + length, ".", 2);
    }
    return text;
}

/* ---- Opening ---- */

void transcript_encoder_close(struct transcript_encoder *encoder)
{
    if (!encoder)
        return;
    valence_encoder_state_free(encoder->state);
    valence_encoder_free(encoder->encoder);
    free(encoder);
}

int transcript_encoder_open(const char *path, const struct transcript_settings *settings,
                            const char *device, struct transcript_encoder **opened,
                            struct valence_error *error)
{
    *opened = NULL;
    struct transcript_encoder *encoder = allocate(1, sizeof *encoder);
    if (!encoder)
        return fail_memory(error, sizeof *encoder, path);
    encoder->settings = *settings;
    struct valence_encoder_options options = {
        .device = device, .layers = settings->layers, .drop_special = settings->drop_special};
    int status = valence_encoder_load(path, &options, &encoder->encoder, error);
    const char *kind = status ? "" : valence_encoder_describe(encoder->encoder)->kind;
    if (!status && strcmp(kind, "llm") != 0)
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "%s: holds the encoder '%s', not a language model", path, kind);
    if (!status)
        status = valence_encoder_state_create(encoder->encoder, &encoder->state, error);
    if (status)
        transcript_encoder_close(encoder);
    else
        *opened = encoder;
    return status;
}

int64_t transcript_encoder_width(const struct transcript_encoder *encoder)
{
    return valence_encoder_describe(encoder->encoder)->width;
}

/* ---- Settings ---- */

json_t *transcript_encoder_describe(const struct transcript_encoder *encoder)
{
    const struct valence_encoder_description *model = valence_encoder_describe(encoder->encoder);
    const struct transcript_settings *settings = &encoder->settings;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "kind", "llm", "source",
                     model->source, "fingerprint", model->fingerprint, "type", model->type,
                     "layers", model->layers, "spelling",
                     transcript_spelling_names[settings->spelling], "rows",
                     transcript_rows_names[settings->rows], "drop_special", settings->drop_special,
                     "drop_first", settings->drop_first);
}

static int index_of(const json_t *name, const char *const *names, int n)
{
    for (int i = 0; i < n && json_is_string(name); i++)
        if (strcmp(json_string_value(name), names[i]) == 0)
            return i;
    return -1;
}

int transcript_settings_from_json(const json_t *description, struct transcript_settings *settings,
                                  struct valence_error *error)
{
    const char *kind = json_string_value(json_object_get(description, "kind"));
    int spelling = index_of(json_object_get(description, "spelling"), transcript_spelling_names,
                            TRANSCRIPT_N_SPELLINGS);
    int rows =
        index_of(json_object_get(description, "rows"), transcript_rows_names, TRANSCRIPT_N_ROWS);
    *settings = (struct transcript_settings){
        .layers = json_string_value(json_object_get(description, "layers")),
        .drop_special = json_is_true(json_object_get(description, "drop_special")),
        .drop_first = json_is_true(json_object_get(description, "drop_first"))};
    if (!kind || strcmp(kind, "llm") != 0 || !settings->layers || spelling < 0 || rows < 0)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "what is recorded of the text's encoder is not understood");
    settings->spelling = (enum transcript_spelling)spelling;
    settings->rows = (enum transcript_rows)rows;
    return VALENCE_OK;
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
static void reduce(const struct transcript_settings *settings, struct valence_features *features)
{
    int64_t width = features->width, kept = 0, begin = 0;
    for (int64_t i = 0; i < features->n_inputs; i++) {
        int64_t end = features->offsets[i + 1];
        begin += settings->drop_first && end > begin;
        float *to = features->rows + kept * width;
        const float *from = features->rows + begin * width;
        int64_t n = end - begin;
        if (n > 0 && settings->rows == TRANSCRIPT_MEAN) {
            reduce_mean(from, n, width, to);
            n = 1;
        } else if (n > 0 && settings->rows == TRANSCRIPT_LAST) {
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

int transcript_encoder_encode(struct transcript_encoder *encoder, const char *const *transcripts,
                              int64_t n, const struct valence_progress *progress,
                              struct valence_features *features, struct valence_error *error)
{
    *features = (struct valence_features){0};
    struct valence_encoder_input *inputs = allocate(n, sizeof *inputs);
    int status =
        inputs ? VALENCE_OK : fail_memory(error, (size_t)n * sizeof *inputs, "transcripts");
    for (int64_t i = 0; i < n && !status; i++) {
        const char *transcript = transcripts[i] ? transcripts[i] : "";
        inputs[i].text = transcript_spell(transcript, encoder->settings.spelling);
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
