#include "train/initial_weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "data/encoder_settings.h"
#include "model/layout.h"
#include "store/store_source.h"
#include "valence/run.h"
#include "valence/text.h"

/* Names of parameters for one line: all of a few, the first of many. */
struct names {
    struct text text;
    int n;
};

static void add_name(struct names *names, const char *name)
{
    if (names->n++ < 4)
        text_format(&names->text, "%s%s", names->n > 1 ? ", " : "", name);
}

static void note_names(const struct trainer *t, struct names *names, const char *what)
{
    if (names->n && !names->text.failed)
        trainer_note(t, "not_taken", "%s: %d %s %s: %s%s", t->job->options->from, names->n,
                     valence_plural(names->n, "parameter", "parameters"), what, names->text.data,
                     names->n > 4 ? ", ..." : "");
    text_free(&names->text);
}

/* Streams that both read must hold the same kind of rows; what is not recorded is taken to. */
static int check_encoders(const struct trainer *t, const struct checkpoint *other,
                          struct valence_error *error)
{
    const json_t *trained_on = json_object_get(other->provenance, "source");
    const json_t *source = store_source_json(t->store);
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        const char *name = t->checkpoint.stream_names[s];
        const json_t *trained = encoder_settings(trained_on, other->stream_names[s]);
        const json_t *now = encoder_settings(source, name);
        if (trained && now && encoder_settings_compare(trained, now, name, error))
            status = fail_within(VALENCE_ERROR_DATA, error, "%s", valence_store_path(t->store));
    }
    return status;
}

static bool same_shape(const struct parameter *a, const struct parameter *b)
{
    return a->n_dims == b->n_dims && a->shape[0] == b->shape[0] && a->shape[1] == b->shape[1];
}

/* A model scores on the labels' scale; the score's layers of a training may learn another. */
static void to_learnt(struct trainer *t, const struct parameter *parameter)
{
    float *values = t->checkpoint.parameters + parameter->offset;
    struct network_layout layout;
    struct layer layers[VALENCE_N_MODALITIES];
    network_layout_make(&t->checkpoint.config, &layout, NULL);
    int n = network_score_layers(&t->checkpoint.config, &layout, layers);
    bool bias = false, weight = false;
    for (int k = 0; k < n; k++) {
        bias = bias || parameter->offset == layers[k].bias;
        weight = weight || parameter->offset == layers[k].weight;
    }
    if (!bias && !weight)
        return;
    for (int64_t i = 0; i < parameter->n_values; i++)
        values[i] = (values[i] - (bias ? t->labels.offset : 0)) / t->labels.factor;
}

/* Classes of other names, or in another order, are other outputs. */
static bool is_other_score(const struct trainer *t, const struct checkpoint *other,
                           const struct parameter *parameter)
{
    const json_t *names = json_object_get(other->provenance, "classes");
    bool same = json_array_size(names) == (size_t)t->checkpoint.config.n_classes;
    for (int c = 0; same && t->classes && c < t->classes->n_classes; c++) {
        const char *name = json_string_value(json_array_get(names, (size_t)c));
        same = name && strcmp(name, t->classes->classes[c]) == 0;
    }
    return !same && strncmp(parameter->name, "fc_out_v.", 9) == 0;
}

static int take(struct trainer *t, const struct parameter_table *table,
                const struct checkpoint *other, const struct parameter_table *others,
                struct valence_error *error)
{
    struct names absent = {.text = {.maximum = 1024}}, shaped = {.text = {.maximum = 1024}},
                 unused = {.text = {.maximum = 1024}};
    int n_taken = 0, n_matrices = 0;
    for (int i = 0; i < table->n; i++) {
        const struct parameter *own = &table->parameters[i];
        const struct parameter *found = parameter_find(others, own->name);
        if (found && same_shape(own, found) && !is_other_score(t, other, own)) {
            memcpy(t->checkpoint.parameters + own->offset, other->parameters + found->offset,
                   (size_t)own->n_values * sizeof *other->parameters);
            to_learnt(t, own);
            n_taken++;
            n_matrices += own->n_dims == 2;
        } else {
            add_name(found ? &shaped : &absent, own->name);
        }
    }
    for (int i = 0; i < others->n; i++)
        if (!parameter_find(table, others->parameters[i].name))
            add_name(&unused, others->parameters[i].name);
    note_names(t, &shaped, "have another shape or meaning there and start at random");
    note_names(t, &absent, "are not there and start at random");
    note_names(t, &unused, "of it have no place in this network");
    if (!n_matrices) /* a bias of one value fits anything */
        return fail_key(
            error, VALENCE_ERROR_SHAPE, "from",
            "%s: no weight matrix fits this network (its model.d is %lld and model.o %lld, "
            "here they are %lld and %lld)",
            t->job->options->from, (long long)other->config.d, (long long)other->config.o,
            (long long)t->checkpoint.config.d, (long long)t->checkpoint.config.o);
    t->from = json_pack("{s:s, s:i, s:i}", "path", t->job->options->from, "parameters_taken",
                        n_taken, "parameters", table->n);
    return t->from ? VALENCE_OK : fail_memory(error, 256, "the run's provenance");
}

/* The one model of a run or file; a group of seeds is for its user to choose from. */
static int load_one(const char *from, struct checkpoint *other, struct valence_error *error)
{
    struct valence_run *run;
    int status = valence_run_open(from, VALENCE_CHECKPOINT_BEST, &run, error);
    int n = status ? 0 : valence_run_n_models(run);
    if (n > 1)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "from",
                          "%s: holds %d models; choose one of them, such as %s", from, n,
                          valence_run_model_path(run, 0));
    if (!status)
        status = checkpoint_load(valence_run_model_path(run, 0), other, error);
    valence_run_close(run);
    return status;
}

int initial_weights_take(struct trainer *t, const struct parameter_table *table,
                         struct valence_error *error)
{
    struct checkpoint other;
    int status = load_one(t->job->options->from, &other, error);
    if (status)
        return status;
    struct parameter_table *others = allocate(1, sizeof *others);
    status = others ? check_encoders(t, &other, error)
                    : fail_memory(error, sizeof *others, "the table of parameters");
    if (!status) {
        parameter_table_make(&other.config, others);
        status = take(t, table, &other, others, error);
    }
    free(others);
    checkpoint_free(&other);
    return status;
}
