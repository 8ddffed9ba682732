/* The models of the runs, measured under each protocol. */
#include <math.h>
#include <stdlib.h>

#include "open_paths.h"
#include "protocol_request.h"

/* ---- Measuring ---- */

static int measure_protocol(const struct protocol_request *request,
                            const struct valence_protocol_options *options,
                            const struct valence_store *store, struct valence_progress *progress,
                            int protocol, const struct valence_model *model,
                            struct protocol_results *to, struct valence_error *error)
{
    const char *name = request->protocols[protocol]->name;
    const struct valence_protocol_evaluation **evaluation =
        &to->evaluations[protocol * valence_run_n_models(to->models) + to->n];
    return request->as_published
               ? valence_evaluate_protocol_as_published(to->models, to->n, store, name, options,
                                                        progress, evaluation, error)
               : valence_evaluate_protocol(model, store, name, options, progress, evaluation,
                                           error);
}

static int measure_model(const struct protocol_request *request,
                         const struct valence_protocol_options *options,
                         const struct valence_store *store, struct valence_progress *progress,
                         struct protocol_results *to, struct valence_error *error)
{
    struct valence_model *model;
    int status = valence_model_load(valence_run_model_path(to->models, to->n), &model, error);
    status = ranks_agree(request->ranks, status, error);
    for (int p = 0; p < request->n_protocols && !status; p++)
        status = measure_protocol(request, options, store, progress, p, model, to, error);
    valence_model_free(model);
    return status;
}

static int measure_run(const char *run, enum valence_checkpoint which,
                       const struct protocol_request *request,
                       const struct valence_protocol_options *options,
                       const struct valence_store *store, struct valence_progress *progress,
                       struct protocol_results *to, struct valence_error *error)
{
    to->run = run;
    int status = open_run(run, which, &to->models, error);
    int n = status ? 0 : valence_run_n_models(to->models);
    to->evaluations = calloc((size_t)n * (size_t)request->n_protocols, sizeof *to->evaluations);
    if (!status && !to->evaluations)
        status = valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "results");
    status = ranks_agree(request->ranks, status, error);
    for (; to->n < n && !status; to->n += !status)
        status = measure_model(request, options, store, progress, to, error);
    return status;
}

/* A run's rate must be one that is measured. */
static int check_rate(const struct protocol_set *set, double rate, struct valence_error *error)
{
    for (int p = 0; p < set->request->n_protocols; p++) {
        const struct valence_protocol_evaluation *e = set->base.evaluations[p * set->base.n];
        bool found = false;
        for (int c = 0; c < e->n_conditions; c++)
            found = found || fabs(e->conditions[c].rate - rate) < 1e-9;
        if (!found)
            return valence_fail(error, VALENCE_ERROR_ARGUMENT, "rates",
                                "%g is not one of the rates that %s measures", rate,
                                e->protocol->name);
    }
    return VALENCE_OK;
}

int protocol_set_measure(const char *run, enum valence_checkpoint which,
                         const struct protocol_request *request, const struct valence_store *store,
                         struct valence_progress *progress, struct protocol_set *set,
                         struct valence_error *error)
{
    *set = (struct protocol_set){.request = request, .store = store};
    int status =
        measure_run(run, which, request, &request->options, store, progress, &set->base, error);
    for (int i = 0; i < request->n_rate_runs && !status; i++) {
        struct valence_protocol_options options = request->options;
        options.rates = &request->rate_runs[i].rate;
        options.n_rates = 1;
        status =
            ranks_agree(request->ranks, check_rate(set, request->rate_runs[i].rate, error), error);
        if (!status)
            status = measure_run(request->rate_runs[i].run, which, request, &options, store,
                                 progress, &set->at[i], error);
    }
    terminal_progress_finish();
    return status;
}

static void free_results(const struct protocol_request *request, struct protocol_results *results)
{
    int n = results->models && results->evaluations ? valence_run_n_models(results->models) : 0;
    for (int i = 0; i < n * request->n_protocols; i++)
        valence_protocol_evaluation_free(results->evaluations[i]);
    free(results->evaluations);
    valence_run_close(results->models);
}

void protocol_set_free(struct protocol_set *set)
{
    free_results(set->request, &set->base);
    for (int i = 0; i < set->request->n_rate_runs; i++)
        free_results(set->request, &set->at[i]);
}

/* ---- Figures ---- */

const struct protocol_results *protocol_results_for(const struct protocol_set *set, int protocol,
                                                    int condition, int *number)
{
    const struct valence_protocol_evaluation *e = set->base.evaluations[protocol * set->base.n];
    double rate = e->conditions[condition].rate;
    *number = condition;
    for (int i = 0; i < set->request->n_rate_runs; i++)
        if (fabs(set->request->rate_runs[i].rate - rate) < 1e-9) {
            /* noise has a condition for each modality at a rate */
            for (*number = 0; condition > 0; condition--)
                *number += fabs(e->conditions[condition - 1].rate - rate) < 1e-9;
            return &set->at[i];
        }
    return &set->base;
}

const struct valence_condition *protocol_condition_of(const struct protocol_results *results,
                                                      int protocol, int model, int condition)
{
    return &results->evaluations[protocol * results->n + model]->conditions[condition];
}

int protocol_n_models(const struct protocol_set *set)
{
    int n = set->base.n;
    for (int i = 0; i < set->request->n_rate_runs; i++)
        n = set->at[i].n < n ? set->at[i].n : n;
    return n;
}

/* A metric of one model, by its number in each run. */
static double value_of(const struct protocol_set *set, int protocol, int condition, int model,
                       enum valence_metric metric)
{
    int number;
    const struct protocol_results *results =
        protocol_results_for(set, protocol, condition, &number);
    return protocol_condition_of(results, protocol, model, number)->metrics.values[metric];
}

static struct valence_seed_summary summarise(const double *values, int n)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    for (int i = 0; i < n; i++)
        squares += (values[i] - sum / n) * (values[i] - sum / n);
    return (struct valence_seed_summary){sum / n, n > 1 ? sqrt(squares / (n - 1)) : NAN};
}

enum { MAX_MODELS = 1000, MAX_VALUES = 64 }; /* of a run; of a protocol's conditions */

struct valence_seed_summary protocol_metric(const struct protocol_set *set, int protocol,
                                            int condition, enum valence_metric metric)
{
    double values[MAX_MODELS];
    int number;
    int n = protocol_results_for(set, protocol, condition, &number)->n;
    for (int i = 0; i < n; i++)
        values[i] = value_of(set, protocol, condition, i, metric);
    return summarise(values, n);
}

/* Of the models of the same number at every rate: the area, or the mean. */
static struct valence_seed_summary over_conditions(const struct protocol_set *set, int protocol,
                                                   enum valence_metric metric, bool area)
{
    const struct valence_protocol_evaluation *e = set->base.evaluations[protocol * set->base.n];
    double values[MAX_MODELS], curve[MAX_VALUES], rates[MAX_VALUES];
    int n = protocol_n_models(set);
    for (int i = 0; i < n; i++) {
        values[i] = 0;
        for (int c = 0; c < e->n_conditions; c++) {
            rates[c] = e->conditions[c].rate;
            curve[c] = value_of(set, protocol, c, i, metric);
            values[i] += curve[c] / e->n_conditions;
        }
        if (area)
            values[i] = e->protocol->has_auilc ? valence_auilc(rates, curve, e->n_conditions) : NAN;
    }
    return summarise(values, n);
}

struct valence_seed_summary protocol_auilc(const struct protocol_set *set, int protocol,
                                           enum valence_metric metric)
{
    return over_conditions(set, protocol, metric, true);
}

struct valence_seed_summary protocol_mean(const struct protocol_set *set, int protocol,
                                          enum valence_metric metric)
{
    return over_conditions(set, protocol, metric, false);
}
