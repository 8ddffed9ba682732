/* What models cost, as JSON. */
#include "cost_output.h"

#ifdef VALENCE_WITH_ENCODERS
#include "encode_cost.h"
#endif
#include "json_output.h"
#include "metric_json.h"
#include "table_files.h"

static json_t *spread_to_json(struct valence_cost_spread spread)
{
    if (spread.n == 0)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:I}", "median", spread.median, "p5", spread.low, "p95",
                     spread.high, "n", (json_int_t)spread.n);
}

static json_t *parts_to_json(const struct valence_model_cost *model)
{
    json_t *parts = json_object();
    bool good = parts != NULL;
    for (int p = 0; p < VALENCE_N_COST_PARTS && good; p++)
        good = json_put(parts, valence_cost_part_keys[p], json_real(model->step_parts[p]));
    return json_all_or_nothing(parts, good);
}

static json_t *model_to_json(const struct valence_model_cost *model)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:i, s:{s:f, s:f, s:f, s:o}, s:{s:I, s:I}}", "name", model->name, "help",
        model->help, "parameters", (json_int_t)model->n_parameters, "flows", model->n_flows,
        "operations", "clip", model->clip_complete, "clip_all_flows", model->clip_all, "step",
        model->step, "step_parts", parts_to_json(model), "bytes", "scoring",
        (json_int_t)model->scoring_bytes, "training", (json_int_t)model->training_bytes);
    bool good = json_put(object, "latency_seconds", spread_to_json(model->latency_complete)) &&
                json_put(object, "latency_all_flows_seconds", spread_to_json(model->latency_all)) &&
                json_put(object, "scoring_clips_per_second", spread_to_json(model->scoring_rate)) &&
                json_put(object, "step_seconds", spread_to_json(model->step_seconds)) &&
                json_put(object, "training_clips_per_second", spread_to_json(model->training_rate));
    return json_all_or_nothing(object, good);
}

static json_t *models_to_json(const struct valence_cost *cost)
{
    json_t *models = json_array();
    bool good = models != NULL;
    for (int i = 0; i < cost->n_models && good; i++)
        good = json_array_append_new(models, model_to_json(&cost->models[i])) == 0;
    return json_all_or_nothing(models, good);
}

static json_t *streams_to_json(const struct valence_cost *cost)
{
    json_t *streams = json_object();
    bool good = streams != NULL;
    for (int s = 0; s < VALENCE_N_STREAMS && good; s++)
        if (cost->widths[s])
            good = json_put(streams, valence_stream_names[s],
                            json_pack("{s:I, s:f, s:f}", "width", (json_int_t)cost->widths[s],
                                      "mean_rows", cost->mean_rows[s], "training_mean_rows",
                                      cost->step_rows[s]));
    return json_all_or_nothing(streams, good);
}

static json_t *machine_to_json(const struct valence_machine *machine)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:o}", "system", machine->system, "cpu",
                     machine->cpu, "instructions", machine->instructions, "compiler",
                     machine->compiler, "cpus", machine->n_cpus, "cores", machine->n_cores,
                     "memory_bytes", (json_int_t)machine->memory, "load",
                     json_number(machine->load));
}

static json_t *networks_to_json(const struct valence_cost *cost)
{
    return json_pack("{s:s, s:o, s:i, s:{s:s, s:b, s:s, s:I, s:I, s:o}, s:o}", "valence_version",
                     cost->version, "machine", machine_to_json(&cost->machine), "threads",
                     cost->n_threads, "data", "store", cost->store, "synthetic",
                     (int)cost->synthetic, "split", valence_split_names[cost->split], "clips",
                     (json_int_t)cost->n_clips, "training_batch_size",
                     (json_int_t)cost->training_batch_size, "streams", streams_to_json(cost),
                     "models", models_to_json(cost));
}

json_t *cost_to_json(const struct measured_cost *measured)
{
    json_t *cost = networks_to_json(measured->networks);
    bool good = cost != NULL;
#ifdef VALENCE_WITH_ENCODERS
    if (measured->encoders)
        good = json_put(cost, "encoders", encoders_to_json(measured->encoders));
#endif
    return with_command(json_all_or_nothing(cost, good));
}

static void print_form(const void *what, enum table_format format, FILE *stream)
{
    print_cost(what, format, stream);
}

static json_t *make_document(const void *what)
{
    return cost_to_json(what);
}

int write_cost_tables(const char *folder, const struct measured_cost *measured,
                      struct valence_error *error)
{
    const struct table_source source = {"cost", measured, print_form, make_document, NULL};
    return table_files_write(folder, &source, error);
}
