#include "encode_cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metric_json.h"
#include "model_cache.h"
#include "options.h"
#include "valence/text.h"

/* ---- Measuring ---- */

/* The file of a model that is here: named by the user, or a known one in the cache. NULL if it is
 * not; nothing is fetched for a measurement. */
static int find_model(const char *given, const char *usual, char **path,
                      struct valence_error *error)
{
    *path = NULL;
    int status = model_path(given ? given : usual, true, true, path, error);
    return !given && status ? VALENCE_OK : status;
}

int measure_encoders(const struct encode_cost_request *request, double seconds,
                     const struct valence_encoder_costs **costs, struct valence_error *error)
{
    struct valence_encoder_cost_options options;
    valence_encoder_cost_options_default(&options);
    const struct {
        const char *given, *usual;
        const char **to;
    } models[] = {{request->whisper, "whisper-base", &options.whisper},
                  {request->faces, "faces", &options.faces},
                  {request->manet, "manet", &options.manet},
                  {request->wavlm, "wavlm", &options.wavlm},
                  {request->llm, "smollm2", &options.llm},
                  {request->projector, "projector", &options.projector}};
    enum { N = sizeof models / sizeof models[0] };
    char *paths[N] = {NULL}, *memory = model_memory();
    int status = VALENCE_OK;
    for (int i = 0; i < N && !status; i++) {
        status = find_model(models[i].given, models[i].usual, &paths[i], error);
        *models[i].to = paths[i];
    }
    options.clip = request->clip;
    options.seconds = seconds;
    options.memory = memory;
    if (!status)
        status =
            valence_encoder_cost_measure(&options, terminal_progress(request->quiet), costs, error);
    terminal_progress_finish();
    for (int i = 0; i < N; i++)
        valence_text_free(paths[i]);
    valence_text_free(memory);
    return status;
}

/* ---- Tables ---- */

static double total(const struct valence_encoder_costs *costs, const char *but)
{
    double sum = 0;
    for (int i = 0; i < costs->n_encoders; i++)
        if (!costs->encoders[i].absent && strcmp(costs->encoders[i].name, but) != 0)
            sum += costs->encoders[i].seconds.median;
    return sum;
}

static void add_encoder(struct table *table, const struct valence_encoder_costs *costs,
                        const struct valence_encoder_cost *cost)
{
    table_cell(table, "%s", cost->name);
    table_cell(table, "%s", cost->gives);
    if (cost->absent) {
        table_cell(table, "%s%s%s", cost->absent, cost->model[0] ? ": --" : "", cost->model);
        for (int i = 0; i < 4; i++)
            table_cell(table, "%s", "");
        return;
    }
    table_cell(table, "%.1f (%.1f-%.1f)", 1e3 * cost->seconds.median, 1e3 * cost->seconds.low,
               1e3 * cost->seconds.high);
    if (costs->clip_seconds > 0)
        table_cell(table, "%.1f", costs->clip_seconds / cost->seconds.median);
    else
        table_cell(table, "%s", "");
    table_cell(table, "%.1f", 100 * cost->seconds.median / total(costs, ""));
    table_cell(table, "%lld", (long long)cost->n_made);
    table_cell(table, "%.0f", (double)cost->model_bytes / (1024 * 1024));
}

static void add_notes(struct table *table, const struct valence_encoder_costs *costs,
                      const struct valence_cost *networks)
{
    const struct valence_encoder_cost *simulated = NULL;
    for (int i = 0; i < costs->n_encoders; i++)
        if (strcmp(costs->encoders[i].name, "simulated_text") == 0)
            simulated = &costs->encoders[i];
    table_note(table, "%s of %.1f s with %lld pictures, %d %s. Share: of all encoders measured.",
               costs->made_up ? "A made-up clip (a hum, no face)" : "A clip", costs->clip_seconds,
               (long long)costs->n_pictures, costs->n_threads,
               valence_plural(costs->n_threads, "thread", "threads"));
    if (simulated && !simulated->absent)
        table_note(table, "Simulated text takes %.2f times as long as all the rest together.",
                   simulated->seconds.median / total(costs, simulated->name));
    if (networks && networks->n_models)
        table_note(table,
                   "The network itself takes %.2f ms for a clip of the store, or %.3f %% of "
                   "all encoders' time.",
                   1e3 * networks->models[0].latency_complete.median,
                   100 * networks->models[0].latency_complete.median / total(costs, ""));
}

void print_encoders(const struct valence_encoder_costs *costs, const struct valence_cost *networks,
                    enum table_format format, FILE *stream)
{
    struct table table = {.title = "Encoders: median (5th-95th percentile)"};
    table_column(&table, "encoder", TABLE_LEFT);
    table_column(&table, "gives", TABLE_LEFT);
    table_rank(&table, 1);
    table_column(&table, "ms a clip", TABLE_RIGHT);
    table_column(&table, "x real time", TABLE_RIGHT);
    table_column(&table, "share (%)", TABLE_RIGHT);
    table_column(&table, "made", TABLE_RIGHT);
    table_column(&table, "model MiB", TABLE_RIGHT);
    for (int i = 0; i < costs->n_encoders; i++)
        add_encoder(&table, costs, &costs->encoders[i]);
    add_notes(&table, costs, networks);
    table_print_as(&table, format, stream);
}

/* ---- JSON ---- */

static json_t *encoder_to_json(const struct valence_encoder_cost *cost)
{
    json_t *seconds = cost->absent
                          ? json_null()
                          : json_pack("{s:f, s:f, s:f, s:I}", "median", cost->seconds.median, "p5",
                                      cost->seconds.low, "p95", cost->seconds.high, "n",
                                      (json_int_t)cost->seconds.n);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:I}", "name", cost->name, "gives",
                     cost->gives, "model", cost->model, "absent", json_text(cost->absent),
                     "load_seconds", json_number(cost->load_seconds), "model_bytes",
                     (json_int_t)cost->model_bytes, "seconds", seconds, "made",
                     (json_int_t)cost->n_made);
}

json_t *encoders_to_json(const struct valence_encoder_costs *costs)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (int i = 0; i < costs->n_encoders && good; i++)
        good = json_array_append_new(list, encoder_to_json(&costs->encoders[i])) == 0;
    return json_pack("{s:f, s:I, s:b, s:i, s:o}", "clip_seconds", costs->clip_seconds, "pictures",
                     (json_int_t)costs->n_pictures, "made_up", (int)costs->made_up, "threads",
                     costs->n_threads, "list", json_all_or_nothing(list, good));
}
