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
static void add_attention(struct counter *counter, enum valence_cost_part part, double n_rows,
                          double n_queries)
{
    double d = (double)counter->config->d;
    double keys = 2 * n_rows * d * d, queries = 4 * n_queries * n_rows * d;
    counter->parts[part] += counter->training ? 3 * (keys + queries) : keys + queries;
}

/* The first flow that reads a stream for a modality; in training every flow is. */
static bool is_first(const struct counter *counter, int flow, int modality)
{
    int stream = network_stream_read(counter->flows[flow], modality);
    for (int f = 0; f < flow && !counter->training; f++)
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
    return counter->training ? 1 : n;
}

static void count_attentions(struct counter *counter)
{
    bool asks = counter->config->fusion == VALENCE_FUSION_CROSS_ATTENTION;
    for (int f = 0; f < counter->n_flows; f++)
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            int stream = network_stream_read(counter->flows[f], m);
            if (stream < 0 || !is_first(counter, f, m))
                continue;
            add_attention(counter, VALENCE_COST_POOLING, counter->n_rows[stream], 1);
            if (asks)
                add_attention(counter, VALENCE_COST_CROSS, counter->n_rows[stream],
                              n_sharing(counter, f, m) * VALENCE_N_VIEWS);
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
                            counter->n_clips * VALENCE_N_VIEWS);
    }
}

/* Modality weights, views, cross-attention's layers and view weights. */
static void count_views(struct counter *counter)
{
    const struct network_layout *layout = &counter->layout;
    double n = counter->n_clips, asked = n * VALENCE_N_VIEWS;
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

static void count_flow(struct counter *counter, unsigned missing)
{
    const struct network_layout *layout = &counter->layout;
    double n = counter->n_clips;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        for (int i = 0; i < 2; i++)
            add_layer(counter, VALENCE_COST_POOLING, n, layout->modality_mlp[m][i]);
    count_imagination(counter, missing);
    if (counter->config->fusion == VALENCE_FUSION_CONCATENATION) {
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->joined_mlp[0]);
        add_layer(counter, VALENCE_COST_GATHERING, n, layout->joined_mlp[1]);
    } else {
        count_views(counter);
    }
    add_layer(counter, VALENCE_COST_GATHERING, n, layout->score);
    add_layer(counter, VALENCE_COST_GATHERING, n, layout->contrast[0]);
    add_layer(counter, VALENCE_COST_GATHERING, n, layout->contrast[1]);
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
            counter->parts[VALENCE_COST_GATHERING] += 2 * counter->n_clips * width;
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
    count_attentions(&counter);
    for (int f = 0; f < n_flows; f++)
        count_flow(&counter, flows[f]);
}
