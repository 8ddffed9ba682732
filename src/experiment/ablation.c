/* The parts of the framework that an ablation removes, one at a time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "experiment/variants.h"
#include "train/train_config.h"

/* The variants under construction, and the memory behind them. */
enum { MAX_REMOVED = 24, MAX_SET = 12, SET_BYTES = 160 };

struct ablation {
    int n;
    struct valence_variant variants[MAX_REMOVED];
    char names[MAX_REMOVED][48];
    char texts[MAX_REMOVED][MAX_SET][SET_BYTES];
    const char *assignments[MAX_REMOVED][MAX_SET];
};

static void begin(struct ablation *made, const char *name)
{
    int i = made->n++;
    snprintf(made->names[i], sizeof made->names[i], "%s", name);
    made->variants[i].name = made->names[i];
    made->variants[i].assignments = made->assignments[i];
    made->variants[i].n_assignments = 0;
}

__attribute__((format(printf, 2, 3))) static void set(struct ablation *made, const char *format,
                                                      ...)
{
    struct valence_variant *last = &made->variants[made->n - 1];
    char *text = made->texts[made->n - 1][last->n_assignments];
    va_list args;
    va_start(args, format);
    vsnprintf(text, SET_BYTES, format, args);
    va_end(args);
    made->assignments[made->n - 1][last->n_assignments++] = text;
}

/* The flows that are left where those that miss something of `dropped` are not: the list as a value
 * of "flows". Gives their number. */
static int flows_without(const struct valence_model_config *model, unsigned dropped, char *text,
                         size_t room)
{
    size_t used = (size_t)snprintf(text, room, "[");
    int n = 0;
    for (int f = 0; f < model->n_flows; f++)
        if (!(model->flows[f] & dropped))
            used += (size_t)snprintf(text + used, room - used, "%s%s", n++ ? ", " : "",
                                     valence_flow_name(model->flows[f]));
    snprintf(text + used, room - used, "]");
    return n;
}

/* A single flow is trained with all the weight that the flows had together, and chosen by its own
 * error. */
static void set_single_flow(struct ablation *made, const struct valence_train_config *config)
{
    char weight[NUMBER_TEXT_BYTES];
    set(made, "flows=[complete]");
    set(made, "select=complete");
    set(made, "flows_per_step=all");
    format_double(config->losses.complete + config->losses.missing, 9, weight);
    set(made, "losses.complete=%s", weight);
}

/* ---- What is removed ---- */

static void remove_losses(struct ablation *made, const struct valence_train_config *config)
{
    const struct loss_weights *losses = &config->losses;
    bool flows = config->model.n_flows > 1;
    if (flows && losses->rep > 0) {
        begin(made, "no-mkd-representation");
        set(made, "losses.rep=0");
    }
    if (flows && losses->cross > 0) {
        begin(made, "no-mkd-cross");
        set(made, "losses.cross=0");
    }
    if (flows && losses->rep > 0 && losses->cross > 0) {
        begin(made, "no-mkd");
        set(made, "losses.rep=0");
        set(made, "losses.cross=0");
    }
    if (flows && losses->feature > 0) {
        begin(made, "no-rs");
        set(made, "losses.feature=0");
    }
    if (losses->rnc > 0) {
        begin(made, "no-rnc");
        set(made, "losses.rnc=0");
    }
}

static void remove_parts(struct ablation *made, const struct valence_train_config *config)
{
    const struct valence_model_config *model = &config->model;
    if (model->fusion != VALENCE_FUSION_CROSS_ATTENTION)
        return;
    begin(made, "no-cross-attention");
    set(made, "model.fusion=concatenation");
    set(made, "model.views=all");
    set(made, "model.modality_weights=learned");
    set(made, "model.view_weights=learned");
    set(made, "losses.cross=0");
    if (model->views == VALENCE_VIEWS_ALL) {
        begin(made, "fused-view-alone");
        set(made, "model.views=fused");
    }
    if (model->modality_weights == VALENCE_WEIGHTS_LEARNED) {
        begin(made, "mean-modality-weights");
        set(made, "model.modality_weights=mean");
    }
    if (model->view_weights == VALENCE_WEIGHTS_LEARNED) {
        begin(made, "mean-view-weights");
        set(made, "model.view_weights=mean");
    }
}

static bool has_stream(const struct valence_train_config *config, enum valence_stream stream)
{
    return config->streams[stream][0] != '\0';
}

/* A modality goes with the flows that miss it, which are then the same as others; text with its
 * simulation. The last modality cannot go. */
static void remove_modality(struct ablation *made, const struct valence_train_config *config,
                            int modality)
{
    char name[48], flows[SET_BYTES - 8];
    int n_left = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        n_left += m != modality && has_stream(config, (enum valence_stream)m);
    if (!has_stream(config, (enum valence_stream)modality) || n_left == 0)
        return;
    snprintf(name, sizeof name, "no-%s", valence_modality_names[modality]);
    begin(made, name);
    set(made, "streams.%s=", valence_stream_names[modality]);
    if (modality == VALENCE_TEXT && has_stream(config, VALENCE_STREAM_SIMULATED_TEXT))
        set(made, "streams.simulated_text=");
    int n = flows_without(&config->model, VALENCE_BIT(modality), flows, sizeof flows);
    if (n == 1 && config->model.n_flows > 1)
        set_single_flow(made, config);
    else if (n < config->model.n_flows)
        set(made, "flows=%s", flows);
}

static void fill(struct ablation *made, const struct valence_train_config *config)
{
    begin(made, "full");
    if (config->model.n_flows > 1 && config->model.imagination != VALENCE_IMAGINATION_OFF) {
        begin(made, "no-mia");
        set(made, "model.imagination=off");
    }
    remove_losses(made, config);
    if (config->model.n_flows > 1) {
        begin(made, "single-flow");
        set_single_flow(made, config);
    }
    remove_parts(made, config);
    if (has_stream(config, VALENCE_STREAM_SIMULATED_TEXT)) {
        begin(made, "no-simulated-text");
        set(made, "streams.simulated_text=");
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        remove_modality(made, config, m);
}

int valence_ablation_create(const struct valence_train_config *config,
                            const struct valence_variant **variants, int *n,
                            struct valence_error *error)
{
    *variants = NULL;
    *n = 0;
    if (!config)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the configuration is NULL");
    struct ablation *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "an ablation");
    fill(made, config);
    int status = made->n > 1 && config->model.fusion != VALENCE_FUSION_CONSTANT
                     ? variants_copy(made->variants, made->n, variants, error)
                     : fail_key(error, VALENCE_ERROR_CONFIG, "model.fusion",
                                "this configuration has no part that could be removed; an ablation "
                                "needs the network, or a model with two modalities");
    *n = status ? 0 : made->n;
    free(made);
    return status;
}
