/* Protocols as JSON: docs/json/evaluate-protocol.schema.json. */
#include <math.h>
#include <string.h>

#include "json_output.h"
#include "metric_json.h"
#include "protocol_request.h"
#include "table_files.h"
#include "valence/version.h"

/* By the modalities' names; null for one that the model does not read. */
static json_t *modalities_to_json(const double *values)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        complete = json_put(object, valence_modality_names[m], json_number(values[m])) && complete;
    return json_all_or_nothing(object, complete);
}

static json_t *missing_to_json(const struct valence_condition *c)
{
    return json_pack("{s:f, s:f, s:o, s:o, s:f, s:I, s:I}", "rows", c->missing_rows, "modalities",
                     c->missing_modalities, "rows_of", modalities_to_json(c->rows_of),
                     "modalities_of", modalities_to_json(c->modalities_of), "noisy_clips", c->noisy,
                     "clips_with_nothing", (json_int_t)c->n_nothing, "clips_not_imagined",
                     (json_int_t)c->n_unimagined);
}

/* {"mae": 12}: the epochs chosen as published; null where the run's model was measured. */
static json_t *epochs_to_json(const struct valence_condition *c, enum valence_scale scale)
{
    if (c->epochs[VALENCE_METRIC_MAE] == 0)
        return json_null();
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int i = scale_next_metric(scale, -1); i >= 0; i = scale_next_metric(scale, i))
        complete = json_put(object, metric_key(i), json_integer(c->epochs[i])) && complete;
    return json_all_or_nothing(object, complete);
}

static json_t *models_to_json(const struct protocol_results *results, int protocol, int number)
{
    json_t *array = json_array();
    for (int i = 0; i < results->n && array; i++) {
        const struct valence_protocol_evaluation *e =
            results->evaluations[protocol * results->n + i];
        const struct valence_condition *c = protocol_condition_of(results, protocol, i, number);
        json_t *model =
            json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "name",
                      valence_run_model_name(results->models, i), "checkpoint",
                      valence_run_model_path(results->models, i), "clips", (json_int_t)c->metrics.n,
                      "without_score", (json_int_t)c->n_unscored, "metrics",
                      metrics_to_json(&c->metrics, e->scale), "intervals",
                      intervals_to_json(c->intervals, e->scale), "nonzero_metrics",
                      metrics_to_json(&c->nonzero_metrics, e->scale), "warnings",
                      warnings_to_json(c->metrics.warnings), "epochs", epochs_to_json(c, e->scale));
        if (json_array_append_new(array, model)) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* {"mae": {"mean", "sd"}}: of a condition, or where that is -1 the area, -2 the mean over all. */
enum { OF_AREA = -1, OF_MEAN = -2 };

static json_t *summary_to_json(const struct protocol_set *set, int protocol, int condition)
{
    enum valence_scale scale = set->base.evaluations[protocol * set->base.n]->scale;
    json_t *object = json_object();
    bool complete = object != NULL;
    for (int i = scale_next_metric(scale, -1); i >= 0; i = scale_next_metric(scale, i)) {
        enum valence_metric metric = (enum valence_metric)i;
        struct valence_seed_summary summary =
            condition == OF_AREA   ? protocol_auilc(set, protocol, metric)
            : condition == OF_MEAN ? protocol_mean(set, protocol, metric)
                                   : protocol_metric(set, protocol, condition, metric);
        complete = json_put(object, metric_key(i), seed_summary_to_json(summary)) && complete;
    }
    return json_all_or_nothing(object, complete);
}

static json_t *condition_to_json(const struct protocol_set *set, int protocol, int condition)
{
    int number;
    const struct protocol_results *results =
        protocol_results_for(set, protocol, condition, &number);
    const struct valence_condition *c = protocol_condition_of(results, protocol, 0, number);
    return json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:o}", "name", c->name, "rate",
                     json_number(c->rate), "run", results->run, "missing", missing_to_json(c),
                     "mask", c->mask, "models", models_to_json(results, protocol, number),
                     "summary", summary_to_json(set, protocol, condition));
}

static json_t *conditions_to_json(const struct protocol_set *set, int protocol)
{
    const struct valence_protocol_evaluation *e = set->base.evaluations[protocol * set->base.n];
    json_t *array = json_array();
    for (int c = 0; c < e->n_conditions && array; c++)
        if (json_array_append_new(array, condition_to_json(set, protocol, c))) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

/* {"clips", "of"}: clips with a row for each word, of those with text; null where the protocol is
 * not one of words. */
static json_t *words_to_json(const struct valence_protocol_evaluation *e)
{
    return e->n_with_text ? json_pack("{s:I, s:I}", "clips", (json_int_t)e->n_word_rows, "of",
                                      (json_int_t)e->n_with_text)
                          : json_null();
}

static json_t *masks_to_json(const struct valence_protocol_evaluation *e)
{
    double padded[VALENCE_N_MODALITIES];
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        padded[m] = (double)e->padded_rows[m];
    return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o}", "random",
                     valence_mask_random_names[e->protocol->random], "seed",
                     e->mask_seed < 0 ? json_null() : json_integer(e->mask_seed), "erased",
                     valence_erasure_names[e->erasure], "replaced_by",
                     valence_replacement_names[e->replacement], "noise",
                     valence_noise_kind_names[e->noise_kind], "padded_rows",
                     modalities_to_json(padded), "word_rows", words_to_json(e));
}

static json_t *protocol_to_json(const struct protocol_set *set, int protocol)
{
    const struct valence_protocol_evaluation *e = set->base.evaluations[protocol * set->base.n];
    const struct valence_protocol_info *info = e->protocol;
    bool several = e->n_conditions > 1;
    return json_pack("{s:s, s:s, s:s, s:{s:s?, s:s?}, s:o, s:o, s:o, s:o}", "name", info->name,
                     "source", info->source, "rule", info->rule, "published", "models",
                     info->published_training, "selection", info->published_selection, "masks",
                     masks_to_json(e), "conditions", conditions_to_json(set, protocol), "auilc",
                     several && info->has_auilc ? summary_to_json(set, protocol, OF_AREA)
                                                : json_null(),
                     "mean", several ? summary_to_json(set, protocol, OF_MEAN) : json_null());
}

static json_t *protocols_to_json(const struct protocol_set *set)
{
    json_t *array = json_array();
    for (int p = 0; p < set->request->n_protocols && array; p++)
        if (json_array_append_new(array, protocol_to_json(set, p))) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

/* Adds the models of one run to the list. */
static bool add_models(json_t *list, const struct protocol_results *results)
{
    bool complete = list != NULL;
    for (int i = 0; i < results->n && complete; i++) {
        const struct valence_protocol_evaluation *e = results->evaluations[i];
        json_t *model = run_model_to_json(results->models, i, e->trained_on, e->configuration);
        complete = json_put(model, "run", json_string(results->run));
        complete = json_array_append_new(list, json_all_or_nothing(model, complete)) == 0;
    }
    return complete;
}

static json_t *all_models_to_json(const struct protocol_set *set)
{
    json_t *list = json_array();
    bool complete = add_models(list, &set->base);
    for (int i = 0; i < set->request->n_rate_runs && complete; i++)
        complete = add_models(list, &set->at[i]);
    return json_all_or_nothing(list, complete);
}

#define PROTOCOL_SCHEMA "valence/evaluate-protocol"

static json_t *set_to_json(const struct protocol_set *set)
{
    static const char *const matches[] = {NULL, "same", "other"};
    const struct valence_protocol_evaluation *e = set->base.evaluations[0];
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:b, s:s?, s:s, s:s, s:I, s:{s:I, s:I}, s:I, s:{s:I, s:I, s:f}, s:i, s:i, "
        "s:s, s:o}",
        "valence", valence_version(), "run", set->base.run, "store", valence_store_path(set->store),
        "synthetic", e->synthetic, "training_data", matches[e->data], "split",
        valence_split_names[e->split], "scale", valence_scale_names[e->scale], "clips",
        (json_int_t)e->n_clips, "skipped", "without_label", (json_int_t)e->n_unlabelled,
        "without_features", (json_int_t)e->n_empty, "cut", (json_int_t)e->n_cut, "bootstrap",
        "resamples", (json_int_t)e->n_resamples, "seed", (json_int_t)set->request->options.seed,
        "level", VALENCE_METRIC_LEVEL, "runs", 1 + set->request->n_rate_runs, "seeds",
        protocol_n_models(set), "selected_on",
        set->request->as_published ? "as-published" : "validation", "protocols",
        protocols_to_json(set));
    const struct valence_protocol_options *options = &set->request->options;
    return with_command(json_all_or_nothing(
        root, json_put(root, "labels", labels_to_json(options->label_values, options->label_map)) &&
                  json_put(root, "text_stream", json_text(options->text_stream)) &&
                  json_put(root, "models", all_models_to_json(set)) &&
                  json_put(root, "clips_sha256", json_string(e->clips_sha256)) &&
                  json_put(root, "machine", this_machine_to_json())));
}

int print_protocol_json(const struct protocol_set *set, struct valence_error *error)
{
    return write_json_as(stdout, PROTOCOL_SCHEMA, set_to_json(set), error);
}

/* ---- Every form ---- */

static void print_form(const void *what, enum table_format format, FILE *stream)
{
    print_protocol_tables(what, format, stream);
}

static json_t *make_document(const void *what)
{
    return set_to_json(what);
}

int write_protocol_tables(const char *folder, const struct protocol_set *set,
                          struct valence_error *error)
{
    const struct table_source source = {"protocols", set, print_form, make_document,
                                        PROTOCOL_SCHEMA};
    return table_files_write(folder, &source, error);
}
