#include "train/train_config.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "data/clips.h"
#include "train/config_table.h"

/* ---- The table ---- */

static const char *const optimizer_names[TRAIN_N_OPTIMIZERS] = {"adam", "adamw"};
const char *const train_selection_names[TRAIN_N_SELECTIONS] = {"complete", "missing", "mean"};

_Static_assert(sizeof(enum train_optimizer) == sizeof(int) &&
                   sizeof(enum train_selection) == sizeof(int) &&
                   sizeof(enum valence_imagination) == sizeof(int),
               "choices are set through an int pointer");

#define PLACE(field)                                                                               \
    .offset = offsetof(struct valence_train_config, field),                                        \
    .room = sizeof(((struct valence_train_config *)NULL)->field)
#define TEXT(s, n, field, value, resume, text)                                                     \
    {                                                                                              \
        .section = s, .name = n, .type = KEY_TEXT, PLACE(field), .standard = value,                \
        .on_resume = resume, .help = text                                                          \
    }
#define INT(s, n, field, least, most, value, resume, text)                                         \
    {                                                                                              \
        .section = s, .name = n, .type = KEY_INT, PLACE(field), .minimum = least, .maximum = most, \
        .standard = value, .on_resume = resume, .help = text                                       \
    }
#define NUMBER(s, n, field, least, most, value, text)                                              \
    {                                                                                              \
        .section = s, .name = n, .type = KEY_NUMBER, PLACE(field), .minimum = least,               \
        .maximum = most, .standard = value, .on_resume = FIXED, .help = text                       \
    }
#define FLAG(s, n, field, value, text)                                                             \
    {                                                                                              \
        .section = s, .name = n, .type = KEY_FLAG, PLACE(field), .standard = value,                \
        .on_resume = FIXED, .help = text                                                           \
    }
#define CHOICE(s, n, field, names, n_names, value, text)                                           \
    {                                                                                              \
        .section = s, .name = n, .type = KEY_CHOICE, PLACE(field), .choices = names,               \
        .n_choices = n_names, .standard = value, .on_resume = FIXED, .help = text                  \
    }

const struct config_key config_keys[] = {
    TEXT("", "store", store, "corpus", FREE,
         "The feature store to train on (valence import, valence synthesize)."),
    {.section = "",
     .name = "accept_unfinished",
     .type = KEY_FLAG,
     PLACE(accept_unfinished),
     .standard = "false",
     .on_resume = FREE,
     .help = "Train on a store whose import did not finish, too."},
    TEXT("", "output", output, "run", FREE,
         "The run's folder; it must not exist yet. valence train --resume FOLDER goes on in it."),

    TEXT("streams", "audio", streams[VALENCE_STREAM_AUDIO], "audio", FIXED,
         "Which of the store's streams the network reads as what; \"\" for none."),
    TEXT("streams", "text", streams[VALENCE_STREAM_TEXT], "text", FIXED, ""),
    TEXT("streams", "video", streams[VALENCE_STREAM_VIDEO], "video", FIXED, ""),
    TEXT("streams", "simulated_text", streams[VALENCE_STREAM_SIMULATED_TEXT], "simulated_text",
         FIXED,
         "Read in place of text where a flow misses text; without it missing text is an empty "
         "sequence."),

    FLAG("standardise", "audio", standardise[VALENCE_STREAM_AUDIO], "true",
         "Columns to mean 0 and deviation 1 by the statistics of the training part, which the "
         "checkpoint keeps."),
    FLAG("standardise", "text", standardise[VALENCE_STREAM_TEXT], "true", ""),
    FLAG("standardise", "video", standardise[VALENCE_STREAM_VIDEO], "true", ""),
    FLAG("standardise", "simulated_text", standardise[VALENCE_STREAM_SIMULATED_TEXT], "true", ""),

    INT("", "max_rows", max_rows, 1, VALENCE_STORE_MAX_ROWS, STRING_OF(CLIP_MAX_ROWS), FIXED,
        "Longer streams of a clip are cut to this many rows, which bounds memory; cut clips are "
        "counted and named."),

    INT("model", "d", model.d, 2, 4096, "256", FIXED, "Model width; even."),
    INT("model", "o", model.o, 2, 4096, "128", FIXED, "Output width; even."),
    CHOICE("model", "imagination", model.imagination, valence_imagination_names,
           VALENCE_N_IMAGINATIONS, "transition",
           "How a missing modality is completed: the residual starts from the transition layer's "
           "output, from the text input, or there is no imagination."),
    NUMBER("model", "dropout", model.dropout, 0, 0.99, "0.3", "After each layer of the MLPs."),
    NUMBER("model", "attention_dropout", model.attention_dropout, 0, 0.99, "0.5",
           "In the two attentions."),

    {.section = "",
     .name = "flows",
     .type = KEY_FLOWS,
     .standard = "[complete, text_missing]",
     .on_resume = FIXED,
     .help = "The flows trained together, complete first. Others: audio_missing, video_missing, "
             "audio_video_missing, ..."},
    {.section = "",
     .name = "flows_per_step",
     .type = KEY_COUNT,
     PLACE(flows_per_step),
     .minimum = 1,
     .maximum = VALENCE_MAX_FLOWS - 2,
     .standard = "all",
     .on_resume = ADDED,
     .help = "How many of the flows that miss something each step takes, drawn anew at random, "
             "besides the complete one, which they learn from; all, or where there are no more."},

    NUMBER("losses", "complete", losses.complete, 0, 1000, "0.5",
           "Weights of the loss terms. Task: squared error of the complete flow."),
    NUMBER("losses", "missing", losses.missing, 0, 1000, "0.5",
           "Task: squared error of the flows that miss something."),
    NUMBER("losses", "rep", losses.rep, 0, 1000, "0.1",
           "Modality knowledge distillation: the imagined representation."),
    NUMBER("losses", "cross", losses.cross, 0, 1000, "0.7",
           "Modality knowledge distillation: its cross-attention output."),
    NUMBER("losses", "feature", losses.feature, 0, 1000, "0.1",
           "Representation similarity of the flows' features."),
    NUMBER("losses", "rnc", losses.rnc, 0, 1000, "0.8", "Rank-n-contrast over both flows."),

    INT("", "epochs", epochs, 1, 1000000, "25", FREE, "Passes over the training part."),
    INT("", "batch_size", batch_size, 1, 16384, "96", FIXED, "Clips in a step."),

    CHOICE("optimizer", "name", optimizer, optimizer_names, TRAIN_N_OPTIMIZERS, "adam",
           "adam adds the weight decay to the gradient; adamw decays the weights themselves."),
    NUMBER("optimizer", "learning_rate", learning_rate, 1e-12, 10, "1e-4", "At its highest."),
    NUMBER("optimizer", "weight_decay", weight_decay, 0, 10, "1e-5", ""),
    NUMBER("optimizer", "beta1", beta1, 0, 0.999999, "0.9", ""),
    NUMBER("optimizer", "beta2", beta2, 0, 0.99999999, "0.999", ""),
    NUMBER("optimizer", "epsilon", epsilon, 1e-20, 1, "1e-8", ""),
    NUMBER("optimizer", "clip_norm", clip_norm, 0, 1e9, "0",
           "A gradient with a larger norm is scaled down to it; 0: none is."),

    INT("schedule", "warm_up_epochs", schedule.warm_up_epochs, 0, 1000000, "5", FIXED,
        "The learning rate rises linearly over these ..."),
    INT("schedule", "step_every", schedule.step_every, 0, 1000000, "10", FIXED,
        "... and is then multiplied by gamma after each of these many epochs; 0: never."),
    NUMBER("schedule", "gamma", schedule.gamma, 1e-6, 1, "0.9", ""),

    CHOICE("", "select", select, train_selection_names, TRAIN_N_SELECTIONS, "mean",
           "Whose validation error chooses the best epoch: the complete flow's, the mean of those "
           "that miss something, or the mean of all."),
    INT("", "early_stopping", early_stopping, 0, 1000000, "0", FREE,
        "Stops after this many epochs without a better one; 0: never."),
    INT("", "checkpoint_every", checkpoint_every, 0, 1000000000, "0", FREE,
        "Also saves every this many steps; 0: at the end of each epoch only."),
    INT("", "seed", seed, 0, 9007199254740991, "1", FIXED,
        "Of initial weights, order of clips and dropout."),
    INT("", "seeds", seeds, 1, 1000, "1", FREE,
        "More than 1 trains that many runs, seed, seed + 1, ..., each in a folder of its own."),
    INT("", "threads", threads, 0, 4096, "0", FREE, "0: as many as the machine has cores."),
};
const int n_config_keys = sizeof config_keys / sizeof config_keys[0];

/* ---- Keys by name ---- */

void config_key_name(const struct config_key *key, char name[CONFIG_KEY_BYTES])
{
    snprintf(name, CONFIG_KEY_BYTES, "%s%s%s", key->section, key->section[0] ? "." : "", key->name);
}

const struct config_key *config_key_find(const char *name)
{
    for (int i = 0; i < n_config_keys; i++) {
        char known[CONFIG_KEY_BYTES];
        config_key_name(&config_keys[i], known);
        if (strcmp(name, known) == 0)
            return &config_keys[i];
    }
    return NULL;
}

/* A key of the same section is nearer than any other, and one written without its section
 * ("dropout") is near too. */
const struct config_key *config_key_nearest(const char *name)
{
    const char *dot = strrchr(name, '.'), *bare = dot ? dot + 1 : name;
    size_t section = dot ? (size_t)(dot - name) : 0;
    const struct config_key *nearest = NULL;
    for (int same_section = 1; same_section >= 0 && !nearest; same_section--) {
        const char *best = NULL;
        int distance = 0;
        for (int i = 0; i < n_config_keys; i++) {
            const struct config_key *key = &config_keys[i];
            const char *before = best;
            bool here = strlen(key->section) == section && memcmp(key->section, name, section) == 0;
            /* A name of one letter elsewhere is near to any other by chance. */
            if (same_section ? !here : strlen(key->name) < 3)
                continue;
            suggest_consider(bare, key->name, &best, &distance);
            if (best != before)
                nearest = key;
        }
    }
    return nearest;
}

/* ---- Values from text ---- */

static int fail_value(const struct config_key *key, const char *text, const char *expected,
                      struct valence_error *error)
{
    char name[CONFIG_KEY_BYTES];
    config_key_name(key, name);
    return fail(error, VALENCE_ERROR_CONFIG, "%s: '%.100s' is not %s", name, text, expected);
}

/* Whether a UTF-8 text prints as YAML on one line: no control characters, no line or paragraph
 * separators, no byte order marks and non-characters. */
static bool is_one_line(const char *text)
{
    static const char *const refused[] = {"\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF",
                                          "\xEF\xBF\xBE", "\xEF\xBF\xBF"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strstr(text, refused[i]))
            return false;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7F || (*at == 0xC2 && at[1] < 0xA0))
            return false;
    return true;
}

static int set_text(const struct config_key *key, const char *text, char *target,
                    struct valence_error *error)
{
    size_t length = strlen(text);
    if (!is_utf8(text, length) || !is_one_line(text))
        return fail_value(key, "...", "UTF-8 text on one line", error);
    if (length >= key->room)
        return fail_value(key, text, "short enough", error);
    memcpy(target, text, length + 1);
    return VALENCE_OK;
}

static int set_int(const struct config_key *key, const char *text, int64_t *target,
                   struct valence_error *error)
{
    long long value;
    char expected[128];
    snprintf(expected, sizeof expected, "%sa whole number from %.0f to %.0f",
             key->type == KEY_COUNT ? "all or " : "", key->minimum, key->maximum);
    if (!parse_int64(text, &value) || (double)value < key->minimum || (double)value > key->maximum)
        return fail_value(key, text, expected, error);
    *target = value;
    return VALENCE_OK;
}

static int set_count(const struct config_key *key, const char *text, int64_t *target,
                     struct valence_error *error)
{
    if (strcmp(text, "all") == 0) {
        *target = 0;
        return VALENCE_OK;
    }
    return set_int(key, text, target, error);
}

static int set_number(const struct config_key *key, const char *text, double *target,
                      struct valence_error *error)
{
    double value;
    char expected[128];
    snprintf(expected, sizeof expected, "a number from %g to %g", key->minimum, key->maximum);
    if (!parse_double(text, &value) || !(value >= key->minimum && value <= key->maximum))
        return fail_value(key, text, expected, error);
    *target = value;
    return VALENCE_OK;
}

static int set_choice(const struct config_key *key, const char *text, int *target,
                      struct valence_error *error)
{
    char expected[256] = "";
    for (int i = 0; i < key->n_choices; i++) {
        if (strcmp(text, key->choices[i]) == 0) {
            *target = i;
            return VALENCE_OK;
        }
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%s",
                 i == 0                   ? ""
                 : i < key->n_choices - 1 ? ", "
                                          : " or ",
                 key->choices[i]);
    }
    return fail_value(key, text, expected, error);
}

static int set_flag(const struct config_key *key, const char *text, bool *target,
                    struct valence_error *error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return fail_value(key, text, "true or false", error);
    *target = text[0] == 't';
    return VALENCE_OK;
}

static int set_flows(const struct config_key *key, const char *const *texts, int n,
                     struct valence_model_config *model, struct valence_error *error)
{
    if (n < 1 || n > VALENCE_MAX_FLOWS - 1)
        return fail(error, VALENCE_ERROR_CONFIG, "%s: %d flows; there can be 1 to %d", key->name, n,
                    VALENCE_MAX_FLOWS - 1);
    for (int i = 0; i < n; i++) {
        int flow = valence_flow_from_name(texts[i]);
        if (flow < 0)
            return fail_value(key, texts[i],
                              "a flow: complete, text_missing, audio_missing, video_missing, "
                              "audio_text_missing, audio_video_missing, text_video_missing",
                              error);
        model->flows[i] = (unsigned)flow;
    }
    model->n_flows = n;
    return VALENCE_OK;
}

int config_key_set(const struct config_key *key, const char *const *texts, int n,
                   struct valence_train_config *config, struct valence_error *error)
{
    void *target = (unsigned char *)config + key->offset;
    if (key->type == KEY_FLOWS)
        return set_flows(key, texts, n, &config->model, error);
    switch (key->type) {
    case KEY_TEXT:
        return set_text(key, texts[0], target, error);
    case KEY_INT:
        return set_int(key, texts[0], target, error);
    case KEY_NUMBER:
        return set_number(key, texts[0], target, error);
    case KEY_FLAG:
        return set_flag(key, texts[0], target, error);
    case KEY_COUNT:
        return set_count(key, texts[0], target, error);
    default:
        return set_choice(key, texts[0], target, error);
    }
}

/* ---- Values to text ---- */

/* The shortest decimal that reads back as the same number, with a point whatever the locale. */
static void format_number(double value, struct text *text)
{
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        double back;
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        char *comma = strchr(digits, ',');
        if (comma)
            *comma = '.';
        if (parse_double(digits, &back) && back == value)
            break;
    }
    text_format(text, "%s", digits);
}

static void format_quoted(const char *value, struct text *text)
{
    text_append(text, "\"", 1);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            text_append(text, "\\", 1);
        text_append(text, value, 1);
    }
    text_append(text, "\"", 1);
}

void config_key_format(const struct config_key *key, const struct valence_train_config *config,
                       struct text *text)
{
    const void *value = (const unsigned char *)config + key->offset;
    switch (key->type) {
    case KEY_TEXT:
        format_quoted(value, text);
        break;
    case KEY_INT:
        text_format(text, "%lld", (long long)*(const int64_t *)value);
        break;
    case KEY_NUMBER:
        format_number(*(const double *)value, text);
        break;
    case KEY_FLAG:
        text_format(text, "%s", *(const bool *)value ? "true" : "false");
        break;
    case KEY_CHOICE:
        text_format(text, "%s", key->choices[*(const int *)value]);
        break;
    case KEY_COUNT:
        if (*(const int64_t *)value)
            text_format(text, "%lld", (long long)*(const int64_t *)value);
        else
            text_append(text, "all", 3);
        break;
    case KEY_FLOWS:
        for (int i = 0; i < config->model.n_flows; i++)
            text_format(text, "%s%s", i ? ", " : "[", valence_flow_name(config->model.flows[i]));
        text_append(text, "]", 1);
        break;
    }
}

/* ---- The whole ---- */

int train_config_check(const struct valence_train_config *config, struct valence_error *error)
{
    struct valence_model_config model = config->model;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        model.widths[m] = model.widths[m] ? model.widths[m] : 1; /* not known before the store is */
    int status = valence_model_config_check(&model, error);
    if (status)
        return status;
    if (config->select == TRAIN_MISSING && config->model.n_flows == 1)
        return fail(error, VALENCE_ERROR_CONFIG,
                    "select: 'missing' needs a flow that misses something, but flows has only "
                    "complete");
    if (!config->store[0] || !config->output[0])
        return fail(error, VALENCE_ERROR_CONFIG, "%s is empty",
                    config->store[0] ? "output" : "store");
    return VALENCE_OK;
}

json_t *train_config_to_json(const struct valence_train_config *config)
{
    json_t *object = json_object();
    for (int i = 0; i < n_config_keys && object; i++) {
        const struct config_key *key = &config_keys[i];
        char name[CONFIG_KEY_BYTES];
        struct text text = {.maximum = 4 * TRAIN_PATH_BYTES};
        if (key->on_resume == FREE)
            continue;
        config_key_name(key, name);
        config_key_format(key, config, &text);
        bool told = key->on_resume == FIXED || text.failed || strcmp(text.data, key->standard) != 0;
        if (text.failed || (told && json_object_set_new(object, name, json_string(text.data)))) {
            json_decref(object);
            object = NULL;
        }
        text_free(&text);
    }
    return object;
}

/* A key's value in such an object; NULL where a key that must be there is not. */
static const char *recorded(const json_t *object, const struct config_key *key)
{
    char name[CONFIG_KEY_BYTES];
    config_key_name(key, name);
    const char *value = json_string_value(json_object_get(object, name));
    return value || key->on_resume == FIXED ? value : key->standard;
}

int train_config_may_resume(const struct valence_train_config *config, const json_t *begun,
                            struct valence_error *error)
{
    json_t *now = train_config_to_json(config);
    if (!now)
        return fail_memory(error, TRAIN_PATH_BYTES, "the configuration");
    int status = VALENCE_OK;
    for (int i = 0; i < n_config_keys && !status; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->on_resume == FREE)
            continue;
        const char *value = recorded(now, key), *before = recorded(begun, key);
        char name[CONFIG_KEY_BYTES];
        config_key_name(key, name);
        if (!before || strcmp(before, value) != 0)
            status = fail(error, VALENCE_ERROR_CONFIG,
                          "%s is %s, but the run was begun with %s\n"
                          "         (a run goes on as it was begun; store, epochs, early_stopping, "
                          "checkpoint_every and threads may change)",
                          name, value, before ? before : "nothing");
    }
    json_decref(now);
    return status;
}

int valence_train_config_create(struct valence_train_config **config, struct valence_error *error)
{
    *config = allocate(1, sizeof **config);
    if (!*config)
        return fail_memory(error, sizeof **config, "a configuration");
    train_config_defaults(*config);
    return VALENCE_OK;
}

void valence_train_config_free(struct valence_train_config *config)
{
    free(config);
}
