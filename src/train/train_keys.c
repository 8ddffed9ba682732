#include "train/train_keys.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/clips.h"
#include "run/run_folder.h"

/* ---- The table ---- */

static const char *const optimizer_names[TRAIN_N_OPTIMIZERS] = {"adam", "adamw"};
const char *const train_selection_names[TRAIN_N_SELECTIONS] = {"complete", "missing", "mean"};
static const char *const start_names[TRAIN_N_STARTS] = {"mean", "random"};
static const char *const label_names[TRAIN_N_LABELS] = {"scores", "classes"};
static const char *const precision_names[] = {"f32", "bf16"}; /* as enum precision */
static const char *const reduce_names[TRAIN_N_REDUCTIONS] = {"library", "ordered"};
static const char *const wire_names[N_WIRES] = {"f32", "bf16"};
static const char *const flow_names[] = {
    "complete",           "text_missing",        "audio_missing",     "video_missing",
    "audio_text_missing", "audio_video_missing", "text_video_missing"};

_Static_assert(
    sizeof(enum train_optimizer) == sizeof(int) && sizeof(enum train_selection) == sizeof(int) &&
        sizeof(enum train_start) == sizeof(int) && sizeof(enum precision) == sizeof(int) &&
        sizeof(enum train_labels) == sizeof(int) && sizeof(enum train_reduction) == sizeof(int) &&
        sizeof(enum collective_wire) == sizeof(int) &&
        sizeof(enum valence_imagination) == sizeof(int) &&
        sizeof(enum missing_rates) == sizeof(int) && sizeof(enum valence_erasure) == sizeof(int) &&
        sizeof(enum valence_fusion) == sizeof(int) &&
        sizeof(enum valence_view_set) == sizeof(int) &&
        sizeof(enum valence_weighting) == sizeof(int),
    "choices are set through an int pointer");

#define PLACE(field)                                                                               \
    .offset = offsetof(struct valence_train_config, field),                                        \
    .room = sizeof(((struct valence_train_config *)NULL)->field)
#define TEXT(n, field, value, resume, text)                                                        \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_CONFIG_TEXT,                                                     \
                  .maximum = sizeof(((struct valence_train_config *)NULL)->field) - 1,             \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = resume                                                          \
    }
#define INT(n, field, least, most, value, resume, text)                                            \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_CONFIG_INTEGER,                                                  \
                  .minimum = least,                                                                \
                  .maximum = most,                                                                 \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = resume                                                          \
    }
#define NUMBER_ON_RESUME(n, field, least, most, value, resume, text)                               \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_CONFIG_NUMBER,                                                   \
                  .minimum = least,                                                                \
                  .maximum = most,                                                                 \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = resume                                                          \
    }
#define FLAG_ON_RESUME(n, field, value, resume, text)                                              \
    {                                                                                              \
        .known = {.name = n, .type = VALENCE_CONFIG_FLAG, .standard = value, .help = text},        \
        PLACE(field), .on_resume = resume                                                          \
    }
#define CHOICE_ON_RESUME(n, field, names, n_names, value, resume, text)                            \
    {                                                                                              \
        .known = {.name = n,                                                                       \
                  .type = VALENCE_CONFIG_CHOICE,                                                   \
                  .choices = names,                                                                \
                  .n_choices = n_names,                                                            \
                  .standard = value,                                                               \
                  .help = text},                                                                   \
        PLACE(field), .on_resume = resume                                                          \
    }
#define NUMBER(n, field, least, most, value, text)                                                 \
    NUMBER_ON_RESUME(n, field, least, most, value, FIXED, text)
#define FLAG(n, field, value, text) FLAG_ON_RESUME(n, field, value, FIXED, text)
#define CHOICE(n, field, names, n_names, value, text)                                              \
    CHOICE_ON_RESUME(n, field, names, n_names, value, FIXED, text)
/* Keys that came later: a run begun without them was begun with their defaults. */
#define ADDED_NUMBER(n, field, least, most, value, text)                                           \
    NUMBER_ON_RESUME(n, field, least, most, value, ADDED, text)
#define ADDED_INT(n, field, least, most, value, text) INT(n, field, least, most, value, ADDED, text)
#define ADDED_FLAG(n, field, value, text)             FLAG_ON_RESUME(n, field, value, ADDED, text)
#define ADDED_CHOICE(n, field, names, n_names, value, text)                                        \
    CHOICE_ON_RESUME(n, field, names, n_names, value, ADDED, text)

static const struct config_key keys[] = {
    TEXT("store", store, "corpus", FREE, "The feature store to train on."),
    {.known = {.name = "accept_unfinished",
               .type = VALENCE_CONFIG_FLAG,
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
    {.known = {.name = "standardise.labels",
               .type = VALENCE_CONFIG_FLAG,
               .standard = "true",
               .help =
                   "Learn labels shifted and scaled to mean 0 and deviation 1 over the training "
                   "clips, for labels on any scale. Scores come back on the labels' own scale; the "
                   "losses in the log are those of the shifted and scaled labels. false: as "
                   "published. Classes are learnt as they are."},
     PLACE(standardise_labels),
     .on_resume = ADDED,
     .before = "false"},
    {.known = {.name = "standardise.clip",
               .type = VALENCE_CONFIG_FLAG,
               .standard = "true",
               .help =
                   "Clip each standardised column to its range over the training clips, so that "
                   "a value unlike anything seen in training cannot produce an absurd score. "
                   "Training itself is unchanged."},
     PLACE(clip_inputs),
     .on_resume = FREE},

    ADDED_CHOICE(
        "labels", labels, label_names, TRAIN_N_LABELS, "scores",
        "What the labels are: scores, which are learnt by their squared error, or classes, "
        "the names that the store was imported with, which are learnt by their "
        "cross-entropy. Classes have no order: losses.rnc must be 0 for them."),
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
    ADDED_CHOICE("model.fusion", model.fusion, valence_fusion_names, VALENCE_N_FUSIONS,
                 "cross_attention",
                 "How the modalities are joined: cross_attention is the published network; "
                 "the others are baselines. concatenation: an MLP over the pooled modalities side "
                 "by side. linear: ridge regression on the mean row of each modality, or logistic "
                 "regression of classes. constant: the median of the training labels. late: each "
                 "modality has a score, or class probabilities, of its own, and these are "
                 "averaged. transformer: cross-modal transformers (MulT), then an "
                 "MLP. Set the losses that they have nothing for to 0."),
    ADDED_CHOICE("model.views", model.views, valence_view_set_names, VALENCE_N_VIEW_SETS, "all",
                 "Which query views ask: all seven, or the fused one alone."),
    ADDED_CHOICE("model.modality_weights", model.modality_weights, valence_weighting_names,
                 VALENCE_N_WEIGHTINGS, "learned",
                 "The weights of the modalities: learned, or mean (all the same)."),
    ADDED_CHOICE("model.view_weights", model.view_weights, valence_weighting_names,
                 VALENCE_N_WEIGHTINGS, "learned",
                 "The weights of the query views: learned, or mean (all the same)."),
    ADDED_INT("model.layers", model.n_layers, 1, VALENCE_MAX_LAYERS, "2",
              "Of model.fusion: transformer, the blocks in each of its six transformers."),
    ADDED_INT("model.heads", model.n_heads, 1, 64, "4",
              "The heads of their attention; the number must divide model.d."),
    {.known = {.name = "model.weights_start",
               .type = VALENCE_CONFIG_CHOICE,
               .choices = start_names,
               .n_choices = TRAIN_N_STARTS,
               .standard = "mean",
               .help =
                   "Where the learned weights of modalities and views start: near their means, 1/3 "
                   "and 1/7, or at random near 0 (random), as published. From there some seeds "
                   "never learn."},
     PLACE(weights_start),
     .on_resume = ADDED,
     .before = "random"},
    NUMBER("model.dropout", model.dropout, 0, 0.99, "0.3", "Dropout after each layer of the MLPs."),
    NUMBER("model.attention_dropout", model.attention_dropout, 0, 0.99, "0.5",
           "Dropout in the two attentions."),

    {.known = {.name = "flows",
               .type = VALENCE_CONFIG_LIST,
               .standard = "[complete, text_missing]",
               .choices = flow_names,
               .n_choices = sizeof flow_names / sizeof flow_names[0],
               .help = "The flows to train together, complete first. The others are text_missing, "
                       "audio_missing, video_missing, audio_text_missing, audio_video_missing and "
                       "text_video_missing."},
     .on_resume = FIXED},
    {.known = {.name = "flows_per_step",
               .type = VALENCE_CONFIG_COUNT,
               .minimum = 1,
               .maximum = (int)VALENCE_ALL_MODALITIES - 1,
               .standard = "all",
               .help = "How many flows with a missing modality each step trains beside the "
                       "complete one. They are drawn at random for each step. A smaller number "
                       "makes steps faster."},
     PLACE(flows_per_step),
     .on_resume = ADDED},

    ADDED_NUMBER(
        "missing.modalities", missing.modalities, 0, 1, "0",
        "Modality dropout: how likely each modality of a training clip is absent. One that "
        "the clip has always stays."),
    ADDED_NUMBER("missing.rows", missing.rows, 0, 1, "0",
                 "How likely each row of a training clip is erased."),
    ADDED_CHOICE("missing.rates", missing.rates, missing_rates_names, N_MISSING_RATES, "fixed",
                 "fixed: all clips lose rows at the rate missing.rows. clip: each modality of each "
                 "clip at a rate of its own between 0 and that; half of the clips lose none."),
    ADDED_CHOICE("missing.erased", missing.erased, valence_erasure_names, VALENCE_N_ERASURES,
                 "zero", "What becomes of an erased row: its values are 0, or remove: it is gone."),
    ADDED_FLAG("missing.redraw", missing.redraw, "true",
               "Draw anew in every epoch; false: a clip loses the same in all."),
    ADDED_FLAG("missing.validation", missing.validation, "false",
               "Validation clips lose as much, the same in every epoch."),

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

    ADDED_NUMBER("ridge.penalty", ridge_penalty, 0, 1e12, "0",
                 "Of model.fusion: linear, the penalty of the squared weights beside the sum of "
                 "squared errors, or of cross-entropies where half of it counts; 0: chosen on the "
                 "validation clips, from 0.01 to 1e6."),

    INT("epochs", epochs, 1, 1000000, "25", FREE, "Number of passes over the training clips."),
    INT("batch_size", batch_size, 1, 16384, "96", FIXED, "Clips in one step."),
    ADDED_INT("shuffle_shards", shuffle_shards, 0, 1000000, "0",
              "Of a store in shards that does not fit into memory. N: the shards are taken in a "
              "random order, N at a time, and the clips of these in a random order; a thread reads "
              "the next N from disk meanwhile, each from its beginning to its end. Memory should "
              "have room for 2 N shards. 0: all clips in a random order."),
    ADDED_INT(
        "accumulate", accumulate, 1, 100000, "1",
        "Batches whose gradients are added up, weighted by their clips, before the weights "
        "change: larger steps in the memory of one batch. The losses that compare clips do so "
        "within each batch."),
    ADDED_CHOICE("reduce", reduce, reduce_names, TRAIN_N_REDUCTIONS, "library",
                 "How the gradients of a batch are added up. library: as is fastest. ordered: the "
                 "batch is cut into parts of reduce_part clips, and these are added one after the "
                 "other; then any number of ranks and of threads gives the same bytes."),
    ADDED_INT("reduce_part", reduce_part, 1, 16384, "8",
              "Of reduce: ordered, the clips of a part. No more ranks or threads than a batch has "
              "parts work at once."),
    ADDED_CHOICE("reduce_wire", reduce_wire, wire_names, N_WIRES, "f32",
                 "Of reduce: library, how gradients travel between ranks: f32, or bf16, rounded to "
                 "8 bits, in half the bytes."),

    ADDED_CHOICE("precision", precision, precision_names, 2, "f32",
                 "The products with weights in a training step: f32, or bf16, whose operands are "
                 "rounded to 8 bits of precision and whose sums, weights and gradients stay f32. "
                 "bf16 needs a processor with AMX, where steps are about twice as fast, or with "
                 "AVX-512 BF16 (AMD since Zen 4: 1.7 times as fast); elsewhere it is an error. "
                 "Validation is f32 in any case."),

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
    {.known = {.name = "keep_epochs",
               .type = VALENCE_CONFIG_FLAG,
               .standard = "false",
               .help = "Keep the model of each epoch, so that evaluation can choose among them as "
                       "published."},
     PLACE(keep_epochs),
     .on_resume = FREE},
    INT("seed", seed, 0, 9007199254740991, "1", FIXED,
        "Seed of the initial weights, the order of clips and dropout."),
    INT("seeds", seeds, 1, 1000, "1", FREE,
        "Number of runs with consecutive seeds, each in a folder of its own."),
    INT("threads", threads, 0, 4096, "0", FREE, "Threads; 0: one for each core."),
};
#define N_KEYS ((int)(sizeof keys / sizeof keys[0]))
_Static_assert(sizeof keys / sizeof keys[0] <= CONFIG_MAX_KEYS, "room for all keys");

/* ---- The list of flows ---- */

/* One flow of the list in `text`, "[complete, text_missing]" or without the brackets. */
static int set_flow(const struct config_key *key, const char *name, size_t length,
                    struct valence_model_config *model, struct valence_error *error)
{
    char own[64];
    snprintf(own, sizeof own, "%.*s", (int)(length < sizeof own ? length : sizeof own - 1), name);
    int flow = valence_flow_from_name(own);
    if (flow < 0)
        return fail_config_value(key, own,
                                 "a flow: complete, text_missing, audio_missing, video_missing, "
                                 "audio_text_missing, audio_video_missing, text_video_missing",
                                 error);
    if (model->n_flows == (int)VALENCE_ALL_MODALITIES)
        return fail_key(error, VALENCE_ERROR_CONFIG, key->known.name,
                        "%s: there are more than %d flows", key->known.name,
                        (int)VALENCE_ALL_MODALITIES);
    model->flows[model->n_flows++] = (unsigned)flow;
    return VALENCE_OK;
}

static int set_flows(const struct config_key *key, const char *text, void *config,
                     struct valence_error *error)
{
    static const char between[] = "[], ";
    struct valence_model_config *model = &((struct valence_train_config *)config)->model;
    struct valence_model_config set = {.n_flows = 0};
    for (const char *at = text + strspn(text, between); *at;) {
        size_t length = strcspn(at, between);
        int status = set_flow(key, at, length, &set, error);
        if (status)
            return status;
        at += length;
        at += strspn(at, between);
    }
    if (set.n_flows == 0)
        return fail_config_value(key, text, "a list of flows, as in [complete, text_missing]",
                                 error);
    memcpy(model->flows, set.flows, sizeof model->flows);
    model->n_flows = set.n_flows;
    return VALENCE_OK;
}

static void format_flows(const struct config_key *key, const void *config, struct text *text)
{
    const struct valence_model_config *model =
        &((const struct valence_train_config *)config)->model;
    (void)key;
    for (int i = 0; i < model->n_flows; i++)
        text_format(text, "%s%s", i ? ", " : "[", valence_flow_name(model->flows[i]));
    text_append(text, "]", 1);
}

const struct config_table train_keys = {keys, N_KEYS, "A configuration for training.", set_flows,
                                        format_flows};

/* ---- For callers ---- */

int valence_train_n_keys(void)
{
    return N_KEYS;
}

const struct valence_config_key *valence_train_get_key(int i)
{
    return i >= 0 && i < N_KEYS ? &keys[i].known : NULL;
}

const struct valence_config_key *valence_train_key_find(const char *name)
{
    const struct config_key *key = name ? config_key_find(&train_keys, name) : NULL;
    return key ? &key->known : NULL;
}

int valence_train_config_set(struct valence_train_config *config, const char *key,
                             const char *value, struct valence_error *error)
{
    return config && key && value
               ? config_set(&train_keys, config, key, value, error)
               : fail(error, VALENCE_ERROR_ARGUMENT, "a key cannot be set: an argument is NULL");
}

int valence_train_config_get(const struct valence_train_config *config, const char *key,
                             char *value, size_t room, struct valence_error *error)
{
    return config && key && value && room
               ? config_get(&train_keys, config, key, value, room, error)
               : fail(error, VALENCE_ERROR_ARGUMENT, "a key cannot be read: an argument is NULL");
}

int valence_train_config_parse(struct valence_train_config *config, const char *yaml, size_t size,
                               const char *name, struct valence_error *error)
{
    return config && (yaml || !size) && name
               ? config_parse(&train_keys, config, yaml, size, name, error)
               : fail(error, VALENCE_ERROR_ARGUMENT, "no configuration: an argument is NULL");
}

int valence_train_config_read(struct valence_train_config *config, const char *path,
                              struct valence_error *error)
{
    return config && path
               ? config_read(&train_keys, config, path, error)
               : fail(error, VALENCE_ERROR_ARGUMENT, "no configuration: an argument is NULL");
}

int valence_train_config_read_run(struct valence_train_config *config, const char *folder,
                                  struct valence_error *error)
{
    if (!config || !folder)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no configuration: an argument is NULL");
    char *path = path_join(folder, RUN_CONFIG);
    if (!path)
        return fail_memory(error, TRAIN_PATH_BYTES, "a file name");
    train_config_set_before(config);
    int status = path_exists(path)
                     ? valence_train_config_read(config, path, error)
                     : fail(error, VALENCE_ERROR_NOT_FOUND,
                            "%s: not the folder of a run (it has no %s)", folder, RUN_CONFIG);
    free(path);
    return status ? status : valence_train_config_set(config, "output", folder, error);
}

char *valence_train_config_text(const struct valence_train_config *config, bool annotated)
{
    return config_text(&train_keys, config, annotated);
}
