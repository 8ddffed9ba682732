#include "model/parameters.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "model/layout.h"

static int64_t add_tensor(struct parameter_table *table, int n_dims, int64_t rows, int64_t columns,
                          int64_t fan_in, const char *name)
{
    assert(table->n < MAX_PARAMETERS);
    struct parameter *parameter = &table->parameters[table->n++];
    snprintf(parameter->name, sizeof parameter->name, "%s", name);
    parameter->n_dims = n_dims;
    parameter->shape[0] = rows;
    parameter->shape[1] = n_dims == 2 ? columns : 0;
    parameter->n_values = n_dims == 2 ? rows * columns : rows;
    parameter->fan_in = fan_in;
    parameter->offset = table->n_values;
    table->n_values += parameter->n_values;
    return parameter->offset;
}

__attribute__((format(printf, 4, 5))) static struct layer
add_linear(struct parameter_table *table, int64_t in, int64_t out, const char *format, ...)
{
    char layer_name[56], name[80];
    va_list args;
    va_start(args, format);
    vsnprintf(layer_name, sizeof layer_name, format, args);
    va_end(args);
    struct layer layer = {.in = in, .out = out};
    snprintf(name, sizeof name, "%s.weight", layer_name);
    layer.weight = add_tensor(table, 2, out, in, in, name);
    snprintf(name, sizeof name, "%s.bias", layer_name);
    layer.bias = add_tensor(table, 1, out, 0, in, name);
    return layer;
}

/* A layer norm, named as a linear layer is. */
static struct norm_place add_norm(struct parameter_table *table, int64_t width, const char *block,
                                  const char *layer)
{
    char name[80];
    struct norm_place place;
    snprintf(name, sizeof name, "%.50s.%s.weight", block, layer);
    place.gain = add_tensor(table, 1, width, 0, INITIAL_ONES, name);
    snprintf(name, sizeof name, "%.50s.%s.bias", block, layer);
    place.bias = add_tensor(table, 1, width, 0, INITIAL_ZEROS, name);
    return place;
}

/* In the published network an MLP is a Sequential of Linear, ReLU, Dropout, Linear, ...: layers 0
 * and 3. */
static void add_mlp(struct parameter_table *table, struct layer layers[2], int64_t in,
                    int64_t hidden, int64_t out, const char *name)
{
    layers[0] = add_linear(table, in, hidden, "%s.0", name);
    layers[1] = add_linear(table, hidden, out, "%s.3", name);
}

static struct imagination_layers add_imagination(struct parameter_table *table, int64_t width,
                                                 const char *name)
{
    struct imagination_layers layers;
    layers.transition[0] = add_linear(table, 3 * width, width, "%s.transition.0", name);
    layers.transition[1] = add_linear(table, width, width, "%s.transition.2", name);
    layers.encoder = add_linear(table, width, width / 2, "%s.encoder_0.0", name);
    layers.decoder = add_linear(table, width / 2, width, "%s.decoder_0.0", name);
    return layers;
}

static bool some_flow_misses(const struct valence_model_config *config, int modality)
{
    for (int f = 0; f < config->n_flows; f++)
        if (config->flows[f] & VALENCE_BIT(modality))
            return true;
    return false;
}

static void add_imaginations(const struct valence_model_config *config,
                             struct network_layout *layout, struct parameter_table *table)
{
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        char name[56];
        layout->has_imagination[m] =
            config->imagination != VALENCE_IMAGINATION_OFF && some_flow_misses(config, m);
        if (!layout->has_imagination[m])
            continue;
        snprintf(name, sizeof name, "missing_%s_imagination_mlp", valence_modality_names[m]);
        layout->imagine[m] = add_imagination(table, config->d, name);
        if (config->fusion != VALENCE_FUSION_CROSS_ATTENTION)
            continue;
        snprintf(name, sizeof name, "missing_cross_%s_query_imagination_mlp",
                 valence_modality_names[m]);
        layout->imagine_cross[m] = add_imagination(table, config->o, name);
    }
}

/* The weights of modalities, the views' queries, and their cross-attentions. */
static void add_cross_attention(const struct valence_model_config *config, struct network_layout *l,
                                struct parameter_table *t)
{
    int64_t d = config->d, o = config->o;
    int n_views = network_n_views(config);
    char name[56];
    if (config->modality_weights == VALENCE_WEIGHTS_LEARNED) {
        add_mlp(t, l->weight_mlp, 3 * d, d, d, "attention_mlp");
        l->modality_weights = add_linear(t, d, VALENCE_N_MODALITIES, "fc_att");
    }
    for (int q = 0; q < n_views; q++)
        l->query_mlp[q] = add_linear(t, d, d, "cross_%s_query_mlp.0", valence_view_names[q]);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        l->cross[m].query = add_linear(t, d, d, "cross_att_fra2utt_%d.query_proj", m);
        l->cross[m].key = add_linear(t, d, d, "cross_att_fra2utt_%d.input_proj", m);
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        snprintf(name, sizeof name, "cross_%s_mlp", valence_modality_names[m]);
        add_mlp(t, l->cross_mlp[m], d, 2 * o, o, name);
    }
    if (config->view_weights == VALENCE_WEIGHTS_LEARNED) {
        add_mlp(t, l->view_mlp, n_views * o, 2 * o, o, "cross_attention_mlp");
        l->view_weights = add_linear(t, o, n_views, "cross_fc_att");
    }
}

/* ---- Baselines ---- */

static struct transformer_layers add_block(struct parameter_table *t, int64_t d, const char *block)
{
    struct transformer_layers layers;
    char key[80];
    snprintf(key, sizeof key, "%.50s.key.weight", block);
    layers.norm[0] = add_norm(t, d, block, "attention_norm");
    layers.query = add_linear(t, d, d, "%s.query", block);
    layers.key = (struct layer){.weight = add_tensor(t, 2, d, d, d, key), .bias = -1, d, d};
    layers.value = add_linear(t, d, d, "%s.value", block);
    layers.out = add_linear(t, d, d, "%s.out", block);
    layers.norm[1] = add_norm(t, d, block, "hidden_norm");
    layers.hidden[0] = add_linear(t, d, 4 * d, "%s.hidden.0", block);
    layers.hidden[1] = add_linear(t, 4 * d, d, "%s.hidden.1", block);
    return layers;
}

static void add_transformers(const struct valence_model_config *config, struct network_layout *l,
                             struct parameter_table *t)
{
    char name[56];
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        for (int k = 0; k < N_OTHERS; k++) {
            const char *modality = valence_modality_names[m];
            const char *other = valence_modality_names[network_other_modality(m, k)];
            for (int i = 0; i < (int)config->n_layers; i++) {
                snprintf(name, sizeof name, "%s_from_%s.%d", modality, other, i);
                l->transformer[m][k][i] = add_block(t, config->d, name);
            }
            snprintf(name, sizeof name, "%s_from_%s", modality, other);
            l->last_norm[m][k] = add_norm(t, config->d, name, "norm");
        }
}

static void add_late(const struct valence_model_config *config, struct network_layout *l,
                     struct parameter_table *t)
{
    char name[56];
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        snprintf(name, sizeof name, "late_%s_mlp", valence_modality_names[m]);
        add_mlp(t, l->regressor[m], config->d, config->o, network_n_outputs(config), name);
    }
    if (config->modality_weights == VALENCE_WEIGHTS_LEARNED)
        l->late_weights =
            add_tensor(t, 2, 1, VALENCE_N_MODALITIES, INITIAL_ZEROS, "late_weights.weight");
}

/* A linear function of each modality's mean row, or nothing but a constant. */
static void add_closed_form(const struct valence_model_config *config, struct network_layout *l,
                            struct parameter_table *t)
{
    char name[56];
    for (int m = 0; m < VALENCE_N_MODALITIES && config->fusion == VALENCE_FUSION_LINEAR; m++) {
        snprintf(name, sizeof name, "mean_%s_row.weight", valence_modality_names[m]);
        l->mean_row[m] =
            add_tensor(t, 2, network_n_outputs(config), config->widths[m], config->widths[m], name);
    }
    l->score.bias = add_tensor(t, 1, network_n_outputs(config), 0, 1, "fc_out_v.bias");
    l->n_values = t->n_values;
}

/* From the pooled rows to the representations. */
static void add_representations(const struct valence_model_config *config, struct network_layout *l,
                                struct parameter_table *t)
{
    int64_t width = network_pool_width(config);
    char name[56];
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        snprintf(name, sizeof name, "fra2utt_%d.attention_context_vector", m);
        l->pool[m].context = add_tensor(t, 2, 1, width, INITIAL_CONTEXT, name);
        l->pool[m].key = add_linear(t, width, width, "fra2utt_%d.input_proj", m);
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        snprintf(name, sizeof name, "%s_mlp", valence_modality_names[m]);
        add_mlp(t, l->modality_mlp[m], width, config->d, config->d, name);
    }
}

/* The joined feature, and what is read off it. */
static void add_feature(const struct valence_model_config *config, struct network_layout *l,
                        struct parameter_table *t)
{
    int64_t d = config->d, o = config->o;
    if (config->fusion == VALENCE_FUSION_CROSS_ATTENTION)
        add_cross_attention(config, l, t);
    else
        add_mlp(t, l->joined_mlp, 3 * d, 2 * o, o, "joined_mlp");
    l->score = add_linear(t, o, network_n_outputs(config), "fc_out_v");
    l->contrast[0] = add_linear(t, o, o / 2, "orgin_linear_change.0"); /* the published spelling */
    l->contrast[1] = add_linear(t, o / 2, o / 2, "orgin_linear_change.2");
}

void network_layout_make(const struct valence_model_config *config, struct network_layout *layout,
                         struct parameter_table *table)
{
    struct network_layout own_layout;
    struct parameter_table own_table;
    struct network_layout *l = layout ? layout : &own_layout;
    struct parameter_table *t = table ? table : &own_table;

    *t = (struct parameter_table){0};
    *l = (struct network_layout){0};
    if (network_is_closed_form(config)) {
        add_closed_form(config, l, t);
        return;
    }
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        l->project[m] = add_linear(t, config->widths[m], config->d, "frame_dim_reshape_%d", m);
    add_imaginations(config, l, t);
    if (network_has_transformers(config))
        add_transformers(config, l, t);
    add_representations(config, l, t);
    if (network_is_late(config))
        add_late(config, l, t);
    else
        add_feature(config, l, t);
    l->n_values = t->n_values;
}

void parameter_table_make(const struct valence_model_config *config, struct parameter_table *table)
{
    network_layout_make(config, NULL, table);
}

const struct parameter *parameter_find(const struct parameter_table *table, const char *name)
{
    for (int i = 0; i < table->n; i++)
        if (strcmp(table->parameters[i].name, name) == 0)
            return &table->parameters[i];
    return NULL;
}

void parameters_initialise(const struct parameter_table *table, uint64_t seed, real *values)
{
    for (int i = 0; i < table->n; i++) {
        const struct parameter *parameter = &table->parameters[i];
        struct random_source source = random_source(seed, valence_clip_key(parameter->name));
        real *tensor = values + parameter->offset;
        int64_t fan_in = parameter->fan_in;
        double bound = fan_in > 0 ? 1.0 / sqrt((double)fan_in) : 0;
        double deviation = sqrt(2.0 / (double)(1 + parameter->shape[1]));
        for (int64_t j = 0; j < parameter->n_values; j++)
            tensor[j] = (real)(fan_in > 0 ? bound * (2 * random_uniform(&source) - 1)
                               : fan_in == INITIAL_CONTEXT ? deviation * random_normal(&source)
                               : fan_in == INITIAL_ONES    ? 1
                                                           : 0);
    }
}

void parameters_start_at_means(const struct valence_model_config *config, real *values)
{
    struct network_layout layout;
    network_layout_make(config, &layout, NULL);
    const struct layer weights[] = {layout.modality_weights, layout.view_weights};
    for (int i = 0; i < 2; i++) /* one that is not there has no outputs */
        for (int64_t j = 0; j < weights[i].out; j++)
            values[weights[i].bias + j] = (real)1 / (real)weights[i].out;
}
