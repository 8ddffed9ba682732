/* The same steps as network_forward.c and network_backward.c take, as counts. */
#include "model/operations.h"

#include <string.h>

#include "model/layout.h"
#include "model/network.h"

struct counter {
    const struct valence_model_config *config;
    struct network_layout layout;
    double n_clips;
    const double *n_rows;
    const unsigned *flows;
    int n_flows;
    bool training;
    double *parts;
};

/* A product and, in training, the two that its backward pass is made of: of the weights' gradient
 * and of the input's. */
static void add_layer(struct counter *counter, enum valence_cost_part part, double rows,
                      struct layer layer)
{
    counter->parts[part] +=
        (counter->training ? 3 : 1) * 2 * rows * (double)layer.in * (double)layer.out;
}

/* ---- Sequences ---- */

/* Rows as stored are leaves: backward has no gradient for them. */
static void count_projections(struct counter *counter)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        struct layer layer = counter->layout.project[valence_stream_modality(s)];
        counter->parts[VALENCE_COST_PROJECTION] += (counter->training ? 2 : 1) * 2 *
                                                   counter->n_rows[s] * (double)layer.in *
                                                   (double)layer.out;
    }
}

/* Keys, scores and sums of one use of an attention; backward has two products for the keys and four
 * for the queries (kernels/attention.c). */
static void add_attention(struct counter *counter, enum valence_cost_part part, struct layer key,
                          double n_rows, double n_queries)
{
    double d = (double)key.in;
    double keys = 2 * n_rows * d * d, queries = 4 * n_queries * n_rows * d;
    counter->parts[part] += counter->training ? 3 * (keys + queries) : keys + queries;
}

/* Training draws dropout for each flow, and transformers read other modalities, too: then no flow
 * shares its attention with others. */
static bool shares(const struct counter *counter)
{
    return !counter->training && !network_has_transformers(counter->config);
}

/* The first flow that reads a stream for a modality; all are where they do not share. */
static bool is_first(const struct counter *counter, int flow, int modality)
{
    int stream = network_stream_read(counter->flows[flow], modality);
    for (int f = 0; f < flow && shares(counter); f++)
        if (network_stream_read(counter->flows[f], modality) == stream)
            return false;
    return true;
}

/* Flows that share a reading have their queries answered together. */
static double n_sharing(const struct counter *counter, int flow, int modality)
{
    int stream = network_stream_read(counter->flows[flow], modality), n = 0;
    for (int f = 0; f < counter->n_flows; f++)
        n += network_stream_read(counter->flows[f], modality) == stream;
    return shares(counter) ? n : 1;
}

static void count_attentions(struct counter *counter)
{
    bool asks = counter->config->fusion == VALENCE_FUSION_CROSS_ATTENTION;
    for (int f = 0; f < counter->n_flows; f++)
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            int stream = network_stream_read(counter->flows[f], m);
            if (stream < 0 || !is_first(counter, f, m))
                continue;
            add_attention(counter, VALENCE_COST_POOLING, counter->layout.pool[m].key,
                          counter->n_rows[stream], 1);
            if (asks)
                add_attention(counter, VALENCE_COST_CROSS, counter->layout.cross[m].key,
                              counter->n_rows[stream],
                              n_sharing(counter, f, m) * network_n_views(counter->config));
        }
}

/* ---- Transformers ---- */

/* Products with a layer's weights in a block: on the way back all but the last are computed again,
 * before the two of its gradients. */
static void add_block_layer(struct counter *counter, double rows, struct layer layer, bool again)
{
    double product = 2 * rows * (double)layer.in * (double)layer.out;
    counter->parts[VALENCE_COST_TRANSFORMERS] +=
        counter->training ? (again ? 4 : 3) * product : product;
}

/* A block in which `n` rows read `n_other` ones, with `n_pairs` pairs of both. Attention has two
 * products, and five on the way back (kernels/sequence_attention.c). */
static void add_block(struct counter *counter, const struct transformer_layers *layers, double n,
                      double n_other, double n_pairs)
{
    double product = 2 * n_pairs * (double)counter->config->d;
    add_block_layer(counter, n, layers->query, true);
    add_block_layer(counter, n_other, layers->key, true);
    add_block_layer(counter, n_other, layers->value, true);
    add_block_layer(counter, n, layers->out, true);
    add_block_layer(counter, n, layers->hidden[0], true);
    add_block_layer(counter, n, layers->hidden[1], false);
    counter->parts[VALENCE_COST_TRANSFORMERS] += (counter->training ? 2 + 5 : 2) * product;
}

static void count_transformers(struct counter *counter)
{
    for (int f = 0; f < counter->n_flows; f++)
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            for (int k = 0; k < N_OTHERS; k++) {
                int own = network_stream_read(counter->flows[f], m);
                int other = network_stream_read(counter->flows[f], network_other_modality(m, k));
                double n = own < 0 ? 0 : counter->n_rows[own];
                double n_other = other < 0 ? 0 : counter->n_rows[other];
                for (int i = 0; n > 0 && i < (int)counter->config->n_layers; i++)
                    add_block(counter, &counter->layout.transformer[m][k][i], n, n_other,
                              n * n_other / counter->n_clips);
            }
}

/* ---- Clips ---- */

static void add_imagination(struct counter *counter, const struct imagination_layers *layers,
                            double rows)
{
    add_layer(counter, VALENCE_COST_IMAGINATION, rows, layers->transition[0]);
    add_layer(counter, VALENCE_COST_IMAGINATION, rows, layers->transition[1]);
    add_layer(counter, VALENCE_COST_IMAGINATION, rows, layers->encoder);
    add_layer(counter, VALENCE_COST_IMAGINATION, rows, layers->decoder);
}

static void count_imagination(struct counter *counter, unsigned missing)
{
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        if (!(missing & VALENCE_BIT(m)) || !counter->layout.has_imagination[m])
            continue;
        add_imagination(counter, &counter->layout.imagine[m], counter->n_clips);
        if (counter->config->fusion == VALENCE_FUSION_CROSS_ATTENTION)
            add_imagination(counter, &counter->layout.imagine_cross[m],
                            counter->n_clips * network_n_views(counter->config));
    }
}

/* Modality weights, views, cross-attention's layers and view weights. */
static void count_views(struct counter *counter)
{
    const struct network_layout *layout = &counter->layout;
    double n = counter->n_clips, asked = n * network_n_views(counter->config);
    if (counter->config->modality_weights == VALENCE_WEIGHTS_LEARNED) {
        add_layer(counter, VALENCE_COST_QUERIES, n, layout->weight_mlp[0]);
        add_layer(counter, VALENCE_COST_QUERIES, n, layout->weight_mlp[1]);
        add_layer(counter, VALENCE_COST_QUERIES, n, layout->modality_weights);
    }
    for (int q = 0; q < network_n_views(counter->config); q++)
        add_layer(counter, VALENCE_COST_QUERIES, n, layout->query_mlp[q]);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
        add_layer(counter, VALENCE_COST_CROSS, asked, layout->cross[m].query);
        add_layer(counter, VALENCE_COST_CROSS, asked, layout->cross_mlp[m][0]);
        add_layer(counter, VALENCE_COST_CROSS, asked, layout->cross_mlp[m][1]);
    }
    if (counter->config->view_weights == VALENCE_WEIGHTS_LEARNED) {
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->view_mlp[0]);
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->view_mlp[1]);
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->view_weights);
    }
}

/* From the feature to the score. */
static void count_heads(struct counter *counter)
{
    const struct network_layout *layout = &counter->layout;
    add_layer(counter, VALENCE_COST_GATHERING, counter->n_clips, layout->score);
    add_layer(counter, VALENCE_COST_GATHERING, counter->n_clips, layout->contrast[0]);
    add_layer(counter, VALENCE_COST_GATHERING, counter->n_clips, layout->contrast[1]);
}

/* What reads the representations. */
static void count_fusion(struct counter *counter)
{
    const struct network_layout *layout = &counter->layout;
    double n = counter->n_clips;
    if (network_is_late(counter->config)) {
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            for (int i = 0; i < 2; i++)
                add_layer(counter, VALENCE_COST_GATHERING, n, layout->regressor[m][i]);
        return;
    }
    if (counter->config->fusion == VALENCE_FUSION_CROSS_ATTENTION) {
        count_views(counter);
    } else {
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->joined_mlp[0]);
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->joined_mlp[1]);
    }
    count_heads(counter);
}

static void count_flow(struct counter *counter, unsigned missing)
{
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        for (int i = 0; i < 2; i++)
            add_layer(counter, VALENCE_COST_POOLING, counter->n_clips,
                      counter->layout.modality_mlp[m][i]);
    count_imagination(counter, missing);
    count_fusion(counter);
}

/* Mean rows, once for each stream that is read, and their product with the weights. */
static void count_closed_form(struct counter *counter)
{
    for (int f = 0; f < counter->n_flows; f++)
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            int stream = network_stream_read(counter->flows[f], m);
            double width = (double)counter->config->widths[m];
            if (stream < 0 || counter->config->fusion != VALENCE_FUSION_LINEAR)
                continue;
            if (is_first(counter, f, m))
                counter->parts[VALENCE_COST_PROJECTION] += 2 * counter->n_rows[stream] * width;
            counter->parts[VALENCE_COST_GATHERING] +=
                2 * counter->n_clips * width * (double)network_n_outputs(counter->config);
        }
}

void network_operations(const struct valence_model_config *config, double n_clips,
                        const double *n_rows, const unsigned *flows, int n_flows, bool training,
                        double *parts)
{
    struct counter counter = {.config = config,
                              .n_clips = n_clips,
                              .n_rows = n_rows,
                              .flows = flows,
                              .n_flows = n_flows,
                              .training = training,
                              .parts = parts};
    memset(parts, 0, VALENCE_N_COST_PARTS * sizeof *parts);
    network_layout_make(config, &counter.layout, NULL);
    if (network_is_closed_form(config)) {
        count_closed_form(&counter);
        return;
    }
    count_projections(&counter);
    if (network_has_transformers(config))
        count_transformers(&counter);
    count_attentions(&counter);
    for (int f = 0; f < n_flows; f++)
        count_flow(&counter, flows[f]);
}
