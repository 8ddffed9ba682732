#include "train/config_table.h"

#include <stddef.h>
#include <string.h>

#include "base/fail.h"
#include "base/suggest.h"
#include "data/clips.h"

/* ---- The table ---- */

static const char *const optimizer_names[TRAIN_N_OPTIMIZERS] = {"adam", "adamw"};
const char *const train_selection_names[TRAIN_N_SELECTIONS] = {"complete", "missing", "mean"};
static const char *const flow_names[] = {
    "complete",           "text_missing",        "audio_missing",     "video_missing",
    "audio_text_missing", "audio_video_missing", "text_video_missing"};

_Static_assert(sizeof(enum train_optimizer) == sizeof(int) &&
                   sizeof(enum train_selection) == sizeof(int) &&
                   sizeof(enum valence_imagination) == sizeof(int),
               "choices are set through an int pointer");

#define PLACE(field)                                                                               \
    .offset = offsetof(struct valence_train_config, field),                                        \
    .room = sizeof(((struct valence_train_config *)NULL)->field)
#define TEXT(n, field, value, resume, text)                                                        \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_TRAIN_TEXT,                                                      \
                  .maximum = sizeof(((struct valence_train_config *)NULL)->field) - 1,             \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = resume                                                          \
    }
#define INT(n, field, least, most, value, resume, text)                                            \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_TRAIN_INTEGER,                                                   \
                  .minimum = least,                                                                \
                  .maximum = most,                                                                 \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = resume                                                          \
    }
#define NUMBER(n, field, least, most, value, text)                                                 \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_TRAIN_NUMBER,                                                    \
                  .minimum = least,                                                                \
                  .maximum = most,                                                                 \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = FIXED                                                           \
    }
#define FLAG(n, field, value, text)                                                                \
    {                                                                                              \
        .known = {.name = n, .type = VALENCE_TRAIN_FLAG, .standard = value, .help = text},         \
        PLACE(field), .on_resume = FIXED                                                           \
    }
#define CHOICE(n, field, names, n_names, value, text)                                              \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_TRAIN_CHOICE,                                                    \
                  .choices = names,                                                                \
                  .n_choices = n_names,                                                            \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = FIXED                                                           \
    }

const struct config_key config_keys[] = {
    TEXT("store", store, "corpus", FREE, "The feature store to train on."),
    {.known = {.name = "accept_unfinished",
               .type = VALENCE_TRAIN_FLAG,
               .standard = "false",
               .help = "Train even if the import of the store did not finish."},
     PLACE(accept_unfinished),
     .on_resume = FREE},
    TEXT("output", output, "run", FREE,
         "The folder of the run. It must not exist yet, unless the run is resumed."),

    TEXT("streams.audio", streams[VALENCE_STREAM_AUDIO], "audio", FIXED,
         "The name of the store's stream that the network reads as audio; \"\" for none."),
    TEXT("streams.text", streams[VALENCE_STREAM_TEXT], "text", FIXED, "The same for text."),
    TEXT("streams.video", streams[VALENCE_STREAM_VIDEO], "video", FIXED, "The same for video."),
    TEXT("streams.simulated_text", streams[VALENCE_STREAM_SIMULATED_TEXT], "simulated_text", FIXED,
         "The stream that replaces text in flows that miss text. Without one, missing text is an "
         "empty sequence."),

    FLAG("standardise.audio", standardise[VALENCE_STREAM_AUDIO], "true",
         "Shift and scale each column to mean 0 and deviation 1 over the training clips. The "
         "model keeps these statistics and applies them to new clips."),
    FLAG("standardise.text", standardise[VALENCE_STREAM_TEXT], "true", "The same for text."),
    FLAG("standardise.video", standardise[VALENCE_STREAM_VIDEO], "true", "The same for video."),
    FLAG("standardise.simulated_text", standardise[VALENCE_STREAM_SIMULATED_TEXT], "true",
         "The same for simulated text."),
    {.known = {.name = "standardise.clip",
               .type = VALENCE_TRAIN_FLAG,
               .standard = "true",
               .help =
                   "Clip each standardised column to its range over the training clips, so that "
                   "a value unlike anything seen in training cannot produce an absurd score. "
                   "Training itself is unchanged."},
     PLACE(clip_inputs),
     .on_resume = FREE},

    INT("max_rows", max_rows, 1, VALENCE_STORE_MAX_ROWS, STRING_OF(CLIP_MAX_ROWS), FIXED,
        "Longest sequence of a clip, in rows; longer ones are cut at the end. This bounds memory. "
        "Clips that were cut are counted in the results."),

    INT("model.d", model.d, 2, 4096, "256", FIXED, "Width of the model, an even number."),
    INT("model.o", model.o, 2, 4096, "128", FIXED, "Width of its output, an even number."),
    CHOICE("model.imagination", model.imagination, valence_imagination_names,
           VALENCE_N_IMAGINATIONS, "transition",
           "How a missing modality is completed. The residual is added to the output of the "
           "transition layer (transition) or to the simulated text (text); off: nothing is "
           "completed."),
    NUMBER("model.dropout", model.dropout, 0, 0.99, "0.3", "Dropout after each layer of the MLPs."),
    NUMBER("model.attention_dropout", model.attention_dropout, 0, 0.99, "0.5",
           "Dropout in the two attentions."),

    {.known = {.name = "flows",
               .type = VALENCE_TRAIN_FLOWS,
               .standard = "[complete, text_missing]",
               .choices = flow_names,
               .n_choices = sizeof flow_names / sizeof flow_names[0],
               .help = "The flows to train together, complete first. The others are text_missing, "
                       "audio_missing, video_missing, audio_text_missing, audio_video_missing and "
                       "text_video_missing."},
     .on_resume = FIXED},
    {.known = {.name = "flows_per_step",
               .type = VALENCE_TRAIN_COUNT,
               .minimum = 1,
               .maximum = (int)VALENCE_ALL_MODALITIES - 1,
               .standard = "all",
               .help = "How many flows with a missing modality each step trains beside the "
                       "complete one. They are drawn at random for each step. A smaller number "
                       "makes steps faster."},
     PLACE(flows_per_step),
     .on_resume = ADDED},

    NUMBER("losses.complete", losses.complete, 0, 1000, "0.5",
           "Weight of the squared error of the complete flow."),
    NUMBER("losses.missing", losses.missing, 0, 1000, "0.5",
           "Weight of the squared error of the other flows."),
    NUMBER("losses.rep", losses.rep, 0, 1000, "0.1",
           "Modality knowledge distillation: distance of the imagined representation from the "
           "real one."),
    NUMBER("losses.cross", losses.cross, 0, 1000, "0.7",
           "Modality knowledge distillation: the same distance after cross-attention."),
    NUMBER("losses.feature", losses.feature, 0, 1000, "0.1",
           "Representation similarity: distance between the features of the flows."),
    NUMBER("losses.rnc", losses.rnc, 0, 1000, "0.8", "Rank-n-contrast loss over all flows."),

    INT("epochs", epochs, 1, 1000000, "25", FREE, "Number of passes over the training clips."),
    INT("batch_size", batch_size, 1, 16384, "96", FIXED, "Clips in one step."),

    CHOICE("optimizer.name", optimizer, optimizer_names, TRAIN_N_OPTIMIZERS, "adam",
           "adam adds the weight decay to the gradient; adamw shrinks the weights themselves."),
    NUMBER("optimizer.learning_rate", learning_rate, 1e-12, 10, "1e-4",
           "The learning rate after the warm-up."),
    NUMBER("optimizer.weight_decay", weight_decay, 0, 10, "1e-5", "Weight decay."),
    NUMBER("optimizer.beta1", beta1, 0, 0.999999, "0.9", "Decay of the mean gradient."),
    NUMBER("optimizer.beta2", beta2, 0, 0.99999999, "0.999", "Decay of the mean squared gradient."),
    NUMBER("optimizer.epsilon", epsilon, 1e-20, 1, "1e-8",
           "Added to the denominator of each update."),
    NUMBER("optimizer.clip_norm", clip_norm, 0, 1e9, "0",
           "Gradients with a larger norm are scaled down to this norm; 0: never."),

    INT("schedule.warm_up_epochs", schedule.warm_up_epochs, 0, 1000000, "5", FIXED,
        "The learning rate rises linearly over this many epochs."),
    INT("schedule.step_every", schedule.step_every, 0, 1000000, "10", FIXED,
        "After the warm-up, the learning rate is multiplied by gamma every this many epochs; 0: "
        "never."),
    NUMBER("schedule.gamma", schedule.gamma, 1e-6, 1, "0.9", "Factor of each such step."),

    CHOICE("select", select, train_selection_names, TRAIN_N_SELECTIONS, "mean",
           "Which validation error chooses the best epoch: that of the complete flow, the mean of "
           "the flows with a missing modality (missing), or the mean of all flows."),
    INT("early_stopping", early_stopping, 0, 1000000, "0", FREE,
        "Stop after this many epochs without improvement; 0: never."),
    INT("checkpoint_every", checkpoint_every, 0, 1000000000, "0", FREE,
        "Save every this many steps too; 0: only at the end of each epoch."),
    INT("seed", seed, 0, 9007199254740991, "1", FIXED,
        "Seed of the initial weights, the order of clips and dropout."),
    INT("seeds", seeds, 1, 1000, "1", FREE,
        "Number of runs with consecutive seeds, each in a folder of its own."),
    INT("threads", threads, 0, 4096, "0", FREE, "Threads; 0: one for each core."),
};
const int n_config_keys = sizeof config_keys / sizeof config_keys[0];
_Static_assert(sizeof config_keys / sizeof config_keys[0] <= CONFIG_MAX_KEYS, "room for all keys");

/* ---- Names ---- */

size_t config_key_section(const struct config_key *key)
{
    const char *dot = strchr(key->known.name, '.');
    return dot ? (size_t)(dot - key->known.name) : 0;
}

const char *config_key_bare_name(const struct config_key *key)
{
    const char *dot = strchr(key->known.name, '.');
    return dot ? dot + 1 : key->known.name;
}

const struct config_key *config_key_find(const char *name)
{
    for (int i = 0; i < n_config_keys; i++)
        if (strcmp(name, config_keys[i].known.name) == 0)
            return &config_keys[i];
    return NULL;
}

/* The key that a name without its section, or in another one, was meant to be. */
static const struct config_key *same_bare_name(const char *bare)
{
    for (int i = 0; i < n_config_keys; i++)
        if (strcmp(bare, config_key_bare_name(&config_keys[i])) == 0)
            return &config_keys[i];
    return NULL;
}

/* A key of the same section is nearer than any other; then come the right name in a wrong section
 * or without one ("dropout"), a misspelt section ("modle.d"), and a misspelt name elsewhere. */
const struct config_key *config_key_nearest(const char *name)
{
    const char *dot = strrchr(name, '.'), *bare = dot ? dot + 1 : name, *best = NULL;
    size_t section = dot ? (size_t)(dot - name) : 0;
    const struct config_key *nearest[3] = {NULL};
    for (int kind = 0; kind < 3; kind++, best = NULL) {
        int distance = 0;
        for (int i = 0; i < n_config_keys; i++) {
            const struct config_key *key = &config_keys[i];
            const char *before = best, *own = config_key_bare_name(key);
            bool here =
                config_key_section(key) == section && memcmp(key->known.name, name, section) == 0;
            /* A name of one letter elsewhere is near to any other by chance. */
            if (kind == 0 ? !here : kind == 2 && strlen(own) < 3)
                continue;
            suggest_consider(kind == 1 ? name : bare, kind == 1 ? key->known.name : own, &best,
                             &distance);
            if (best != before)
                nearest[kind] = key;
        }
    }
    const struct config_key *same = nearest[0] ? NULL : same_bare_name(bare);
    return nearest[0] ? nearest[0] : same ? same : nearest[1] ? nearest[1] : nearest[2];
}

int fail_unknown_key(const char *name, struct valence_error *error)
{
    const struct config_key *nearest = config_key_nearest(name);
    if (nearest)
        return fail_key(error, VALENCE_ERROR_CONFIG, nearest->known.name,
                        "unknown key '%.100s'; did you mean '%s'?", name, nearest->known.name);
    return fail_key(error, VALENCE_ERROR_CONFIG, "config", "unknown key '%.100s'", name);
}

/* ---- For callers ---- */

int valence_train_n_keys(void)
{
    return n_config_keys;
}

const struct valence_train_key *valence_train_get_key(int i)
{
    return i >= 0 && i < n_config_keys ? &config_keys[i].known : NULL;
}

const struct valence_train_key *valence_train_key_find(const char *name)
{
    const struct config_key *key = name ? config_key_find(name) : NULL;
    return key ? &key->known : NULL;
}
