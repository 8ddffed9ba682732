/* The run card: the fields that reproducibility committees ask for. */
#include <jansson.h>
#include <string.h>

#include "experiment_output.h"
#include "valence/output.h"

/* A value of the result as text, "" where it is missing. */
static const char *text_at(const json_t *object, const char *key, char text[160])
{
    const json_t *value = json_object_get(object, key);
    text[0] = '\0';
    if (json_is_string(value))
        snprintf(text, 160, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, 160, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, 160, "%g", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(text, 160, "%s", json_is_true(value) ? "yes" : "no");
    return text;
}

static void print_field(FILE *stream, const char *name, const json_t *object, const char *key)
{
    char text[160];
    fprintf(stream, "- %s: %s\n", name, text_at(object, key, text));
}

static void print_data(FILE *stream, const json_t *data)
{
    fputs("\n## Data\n\n", stream);
    print_field(stream, "store", data, "store");
    print_field(stream, "fingerprint of the training and validation clips", data, "fingerprint");
    print_field(stream, "measured on the split", data, "split");
    print_field(stream, "clips", data, "clips");
    print_field(stream, "clips left out, since some variant has no rows of them", data, "left_out");
    print_field(stream, "recordings", data, "recordings");
    print_field(stream, "SHA-256 of their ids and labels", data, "clips_sha256");
    print_field(stream, "label scale", data, "scale");
    print_field(stream, "synthetic", data, "synthetic");
}

static void print_statistics(FILE *stream, const json_t *statistics)
{
    fputs("\n## Statistics\n\n", stream);
    print_field(stream, "resamples of recordings and seeds", statistics, "resamples");
    print_field(stream, "seed of the resampling", statistics, "seed");
    print_field(stream, "level of the intervals", statistics, "level");
    print_field(stream, "tests that Holm's correction counts", statistics, "tests");
    print_field(stream, "power of the smallest detectable difference", statistics, "power");
}

static void print_variants(FILE *stream, const json_t *variants)
{
    size_t i, j;
    json_t *variant, *model;
    fputs("\n## Models\n\n| variant | parameters | seeds |\n| --- | ---: | --- |\n", stream);
    json_array_foreach(variants, i, variant)
    {
        const json_t *models = json_object_get(variant, "models");
        char parameters[160], name[160];
        if (!models)
            continue;
        fprintf(stream, "| %s | %s |", text_at(variant, "name", name),
                text_at(variant, "parameters", parameters));
        json_array_foreach(models, j, model)
            fprintf(stream, "%s %lld", j ? "," : "",
                    (long long)json_integer_value(json_object_get(model, "seed")));
        fputs(" |\n", stream);
    }
}

/* What every variant is trained with, and what each sets. */
static void print_plan(FILE *stream, const json_t *plan)
{
    const char *key;
    json_t *value, *variant, *assignment;
    size_t i, j;
    char name[160];
    fputs("\n## Training\n\nEach run's best epoch is the one with the smallest validation error "
          "(`select`); the test part is read once, for the tables.\n\n```yaml\n",
          stream);
    json_object_foreach(json_object_get(plan, "configuration"), key, value)
        fprintf(stream, "%s: %s\n", key, json_string_value(value));
    fputs("```\n\nThe variants set:\n\n", stream);
    json_array_foreach(json_object_get(plan, "variants"), i, variant)
    {
        fprintf(stream, "- %s:", text_at(variant, "name", name));
        json_array_foreach(json_object_get(variant, "set"), j, assignment)
            fprintf(stream, " `%s`", json_string_value(assignment));
        fputs("\n", stream);
    }
}

static int print_cost(FILE *stream, const struct valence_experiment *experiment,
                      struct valence_error *error)
{
    const struct valence_experiment_state *state;
    double seconds = 0;
    int status = valence_experiment_look(experiment, &state, error);
    if (status)
        return status;
    for (int64_t i = 0; i < state->n_runs; i++)
        seconds += state->runs[i].seconds;
    fprintf(stream,
            "- training: %lld runs, %.2f hours together; %lld at a time, %lld thread(s) each\n",
            (long long)state->n_runs, seconds / 3600, (long long)state->n_jobs,
            (long long)state->n_threads);
    valence_experiment_state_free(state);
    return VALENCE_OK;
}

static int print_card(FILE *stream, const struct valence_experiment_result *result,
                      const json_t *document, const struct valence_experiment *experiment,
                      struct valence_error *error)
{
    const json_t *machine = json_object_get(document, "machine");
    fprintf(stream, "# Run card: %s\n\n## Program and machine\n\n", result->kind);
    print_field(stream, "valence", document, "valence_version");
    print_field(stream, "system", machine, "system");
    print_field(stream, "processor", machine, "cpu");
    print_field(stream, "cores", machine, "cores");
    int status = experiment ? print_cost(stream, experiment, error) : VALENCE_OK;
    if (status)
        return status;
    print_data(stream, json_object_get(document, "data"));
    print_variants(stream, json_object_get(document, "variants"));
    if (json_object_get(document, "plan"))
        print_plan(stream, json_object_get(document, "plan"));
    print_statistics(stream, json_object_get(document, "statistics"));
    fputs("\n## Results\n\n", stream);
    print_result(result, TABLE_MARKDOWN, stream);
    return VALENCE_OK;
}

int write_card(const char *path, bool overwrite, const struct valence_experiment_result *result,
               const struct valence_experiment *experiment, struct valence_error *error)
{
    struct valence_output *output;
    json_t *document = json_loads(result->json, 0, NULL);
    if (!document)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "the card");
    int status = valence_output_open(path, overwrite, &output, error);
    if (!status) {
        status = print_card(valence_output_stream(output), result, document, experiment, error);
        if (status)
            valence_output_abort(output);
        else
            status = valence_output_commit(output, error);
    }
    json_decref(document);
    return status;
}
