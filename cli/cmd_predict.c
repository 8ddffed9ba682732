/* valence predict: a score for every clip, and how it came about. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/threads.h"
#include "choices.h"
#include "commands.h"
#include "open_store.h"
#include "evaluate/encodings.h"
#include "evaluate/prediction.h"
#include "run/run_models.h"
#include "format/csv_write.h"
#include "json_output.h"
#include "sentences.h"
#include "table.h"
#include "temporary_store.h"

struct request {
    const char *run, *store;
    const char *split, *flow, *checkpoint;
    const char *encoder;
    struct option_list sentences;
    bool json, csv, quiet, offline, accept_unfinished;
    int64_t batch, max_rows, threads;
    double level;
};

/* ---- Output ---- */

/* "text", "audio text", or `none`. */
static void format_missing(char text[32], unsigned missing, const char *none)
{
    text[0] = '\0';
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (missing & VALENCE_BIT(modality)) {
            size_t used = strlen(text);
            snprintf(text + used, 32 - used, "%s%s", used ? " " : "",
                     valence_modality_names[modality]);
        }
    if (!missing)
        snprintf(text, 32, "%s", none);
}

static void estimate_cells(struct table *table, const struct valence_estimate *estimate)
{
    if (isnan(estimate->error)) {
        table_cell(table, "-");
        table_cell(table, "-");
    } else {
        table_cell(table, "%.2f", estimate->error);
        table_cell(table, "%+.2f…%+.2f", estimate->low, estimate->high);
    }
}

static void print_table(const struct valence_store *store, const struct predictions *predictions,
                        const struct request *request)
{
    struct table table = {0};
    char level[16];
    snprintf(level, sizeof level, "%g %%", 100 * request->level);
    table_column(&table, "clip", TABLE_LEFT);
    table_column(&table, "score", TABLE_RIGHT);
    table_column(&table, "±", TABLE_RIGHT);
    table_column(&table, level, TABLE_RIGHT);
    table_column(&table, "flow", TABLE_LEFT);
    table_column(&table, "missing", TABLE_LEFT);
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        table_column(&table, valence_modality_names[modality], TABLE_RIGHT);
    for (int view = 0; view < VALENCE_N_VIEWS; view++)
        table_column(&table, valence_view_names[view], TABLE_RIGHT);
    for (int64_t i = 0; i < predictions->n; i++) {
        const struct prediction *prediction = &predictions->predictions[i];
        char missing[32];
        format_missing(missing, prediction->missing, "-");
        table_cell(&table, "%s", valence_store_clip(store, prediction->clip)->id);
        table_cell(&table, "%+.3f", (double)prediction->score.score);
        estimate_cells(&table, &prediction->estimate);
        table_cell(&table, "%s", valence_flow_name(prediction->flow));
        table_cell(&table, "%s", missing);
        for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
            table_cell(&table, "%.2f", (double)prediction->score.modality_weights[modality]);
        for (int view = 0; view < VALENCE_N_VIEWS; view++)
            table_cell(&table, "%.2f", (double)prediction->score.view_weights[view]);
    }
    table_note(
        &table,
        "±: the error to expect, and the interval that holds the label in %s of the clips like "
        "the model's validation clips; - where the model had none such.",
        level);
    table_note(&table, "Behind 'missing': the weights of the modalities, then of the query views.");
    if (!predictions->trained)
        table_note(&table, "The model was not trained with this flow.");
    if (predictions->n_unfitting)
        table_note(&table,
                   "%" PRId64
                   " clips lack more than their flow misses: the model was trained with no "
                   "flow that fits, and what is absent is not imagined",
                   predictions->n_unfitting);
    if (predictions->n_empty)
        table_note(&table, "skipped: %" PRId64 " clips without features that the model reads",
                   predictions->n_empty);
    if (predictions->n_cut)
        table_note(&table, "cut to %" PRId64 " rows: %" PRId64 " clips", request->max_rows,
                   predictions->n_cut);
    table_print(&table, stdout);
}

/* Of sentences there is little else to say. */
static void print_sentences(const struct valence_store *store,
                            const struct predictions *predictions, const struct request *request)
{
    struct table table = {0};
    char level[16];
    snprintf(level, sizeof level, "%g %%", 100 * request->level);
    table_column(&table, "score", TABLE_RIGHT);
    table_column(&table, "±", TABLE_RIGHT);
    table_column(&table, level, TABLE_RIGHT);
    table_column(&table, "text", TABLE_LEFT);
    for (int64_t i = 0; i < predictions->n; i++) {
        const struct prediction *prediction = &predictions->predictions[i];
        table_cell(&table, "%+.3f", (double)prediction->score.score);
        estimate_cells(&table, &prediction->estimate);
        table_cell(&table, "%s", valence_store_clip(store, prediction->clip)->id);
    }
    table_print(&table, stdout);
}

static void print_csv(const struct valence_store *store, const struct predictions *predictions)
{
    printf("id,score,expected_error,low,high,flow,missing");
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        printf(",weight_%s", valence_modality_names[modality]);
    for (int view = 0; view < VALENCE_N_VIEWS; view++)
        printf(",view_%s", valence_view_names[view]);
    putchar('\n');
    for (int64_t i = 0; i < predictions->n; i++) {
        const struct prediction *prediction = &predictions->predictions[i];
        char missing[32];
        format_missing(missing, prediction->missing, "");
        csv_write_field(stdout, valence_store_clip(store, prediction->clip)->id);
        putchar(',');
        csv_write_number(stdout, prediction->score.score);
        const double estimate[] = {prediction->estimate.error, prediction->estimate.low,
                                   prediction->estimate.high};
        for (int n = 0; n < 3; n++) {
            putchar(',');
            if (!isnan(estimate[n]))
                csv_write_number(stdout, (float)estimate[n]);
        }
        printf(",%s,%s", valence_flow_name(prediction->flow), missing);
        for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++) {
            putchar(',');
            csv_write_number(stdout, prediction->score.modality_weights[modality]);
        }
        for (int view = 0; view < VALENCE_N_VIEWS; view++) {
            putchar(',');
            csv_write_number(stdout, prediction->score.view_weights[view]);
        }
        putchar('\n');
    }
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *named_numbers(const char *const *names, const float *values, int n)
{
    json_t *object = json_object();
    for (int i = 0; i < n; i++)
        if (json_object_set_new(object, names[i], number_or_null((double)values[i]))) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *missing_to_json(unsigned missing)
{
    json_t *array = json_array();
    for (int modality = 0; modality < VALENCE_N_MODALITIES; modality++)
        if (missing & VALENCE_BIT(modality))
            json_array_append_new(array, json_string(valence_modality_names[modality]));
    return array;
}

static json_t *prediction_to_json(const struct valence_store *store,
                                  const struct prediction *prediction)
{
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "id",
        valence_store_clip(store, prediction->clip)->id, "score",
        number_or_null((double)prediction->score.score), "expected_error",
        number_or_null(prediction->estimate.error), "low", number_or_null(prediction->estimate.low),
        "high", number_or_null(prediction->estimate.high), "flow",
        valence_flow_name(prediction->flow), "missing", missing_to_json(prediction->missing),
        "modality_weights",
        named_numbers(valence_modality_names, prediction->score.modality_weights,
                      VALENCE_N_MODALITIES),
        "view_weights",
        named_numbers(valence_view_names, prediction->score.view_weights, VALENCE_N_VIEWS));
}

static int print_predictions_json(const struct valence_store *store,
                                  const struct predictions *predictions, const char *checkpoint,
                                  double level, struct valence_error *error)
{
    json_t *clips = json_array();
    for (int64_t i = 0; i < predictions->n && clips; i++)
        if (json_array_append_new(clips, prediction_to_json(store, &predictions->predictions[i]))) {
            json_decref(clips);
            clips = NULL;
        }
    return print_json(json_pack("{s:s, s:s, s:f, s:b, s:I, s:I, s:I, s:o}", "checkpoint",
                                checkpoint, "store", valence_store_path(store), "level", level,
                                "trained", predictions->trained, "lacking_more_than_the_flow",
                                (json_int_t)predictions->n_unfitting, "skipped_without_features",
                                (json_int_t)predictions->n_empty, "cut",
                                (json_int_t)predictions->n_cut, "clips", clips),
                      error);
}

/* ---- The command ---- */

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    const struct option options[] = {
        {OPTION_TEXT, 0, "split", &request->split, "NAME",
         "all, train, validation or test (default: all).", 0, 0},
        {OPTION_TEXT, 0, "flow", &request->flow, "NAME",
         "auto, complete, text_missing, ... (default: auto, the flow that fits what a clip has).",
         0, 0},
        {OPTION_TEXT, 0, "checkpoint", &request->checkpoint, "WHICH",
         "best or last of a run's checkpoints (default: best).", 0, 0},
        LEVEL_OPTION(&request->level),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Sentences", 0, 0},
        {OPTION_LIST, 't', "text", &request->sentences, "SENTENCE",
         "Score this sentence in place of a store, encoded as the training's text was; any number "
         "of times.",
         0, 0},
        {OPTION_TEXT, 0, "encoder", &request->encoder, "MODEL",
         "The language model that encoded the training's text, a GGUF file or a name of 'valence "
         "models' (default: the one that training used, where it is known by name).",
         0, 0},
        {OPTION_FLAG, 0, "offline", &request->offline, NULL, "Never fetch a model.", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "json", &request->json, NULL, "Print JSON instead of a table.", 0, 0},
        {OPTION_FLAG, 0, "csv", &request->csv, NULL, "Print CSV instead of a table.", 0, 0},
        OPTION_ACCEPT_UNFINISHED(&request->accept_unfinished),
        {OPTION_FLAG, 'q', "quiet", &request->quiet, NULL, "Show no progress.", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0},
        {OPTION_INT, 0, "batch", &request->batch, "N", "Clips computed together (default: 64).", 1,
         65536},
        {OPTION_INT, 0, "threads", &request->threads, "N", "Threads (default: one per core).", 1,
         4096},
        MAX_ROWS_OPTION(&request->max_rows),
        {.type = OPTION_END}};
    const char *positional[2];
    int n;
    if (!options_parse(command, options, argc, argv, positional, 1, 2, &n, code))
        return false;
    request->run = positional[0];
    request->store = n == 2 ? positional[1] : NULL;
    return true;
}

static int check(const struct command *command, const struct request *request,
                 enum valence_split *split, int *flow)
{
    *split = VALENCE_N_SPLITS;
    *flow = PREDICTION_AUTO;
    if (request->json && request->csv)
        return report_usage(command, "--json and --csv exclude each other");
    if (!request->store == !request->sentences.n)
        return report_usage(command, "give a store, or sentences with --text");
    int code = choose_checkpoint(command, request->checkpoint);
    if (!code && strcmp(request->split, "all") != 0)
        code = choose_split(command, request->split, split);
    if (!code && strcmp(request->flow, "auto") != 0) {
        unsigned flows[VALENCE_MAX_FLOWS];
        int n;
        code = choose_flows(command, request->flow, flows, &n);
        if (!code && n > 1)
            return report_usage(command, "--flow takes one flow");
        if (!code)
            *flow = (int)flows[0];
    }
    return code;
}

static int predict(struct request *request, const struct run_model *chosen,
                   enum valence_split split, int flow, struct valence_error *error)
{
    struct scoring scoring = {.batch_size = request->batch};
    struct valence_model *model = NULL;
    struct valence_store *store = NULL;
    struct predictions predictions = {0};
    int status = valence_model_load(chosen->path, &model, error);
    if (!status)
        status = open_store(request->store, request->accept_unfinished, &store, error);
    if (!status)
        status = encodings_check(chosen->path, store, error);
    scoring.model = model;
    scoring.store = store;
    scoring.progress = terminal_progress(request->quiet);
    if (!status)
        status = scoring_map_streams(model, store, request->max_rows, &scoring.map, error);
    if (!status)
        status = predictions_make(&scoring, split, flow, request->level, &predictions, error);
    terminal_progress_finish();
    if (!status && request->json)
        status = print_predictions_json(store, &predictions, chosen->path, request->level, error);
    else if (!status && request->csv)
        print_csv(store, &predictions);
    else if (!status && request->sentences.n)
        print_sentences(store, &predictions, request);
    else if (!status)
        print_table(store, &predictions, request);
    predictions_free(&predictions);
    valence_store_close(store);
    valence_model_free(model);
    return status;
}

/* The sentences become a store, and go the way of all others. */
static int predict_sentences(struct request *request, const struct run_model *chosen,
                             enum valence_split split, int flow, struct valence_error *error)
{
    char *folder;
    int status = sentences_encode(chosen->path, &request->sentences, request->encoder,
                                  request->offline, request->quiet, &folder, error);
    request->store = folder;
    if (!status)
        status = predict(request, chosen, split, flow, error);
    temporary_store_remove(folder);
    return status;
}

static int run_predict(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "all",
                              .flow = "auto",
                              .checkpoint = "best",
                              .batch = 64,
                              .max_rows = CLIP_MAX_ROWS,
                              .level = CHOICE_LEVEL};
    enum valence_split split;
    int flow, code;
    if (!parse(command, argc, argv, &request, &code) ||
        (code = check(command, &request, &split, &flow)))
        return code;
    if (request.threads)
        threads_set((int)request.threads);
    struct valence_error error;
    struct run_models models;
    int status = run_models_find(request.run, request.checkpoint, &models, &error);
    if (!status && models.n > 1)
        code = report_usage(command, "%s holds %d seeds; predict takes one of them: %s/%s",
                            request.run, models.n, request.run, models.models[0].name);
    else if (!status)
        status = (request.sentences.n ? predict_sentences : predict)(&request, &models.models[0],
                                                                     split, flow, &error);
    run_models_free(&models);
    return status ? report_error(&error) : code;
}

const struct command command_predict = {
    .name = "predict",
    .computes = true,
    .arguments = "RUN STORE|--text SENTENCE",
    .summary = "Score every clip of a store, or a sentence, and show how each score came about.",
    .description =
        "A line per clip: its score, the error to expect of it and an interval (of the best model "
        "of a "
        "training, from its errors on the validation part), the flow it went through, which "
        "modalities the score came "
        "about without, the weight of each modality and of each of the seven query views.\n\n"
        "By itself each clip goes through the flow that fits it: complete where it has every "
        "modality, text_missing where it has no text; simulated text is read in its place if there "
        "is any. Where the model was not trained with the flow that misses what the clip lacks, it "
        "is the "
        "one that misses the most of it and nothing else, in the end complete; the rest is then an "
        "empty "
        "sequence, and there is no interval. Labels are not needed.\n\n"
        "With --text sentences are scored in place of a store's clips: encoded by the language "
        "model and with the settings that "
        "the training's text was, which the checkpoint records, and without sound and face.",
    .example = "valence predict run corpus --split test\n"
               "valence predict run/best.safetensors clips --csv > scores.csv\n"
               "valence predict run --text 'I loved every minute'",
    .run = run_predict,
};
