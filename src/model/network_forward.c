/* Forward pass of all flows, step by step as in arXiv 2410.15029, section 2: project and pool each
 * modality, imagine the missing representations, weigh modalities and form the query views, ask
 * every modality by every view, imagine the missing answers, weigh the views, read the score off
 * the gathered feature. */
#include <math.h>
#include <string.h>

#include "kernels/cross_entropy.h"
#include "kernels/parallel.h"
#include "kernels/vector.h"
#include "model/gather.h"
#include "model/network_private.h"

/* Linear, ReLU, dropout: `rows_per_clip` rows a clip. */
static void layer_forward(struct network *network, const struct flow_state *flow, int site,
                          struct linear layer, int64_t rows_per_clip, const real *x,
                          int64_t x_stride, real *y, int64_t y_stride)
{
    int64_t n_clips = network->batch->n_clips, rows = n_clips * rows_per_clip;
    linear_forward(layer, rows, x, x_stride, y, y_stride);
    relu_forward(rows, layer.out, y, y_stride);
    dropout_clips(&network->dropout, site_of(flow, site), n_clips, network->batch->keys,
                  rows_per_clip, layer.out, y, y_stride);
}

/* ---- Sequences ---- */

struct projection stream_projection(const struct network *network, int stream,
                                    const real *parameters,
                                    const struct standardisation *standardisation)
{
    const struct valence_rows *rows = &network->batch->streams[stream];
    enum valence_modality modality = valence_stream_modality(stream);
    return (struct projection){.rows = rows->data,
                               .clips = rows->clips,
                               .type = rows->type,
                               .mean = standardisation ? standardisation->mean[stream] : NULL,
                               .scale = standardisation ? standardisation->scale[stream] : NULL,
                               .low = standardisation ? standardisation->low[stream] : NULL,
                               .high = standardisation ? standardisation->high[stream] : NULL,
                               .layer =
                                   layer_of(network, network->layout.project[modality], parameters),
                               .sequence = &network->sequences[stream]};
}

static void project_streams(struct network *network, const real *parameters,
                            const struct standardisation *standardisation)
{
    for (int s = 0; s < N_STREAMS; s++) {
        if (network->sequences[s].n_rows == 0)
            continue;
        struct projection projection = stream_projection(network, s, parameters, standardisation);
        projection_forward(&projection, &network->projection_scratch, network->x[s]);
    }
}

/* A use's dropout is its one flow's; where it has more, there is none. */
static void pool(struct network *network, struct attention_use *use, const real *parameters)
{
    const struct attention_layers *layers = &network->layout.pool[use->modality];
    const struct flow_state *flow = &network->flows[use->flows[0]];
    int64_t n_clips = network->batch->n_clips, width = network_pool_width(&network->config);
    use->pool.key_layer = layer_of(network, layers->key, parameters);
    use->pool.queries = parameters + layers->context;
    use->pool.site = site_of(flow, SITE_POOL_VALUES + use->modality);
    attention_forward(&use->pool, &network->attention_scratch);
    memcpy(use->pooled, use->pool.output, (size_t)(n_clips * width) * sizeof(real));
    dropout_clips(&network->attention_dropout, site_of(flow, SITE_POOL_OUTPUT + use->modality),
                  n_clips, network->batch->keys, 1, width, use->pooled, width);
}

/* ---- Clips ---- */

/* What is missing is imagined from what was seen, all of it in one pass:
 *
 *   x = transition(seen a, t, v);  imagined_m = decoder(encoder(x)) + (x or seen_m)
 *
 * `seen` and `completed` are (rows, 3, width). */
static void imagine(const struct network *network, const struct flow_state *flow,
                    const struct imagination_layers *layers, struct imagination_state *states,
                    int64_t rows, int64_t width, const real *parameters, const real *seen,
                    real *completed)
{
    if (completed == seen)
        return;
    memcpy(completed, seen, (size_t)(rows * N_MODALITIES * width) * sizeof(real));
    for (int m = 0; m < N_MODALITIES; m++) {
        if (!imagines(network, flow, m))
            continue;
        struct imagination_state *state = &states[m];
        linear_forward(layer_of(network, layers[m].transition[0], parameters), rows, seen,
                       N_MODALITIES * width, state->transition[0], width);
        relu_forward(rows, width, state->transition[0], width);
        linear_forward(layer_of(network, layers[m].transition[1], parameters), rows,
                       state->transition[0], width, state->transition[1], width);
        linear_forward(layer_of(network, layers[m].encoder, parameters), rows, state->transition[1],
                       width, state->encoded, width / 2);
        real *out = completed + m * width;
        linear_forward(layer_of(network, layers[m].decoder, parameters), rows, state->encoded,
                       width / 2, out, N_MODALITIES * width);
        bool from_transition = network->config.imagination == VALENCE_IMAGINATION_TRANSITION;
        const real *residual = from_transition ? state->transition[1] : seen + m * width;
        int64_t residual_stride = from_transition ? width : N_MODALITIES * width;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < width; j++)
                out[i * N_MODALITIES * width + j] += residual[i * residual_stride + j];
    }
}

static void represent(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    for (int m = 0; m < N_MODALITIES; m++) {
        const struct layer *mlp = layout->modality_mlp[m];
        layer_forward(network, flow, SITE_MODALITY_MLP + 2 * m,
                      layer_of(network, mlp[0], parameters), 1, network->uses[flow->use[m]].pooled,
                      mlp[0].in, flow->hidden[m], d);
        layer_forward(network, flow, SITE_MODALITY_MLP + 2 * m + 1,
                      layer_of(network, mlp[1], parameters), 1, flow->hidden[m], d,
                      flow->seen + m * d, N_MODALITIES * d);
    }
    imagine(network, flow, layout->imagine, flow->imagined, n_clips, d, parameters, flow->seen,
            flow->representations);
}

static void fill(int64_t n, real value, real *values)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = value;
}

static void weigh_modalities(struct network *network, struct flow_state *flow,
                             const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    if (network->config.modality_weights == VALENCE_WEIGHTS_MEAN) {
        fill(n_clips * N_MODALITIES, (real)1 / N_MODALITIES, flow->modality_weights);
        return;
    }
    layer_forward(network, flow, SITE_WEIGHT_MLP,
                  layer_of(network, layout->weight_mlp[0], parameters), 1, flow->representations,
                  N_MODALITIES * d, flow->weight_hidden[0], d);
    layer_forward(network, flow, SITE_WEIGHT_MLP + 1,
                  layer_of(network, layout->weight_mlp[1], parameters), 1, flow->weight_hidden[0],
                  d, flow->weight_hidden[1], d);
    linear_forward(layer_of(network, layout->modality_weights, parameters), n_clips,
                   flow->weight_hidden[1], d, flow->modality_weights, N_MODALITIES);
}

/* By view, then as each modality's cross-attention is asked. */
static void form_queries(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    int n_views = views_of(network);
    weigh_modalities(network, flow, parameters);
    views_forward(n_clips, n_views, d, flow->modality_weights, flow->representations, flow->views);
    for (int q = 0; q < n_views; q++)
        layer_forward(network, flow, SITE_QUERY_MLP + q,
                      layer_of(network, layout->query_mlp[q], parameters), 1, flow->views + q * d,
                      n_views * d, flow->queries + q * d, n_views * d);
    for (int m = 0; m < N_MODALITIES; m++)
        linear_forward(layer_of(network, layout->cross[m].query, parameters), n_clips * n_views,
                       flow->queries, d, flow->asked[m], d);
}

/* Copies blocks of `size` between a flow's own (B, size) and its slot in a use's (B, n_flows,
 * size). */
static void to_slot(int64_t n_clips, int n_flows, int slot, int64_t size, const real *own,
                    real *shared)
{
    for (int64_t b = 0; b < n_clips; b++)
        memcpy(shared + (b * n_flows + slot) * size, own + b * size, (size_t)size * sizeof(real));
}

static void from_slot(int64_t n_clips, int n_flows, int slot, int64_t size, const real *shared,
                      real *own)
{
    for (int64_t b = 0; b < n_clips; b++)
        memcpy(own + b * size, shared + (b * n_flows + slot) * size, (size_t)size * sizeof(real));
}

/* The flow's part of the attention weights, (Q, T) a clip, from the use's (n_flows * Q, T). */
static void weights_from_slot(const struct attention_use *use, int n_views, int slot, real *own)
{
    const struct ragged *sequence = use->cross.sequence;
    for (int64_t b = 0; b < sequence->n_clips; b++) {
        int64_t start = sequence->offsets[b], size = n_views * (sequence->offsets[b + 1] - start);
        if (size)
            memcpy(own + n_views * start,
                   use->cross.weights + use->n_flows * n_views * start + slot * size,
                   (size_t)size * sizeof(real));
    }
}

static void ask(struct network *network, struct attention_use *use, const real *parameters)
{
    const struct attention_layers *layers = &network->layout.cross[use->modality];
    const struct flow_state *first = &network->flows[use->flows[0]];
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    int m = use->modality, n_views = views_of(network);
    int64_t size = n_views * d;
    for (int slot = 0; use->n_flows > 1 && slot < use->n_flows; slot++)
        to_slot(n_clips, use->n_flows, slot, size, network->flows[use->flows[slot]].asked[m],
                use->asked);
    use->cross.key_layer = layer_of(network, layers->key, parameters);
    use->cross.site = site_of(first, SITE_CROSS_VALUES + m);
    attention_forward(&use->cross, &network->attention_scratch);
    memcpy(use->gathered, use->cross.output,
           (size_t)(n_clips * use->n_flows * size) * sizeof(real));
    dropout_clips(&network->attention_dropout, site_of(first, SITE_CROSS_OUTPUT + m), n_clips,
                  network->batch->keys, n_views, d, use->gathered, d);
    for (int slot = 0; use->n_flows > 1 && slot < use->n_flows; slot++) {
        struct flow_state *flow = &network->flows[use->flows[slot]];
        from_slot(n_clips, use->n_flows, slot, size, use->gathered, flow->gathered[m]);
        weights_from_slot(use, n_views, slot, flow->weights_of_cross[m]);
    }
}

static void weigh_views(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    int n_views = views_of(network);
    if (network->config.view_weights == VALENCE_WEIGHTS_MEAN) {
        fill(n_clips * n_views, (real)1 / (real)n_views, flow->view_weights);
        return;
    }
    layer_forward(network, flow, SITE_VIEW_MLP, layer_of(network, layout->view_mlp[0], parameters),
                  1, flow->mixed, n_views * o, flow->view_hidden[0], 2 * o);
    layer_forward(network, flow, SITE_VIEW_MLP + 1,
                  layer_of(network, layout->view_mlp[1], parameters), 1, flow->view_hidden[0],
                  2 * o, flow->view_hidden[1], o);
    linear_forward(layer_of(network, layout->view_weights, parameters), n_clips,
                   flow->view_hidden[1], o, flow->view_weights, n_views);
}

static void gather(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    int n_views = views_of(network);
    for (int m = 0; m < N_MODALITIES; m++) {
        const struct layer *mlp = layout->cross_mlp[m];
        layer_forward(network, flow, SITE_CROSS_MLP + 2 * m, layer_of(network, mlp[0], parameters),
                      n_views, flow->gathered[m], d, flow->cross_hidden[m], 2 * o);
        layer_forward(network, flow, SITE_CROSS_MLP + 2 * m + 1,
                      layer_of(network, mlp[1], parameters), n_views, flow->cross_hidden[m], 2 * o,
                      flow->seen_cross + m * o, N_MODALITIES * o);
    }
    imagine(network, flow, layout->imagine_cross, flow->imagined_cross, n_clips * n_views, o,
            parameters, flow->seen_cross, flow->cross);
    mix_forward(n_clips, n_views, o, flow->modality_weights, flow->cross, flow->mixed);
    weigh_views(network, flow, parameters);
    weigh_views_forward(n_clips, n_views, o, flow->view_weights, flow->mixed, flow->feature);
}

/* What a caller may look at is zero where there are no views. */
static void clear_views(struct network *network, struct flow_state *flow)
{
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    int n_views = views_of(network);
    fill(n_clips * N_MODALITIES, 0, flow->modality_weights);
    fill(n_clips * n_views, 0, flow->view_weights);
    fill(n_clips * n_views * d, 0, flow->queries);
    fill(n_clips * n_views * N_MODALITIES * o, 0, flow->cross);
    for (int m = 0; m < N_MODALITIES; m++)
        fill(n_views * network->uses[flow->use[m]].cross.sequence->n_rows, 0,
             flow->weights_of_cross[m]);
}

static void clear_feature(struct network *network, struct flow_state *flow)
{
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    fill(n_clips * o, 0, flow->feature);
    fill(n_clips * o / 2, 0, flow->contrast);
}

/* In place of everything from the modality weights on. */
static void join(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t d = network->config.d, o = network->config.o;
    clear_views(network, flow);
    layer_forward(network, flow, SITE_VIEW_MLP,
                  layer_of(network, layout->joined_mlp[0], parameters), 1, flow->representations,
                  N_MODALITIES * d, flow->view_hidden[0], 2 * o);
    layer_forward(network, flow, SITE_VIEW_MLP + 1,
                  layer_of(network, layout->joined_mlp[1], parameters), 1, flow->view_hidden[0],
                  2 * o, flow->feature, o);
}

void network_classify(struct network *network, struct flow_state *flow)
{
    int64_t k = network->config.n_classes;
    for (int64_t b = 0; b < network->batch->n_clips && k; b++) {
        int64_t largest = largest_of(k, flow->outputs + b * k);
        flow->score[b] = largest < 0 ? (real)NAN : (real)largest;
        softmax_row(k, flow->outputs + b * k, flow->probabilities + b * k);
    }
}

static void read_off(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    linear_forward(layer_of(network, layout->score, parameters), n_clips, flow->feature, o,
                   flow->outputs, network_n_outputs(&network->config));
    network_classify(network, flow);
    linear_forward(layer_of(network, layout->contrast[0], parameters), n_clips, flow->feature, o,
                   flow->contrast_hidden, o / 2);
    relu_forward(n_clips, o / 2, flow->contrast_hidden, o / 2);
    linear_forward(layer_of(network, layout->contrast[1], parameters), n_clips,
                   flow->contrast_hidden, o / 2, flow->contrast, o / 2);
}

/* ---- Without a network ---- */

/* A linear function of the mean row looks at all rows alike. */
static void take_means(struct network *network, struct attention_use *use, const real *parameters,
                       const struct standardisation *standardisation)
{
    const struct ragged *sequence = use->pool.sequence;
    for (int64_t b = 0; b < sequence->n_clips; b++) {
        int64_t start = sequence->offsets[b], n = sequence->offsets[b + 1] - start;
        if (n)
            fill(n, (real)1 / (real)n, use->pool.weights + start);
    }
    real *means = network->mean_rows[stream_index(use->stream)];
    if (!means)
        return;
    struct projection projection =
        stream_projection(network, use->stream, parameters, standardisation);
    projection.layer.in = network->config.widths[use->modality];
    projection_mean_rows(&projection, means);
}

static void score_linearly(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips;
    clear_views(network, flow);
    clear_feature(network, flow);
    int64_t k = network_n_outputs(&network->config);
    for (int64_t b = 0; b < n_clips; b++)
        memcpy(flow->outputs + b * k, parameters + layout->score.bias, (size_t)k * sizeof(real));
    for (int m = 0; m < N_MODALITIES; m++) {
        const real *means = network->mean_rows[stream_index(network->uses[flow->use[m]].stream)];
        int64_t width = network->config.widths[m];
        for (int64_t i = 0; means && i < n_clips * k; i++)
            flow->outputs[i] += vector_dot(width, parameters + layout->mean_row[m] + i % k * width,
                                           means + i / k * width);
    }
    network_classify(network, flow);
}

static void forward_closed_form(struct network *network, const real *parameters,
                                const struct standardisation *standardisation)
{
    for (int u = 0; u < network->n_uses; u++)
        take_means(network, &network->uses[u], parameters, standardisation);
    for (int f = 0; f < network->n_flows; f++)
        score_linearly(network, &network->flows[f], parameters);
}

static void transform_all(struct network *network, const real *parameters)
{
    transform_positions(network);
    for (int u = 0; u < network->n_uses; u++)
        transform_forward(network, &network->uses[u], parameters);
}

static void score_flow(struct network *network, struct flow_state *flow, const real *parameters)
{
    if (network_is_late(&network->config)) {
        clear_views(network, flow);
        clear_feature(network, flow);
        late_forward(network, flow, parameters);
        return;
    }
    if (concatenates(network))
        join(network, flow, parameters);
    else
        gather(network, flow, parameters);
    read_off(network, flow, parameters);
}

/* ---- The whole ---- */

static void form_flow(struct network *network, struct flow_state *flow, const real *parameters)
{
    represent(network, flow, parameters);
    if (has_views(network))
        form_queries(network, flow, parameters);
}

/* Whether it is worth a thread for each flow. */
static bool flows_together(const struct network *network)
{
    int64_t rows = network->batch->n_clips * views_of(network) * N_MODALITIES;
    return network->n_flows > 1 && rows * network->config.d * network->config.o >= PARALLEL_WORK;
}

typedef void flow_function(struct network *network, struct flow_state *flow,
                           const real *parameters);

/* Flows share no memory between the attentions, and their layers over clips are too small for
 * several threads: a thread takes a flow. Otherwise there is no parallel region at all: inside one
 * of a single thread, OpenMP makes new threads for every product. */
static void for_each_flow(struct network *network, flow_function *visit, const real *parameters)
{
    if (!flows_together(network)) {
        for (int f = 0; f < network->n_flows; f++)
            visit(network, &network->flows[f], parameters);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int f = 0; f < network->n_flows; f++)
        visit(network, &network->flows[f], parameters);
}

void forward_all(struct network *network, const real *parameters,
                 const struct standardisation *standardisation)
{
    if (network_is_closed_form(&network->config)) {
        forward_closed_form(network, parameters, standardisation);
        return;
    }
    project_streams(network, parameters, standardisation);
    if (network_has_transformers(&network->config))
        transform_all(network, parameters);
    for (int u = 0; u < network->n_uses; u++)
        pool(network, &network->uses[u], parameters);
    for_each_flow(network, form_flow, parameters);
    for (int u = 0; u < network->n_uses && has_views(network); u++)
        ask(network, &network->uses[u], parameters);
    for_each_flow(network, score_flow, parameters);
}
