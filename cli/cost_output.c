#include "cost_output.h"

#ifdef VALENCE_WITH_ENCODERS
#include "encode_cost.h"
#endif

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MIB (1024.0 * 1024.0)

/* A machine is idle enough if less than this is running for each core before the measurement. */
#define LOADED 0.5

/* ---- Cells ---- */

/* "12.3 (11.9-13.8)": median, 5th and 95th percentile. */
static void add_spread(struct table *table, struct valence_cost_spread spread, double factor)
{
    double median = factor * spread.median;
    int digits = median < 0.1 ? 4 : median < 1 ? 3 : median < 10 ? 2 : median < 100 ? 1 : 0;
    if (spread.n == 0)
        table_cell(table, "%s", "");
    else if (spread.n == 1)
        table_cell(table, "%.*f", digits, median);
    else
        table_cell(table, "%.*f (%.*f-%.*f)", digits, median, digits, factor * spread.low, digits,
                   factor * spread.high);
}

/* Operations in billions, to three digits. */
static void add_operations(struct table *table, double operations)
{
    if (operations == 0)
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.3g", operations / 1e9);
}

/* ---- Notes ---- */

static void add_machine(const struct valence_cost *cost, struct table *table)
{
    const struct valence_machine *machine = &cost->machine;
    table_note(table, "%s, %d of %d cores, %d %s, %.1f GiB; %s%s%s; valence %s, %s.", machine->cpu,
               machine->n_cores, machine->n_cpus, cost->n_threads,
               cost->n_threads == 1 ? "thread" : "threads", (double)machine->memory / (1024 * MIB),
               machine->system, machine->instructions[0] ? ", " : "", machine->instructions,
               cost->version, machine->compiler);
    if (machine->load > LOADED * machine->n_cores)
        table_note(table,
                   "WARNING: the load average was %.1f before the measurement: other programs made "
                   "times longer",
                   machine->load);
}

static void add_clip(const struct valence_cost *cost, struct table *table)
{
    char text[256];
    size_t used = 0;
    for (int s = 0; s < VALENCE_N_STREAMS && used < sizeof text; s++)
        if (cost->widths[s])
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.1f x %lld %s",
                                     used ? ", " : "", cost->mean_rows[s],
                                     (long long)cost->widths[s], valence_stream_names[s]);
    table_note(
        table,
        "Mean rows x columns of the %lld %s clips scored%s: %s. A step has %lld clips. GFLOP "
        "are of matrix products, 2 m n k each.",
        (long long)cost->n_clips, valence_split_names[cost->split],
        cost->synthetic ? " (synthetic)" : "", text, (long long)cost->training_batch_size);
}

/* ---- Tables ---- */

static void print_sizes(const struct valence_cost *cost, enum table_format format, FILE *stream)
{
    struct table table = {.title = "Sizes and operations"};
    table_column(&table, "model", TABLE_LEFT);
    table_column(&table, "flows", TABLE_RIGHT);
    table_column(&table, "parameters", TABLE_RIGHT);
    table_column(&table, "GFLOP a clip", TABLE_RIGHT);
    table_column(&table, "all flows", TABLE_RIGHT);
    table_column(&table, "a step", TABLE_RIGHT);
    table_column(&table, "scoring MiB", TABLE_RIGHT);
    table_column(&table, "training MiB", TABLE_RIGHT);
    for (int i = 0; i < cost->n_models; i++) {
        const struct valence_model_cost *model = &cost->models[i];
        table_cell(&table, "%s", model->name);
        table_cell(&table, "%d", model->n_flows);
        table_cell(&table, "%lld", (long long)model->n_parameters);
        add_operations(&table, model->clip_complete);
        add_operations(&table, model->clip_all);
        add_operations(&table, model->step);
        table_cell(&table, "%.1f", (double)model->scoring_bytes / MIB);
        table_cell(&table, "%.1f", (double)model->training_bytes / MIB);
    }
    add_clip(cost, &table);
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

static void print_times(const struct valence_cost *cost, enum table_format format, FILE *stream)
{
    struct table table = {.title = "Times: median (5th-95th percentile)"};
    table_column(&table, "model", TABLE_LEFT);
    table_column(&table, "ms a clip", TABLE_RIGHT);
    table_column(&table, "all flows", TABLE_RIGHT);
    table_rank(&table, 1);
    table_column(&table, "clips/s scored", TABLE_RIGHT);
    table_column(&table, "ms a step", TABLE_RIGHT);
    table_column(&table, "clips/s trained", TABLE_RIGHT);
    table_rank(&table, 2);
    for (int i = 0; i < cost->n_models; i++) {
        const struct valence_model_cost *model = &cost->models[i];
        table_cell(&table, "%s", model->name);
        add_spread(&table, model->latency_complete, 1e3);
        add_spread(&table, model->latency_all, 1e3);
        add_spread(&table, model->scoring_rate, 1);
        add_spread(&table, model->step_seconds, 1e3);
        add_spread(&table, model->training_rate, 1);
    }
    table_note(&table,
               "ms a clip: one clip alone, complete; all flows: in all trained flows at once; "
               "scored: %lld clips at once.",
               (long long)cost->n_clips);
    add_machine(cost, &table);
    table_print_as(&table, format, stream);
    fputc('\n', stream);
}

static void print_parts(const struct valence_cost *cost, enum table_format format, FILE *stream)
{
    struct table table = {.title = "Share of a step's operations (%)"};
    table_column(&table, "model", TABLE_LEFT);
    for (int p = 0; p < VALENCE_N_COST_PARTS; p++)
        table_column(&table, valence_cost_part_keys[p], TABLE_RIGHT);
    for (int i = 0; i < cost->n_models; i++) {
        const struct valence_model_cost *model = &cost->models[i];
        if (model->step == 0)
            continue;
        table_cell(&table, "%s", model->name);
        for (int p = 0; p < VALENCE_N_COST_PARTS; p++)
            if (model->step_parts[p] > 0)
                table_cell(&table, "%.1f", 100 * model->step_parts[p] / model->step);
            else
                table_cell(&table, "%s", "");
    }
    table_note(&table, "imagination is MIA; its time is what a step of full takes beyond one of "
                       "no-mia.");
    table_print_as(&table, format, stream);
}

/* ---- CSV ---- */

static void add_figure(struct table *table, const char *model, const char *figure, double value,
                       const struct valence_cost_spread *spread)
{
    const double values[] = {value, spread ? spread->low : (double)NAN,
                             spread ? spread->high : (double)NAN};
    table_cell(table, "%s", model);
    table_cell(table, "%s", figure);
    for (int i = 0; i < 3; i++)
        if (isnan(values[i]))
            table_cell(table, "%s", "");
        else
            table_cell(table, "%.9g", values[i]);
}

static void add_times(struct table *table, const char *model, const char *figure,
                      const struct valence_cost_spread *spread)
{
    if (spread->n)
        add_figure(table, model, figure, spread->median, spread);
}

#ifdef VALENCE_WITH_ENCODERS
static void add_encoders(struct table *table, const struct valence_encoder_costs *costs)
{
    char name[64];
    for (int i = 0; costs && i < costs->n_encoders; i++) {
        snprintf(name, sizeof name, "encoder %s", costs->encoders[i].name);
        add_times(table, name, "clip_seconds", &costs->encoders[i].seconds);
    }
}
#endif

static void print_long(const struct measured_cost *measured, FILE *stream)
{
    const struct valence_cost *cost = measured->networks;
    static const char *const headings[] = {"model", "figure", "value", "p5", "p95"};
    struct table table = {.title = NULL};
    char name[64];
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_column(&table, headings[i], TABLE_LEFT);
    for (int i = 0; i < cost->n_models; i++) {
        const struct valence_model_cost *m = &cost->models[i];
        add_figure(&table, m->name, "parameters", (double)m->n_parameters, NULL);
        add_figure(&table, m->name, "clip_operations", m->clip_complete, NULL);
        add_figure(&table, m->name, "clip_operations_all_flows", m->clip_all, NULL);
        add_figure(&table, m->name, "step_operations", m->step, NULL);
        for (int p = 0; p < VALENCE_N_COST_PARTS; p++) {
            snprintf(name, sizeof name, "step_operations_%s", valence_cost_part_keys[p]);
            add_figure(&table, m->name, name, m->step_parts[p], NULL);
        }
        add_figure(&table, m->name, "scoring_bytes", (double)m->scoring_bytes, NULL);
        add_figure(&table, m->name, "training_bytes", (double)m->training_bytes, NULL);
        add_times(&table, m->name, "latency_seconds", &m->latency_complete);
        add_times(&table, m->name, "latency_all_flows_seconds", &m->latency_all);
        add_times(&table, m->name, "scoring_clips_per_second", &m->scoring_rate);
        add_times(&table, m->name, "step_seconds", &m->step_seconds);
        add_times(&table, m->name, "training_clips_per_second", &m->training_rate);
    }
#ifdef VALENCE_WITH_ENCODERS
    add_encoders(&table, measured->encoders);
#endif
    table_print_as(&table, TABLE_CSV, stream);
}

void print_cost(const struct measured_cost *measured, enum table_format format, FILE *stream)
{
    const struct valence_cost *cost = measured->networks;
    if (format == TABLE_CSV) {
        print_long(measured, stream);
        return;
    }
    print_sizes(cost, format, stream);
    print_times(cost, format, stream);
    print_parts(cost, format, stream);
#ifdef VALENCE_WITH_ENCODERS
    if (measured->encoders) {
        fputc('\n', stream);
        print_encoders(measured->encoders, cost, format, stream);
    }
#endif
}
