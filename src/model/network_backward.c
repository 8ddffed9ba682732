/* Backward pass: the steps of network_forward.c in reverse, flow by flow, then the projections both
 * flows share. */
#include <string.h>

#include "model/gather.h"
#include "kernels/vector.h"
#include "model/network_private.h"

/* Linear without activation. */
static void linear_step(const struct network *network, struct layer layer, const real *parameters,
                        real *gradients, int64_t rows, const real *x, int64_t x_stride,
                        const real *dy, int64_t dy_stride, real *dx, int64_t dx_stride)
{
    linear_backward(layer_of(network, layer, parameters), gradient_of(layer, gradients), rows, x,
                    x_stride, dy, dy_stride, dx, dx_stride);
}

/* Linear, ReLU, dropout: `y` is the forward's output; dy is overwritten on the way. */
static void layer_backward(const struct network *network, struct layer layer,
                           const real *parameters, real *gradients, int64_t rows, const real *x,
                           int64_t x_stride, const real *y, int64_t y_stride, real *dy,
                           int64_t dy_stride, real *dx, int64_t dx_stride)
{
    relu_backward(rows, layer.out, y, y_stride, network->dropout.scale, dy, dy_stride);
    linear_step(network, layer, parameters, gradients, rows, x, x_stride, dy, dy_stride, dx,
                dx_stride);
}

/* From d(completed) to d(seen), both (rows, 3, width); adds to the imaginations' gradients. */
static void imagine_backward(struct network *network, const struct flow_state *flow,
                             const struct imagination_layers *layers,
                             const struct imagination_state *states, int64_t rows, int64_t width,
                             const real *parameters, real *gradients, const real *seen,
                             const real *dcompleted, real *dseen)
{
    int64_t stride = N_MODALITIES * width;
    real *const *temporaries = network->backward.dimagined;
    memcpy(dseen, dcompleted, (size_t)(rows * stride) * sizeof(real));
    bool from_transition = network->config.imagination == VALENCE_IMAGINATION_TRANSITION;
    /* An imagined modality's own input matters as the residual of one variant, where its gradient
     * is now in place, and to the transition layer; it does not reach the output otherwise. */
    for (int m = 0; m < N_MODALITIES && from_transition; m++)
        for (int64_t i = 0; i < rows && imagines(network, flow, m); i++)
            vector_clear(width, dseen + i * stride + m * width);
    for (int m = 0; m < N_MODALITIES; m++) {
        if (!imagines(network, flow, m))
            continue;
        const struct imagination_state *state = &states[m];
        const real *dout = dcompleted + m * width;
        real *dhidden = temporaries[0], *dx = temporaries[1], *dencoded = temporaries[2];
        vector_clear(rows * width, dhidden);
        vector_clear(rows * width, dx);
        vector_clear(rows * width / 2, dencoded);
        linear_step(network, layers[m].decoder, parameters, gradients, rows, state->encoded,
                    width / 2, dout, stride, dencoded, width / 2);
        linear_step(network, layers[m].encoder, parameters, gradients, rows, state->transition[1],
                    width, dencoded, width / 2, dx, width);
        for (int64_t i = 0; i < rows && from_transition; i++)
            vector_add_scaled(width, 1, dout + i * stride, dx + i * width);
        linear_step(network, layers[m].transition[1], parameters, gradients, rows,
                    state->transition[0], width, dx, width, dhidden, width);
        relu_backward(rows, width, state->transition[0], width, 1, dhidden, width);
        linear_step(network, layers[m].transition[0], parameters, gradients, rows, seen, stride,
                    dhidden, width, dseen, stride);
    }
}

/* ---- From the outputs to the cross-attentions ---- */

static void read_off_backward(struct network *network, struct flow_state *flow,
                              const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    real *dhidden = network->backward.dcontrast_hidden;
    vector_clear(n_clips * o / 2, dhidden);
    linear_step(network, layout->contrast[1], parameters, gradients, n_clips, flow->contrast_hidden,
                o / 2, flow->dcontrast, o / 2, dhidden, o / 2);
    relu_backward(n_clips, o / 2, flow->contrast_hidden, o / 2, 1, dhidden, o / 2);
    linear_step(network, layout->contrast[0], parameters, gradients, n_clips, flow->feature, o,
                dhidden, o / 2, flow->dfeature, o);
    linear_step(network, layout->score, parameters, gradients, n_clips, flow->feature, o,
                flow->doutputs, network_n_outputs(&network->config), flow->dfeature, o);
}

/* From the feature to the representations, in backward.drepresentations. */
static void join_backward(struct network *network, struct flow_state *flow, const real *parameters,
                          real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    vector_clear(n_clips * 2 * o, b->dview_hidden[0]);
    layer_backward(network, layout->joined_mlp[1], parameters, gradients, n_clips,
                   flow->view_hidden[0], 2 * o, flow->feature, o, flow->dfeature, o,
                   b->dview_hidden[0], 2 * o);
    layer_backward(network, layout->joined_mlp[0], parameters, gradients, n_clips,
                   flow->representations, N_MODALITIES * d, flow->view_hidden[0], 2 * o,
                   b->dview_hidden[0], 2 * o, b->drepresentations, N_MODALITIES * d);
}

/* From the view weights to the mixed answers. */
static void weigh_views_mlp_backward(struct network *network, struct flow_state *flow,
                                     const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int n_views = views_of(network);
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    vector_clear(n_clips * o, b->dview_hidden[1]);
    linear_step(network, layout->view_weights, parameters, gradients, n_clips, flow->view_hidden[1],
                o, b->dview_weights, n_views, b->dview_hidden[1], o);
    vector_clear(n_clips * 2 * o, b->dview_hidden[0]);
    layer_backward(network, layout->view_mlp[1], parameters, gradients, n_clips,
                   flow->view_hidden[0], 2 * o, flow->view_hidden[1], o, b->dview_hidden[1], o,
                   b->dview_hidden[0], 2 * o);
    layer_backward(network, layout->view_mlp[0], parameters, gradients, n_clips, flow->mixed,
                   n_views * o, flow->view_hidden[0], 2 * o, b->dview_hidden[0], 2 * o, b->dmixed,
                   n_views * o);
}

/* Down to the cross outputs of every modality, in backward.dseen_cross. */
static void gather_backward(struct network *network, struct flow_state *flow,
                            const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int n_views = views_of(network);
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    int64_t n_cross = n_clips * n_views * N_MODALITIES * o;

    vector_clear(n_clips * n_views * o, b->dmixed);
    weigh_views_backward(n_clips, n_views, o, flow->view_weights, flow->mixed, flow->dfeature,
                         b->dview_weights, b->dmixed);
    if (network->config.view_weights == VALENCE_WEIGHTS_LEARNED)
        weigh_views_mlp_backward(network, flow, parameters, gradients);
    vector_clear(n_clips * N_MODALITIES, b->dmodality_weights);
    mix_backward(n_clips, n_views, o, flow->modality_weights, flow->cross, b->dmixed,
                 b->dmodality_weights, b->dseen_cross);
    vector_add_scaled(n_cross, 1, b->dseen_cross, flow->dcross); /* to the losses' own part */
    imagine_backward(network, flow, layout->imagine_cross, flow->imagined_cross, n_clips * n_views,
                     o, parameters, gradients, flow->seen_cross, flow->dcross, b->dseen_cross);
}

/* Through one modality's cross MLP, attention and query projection, into dx and dqueries. */
static void ask_backward(struct network *network, struct flow_state *flow, int m,
                         const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    struct attention_use *use = &network->uses[flow->use[m]];
    int n_views = views_of(network);
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    int64_t rows = n_clips * n_views;

    vector_clear(rows * 2 * o, b->dcross_hidden);
    layer_backward(network, layout->cross_mlp[m][1], parameters, gradients, rows,
                   flow->cross_hidden[m], 2 * o, flow->seen_cross + m * o, N_MODALITIES * o,
                   b->dseen_cross + m * o, N_MODALITIES * o, b->dcross_hidden, 2 * o);
    vector_clear(rows * d, b->dgathered);
    layer_backward(network, layout->cross_mlp[m][0], parameters, gradients, rows, flow->gathered[m],
                   d, flow->cross_hidden[m], 2 * o, b->dcross_hidden, 2 * o, b->dgathered, d);
    dropout_clips(&network->attention_dropout, site_of(flow, SITE_CROSS_OUTPUT + m), n_clips,
                  network->batch->keys, n_views, d, b->dgathered, d);
    vector_clear(rows * d, b->dasked);
    attention_backward(&use->cross, &network->attention_scratch, b->dgathered,
                       gradient_of(layout->cross[m].key, gradients),
                       network->dx[stream_index(use->stream)], b->dasked);
    linear_step(network, layout->cross[m].query, parameters, gradients, rows, flow->queries, d,
                b->dasked, d, flow->dqueries, d);
}

/* ---- From the queries to the sequences ---- */

static void weigh_modalities_backward(struct network *network, struct flow_state *flow,
                                      const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    vector_clear(n_clips * d, b->dweight_hidden[0]);
    vector_clear(n_clips * d, b->dweight_hidden[1]);
    linear_step(network, layout->modality_weights, parameters, gradients, n_clips,
                flow->weight_hidden[1], d, b->dmodality_weights, N_MODALITIES, b->dweight_hidden[1],
                d);
    layer_backward(network, layout->weight_mlp[1], parameters, gradients, n_clips,
                   flow->weight_hidden[0], d, flow->weight_hidden[1], d, b->dweight_hidden[1], d,
                   b->dweight_hidden[0], d);
    layer_backward(network, layout->weight_mlp[0], parameters, gradients, n_clips,
                   flow->representations, N_MODALITIES * d, flow->weight_hidden[0], d,
                   b->dweight_hidden[0], d, b->drepresentations, N_MODALITIES * d);
}

static void form_queries_backward(struct network *network, struct flow_state *flow,
                                  const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int n_views = views_of(network);
    int64_t n_clips = network->batch->n_clips, d = network->config.d;

    vector_clear(n_clips * n_views * d, b->dviews);
    for (int q = 0; q < n_views; q++)
        layer_backward(network, layout->query_mlp[q], parameters, gradients, n_clips,
                       flow->views + q * d, n_views * d, flow->queries + q * d, n_views * d,
                       flow->dqueries + q * d, n_views * d, b->dviews + q * d, n_views * d);
    views_backward(n_clips, n_views, d, flow->modality_weights, flow->representations, b->dviews,
                   b->dmodality_weights, b->drepresentations);
    if (network->config.modality_weights == VALENCE_WEIGHTS_LEARNED)
        weigh_modalities_backward(network, flow, parameters, gradients);
}

static void represent_backward(struct network *network, struct flow_state *flow, int m,
                               const real *parameters, real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    struct attention_use *use = &network->uses[flow->use[m]];
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    int64_t width = network_pool_width(&network->config);

    vector_clear(n_clips * d, b->dhidden);
    layer_backward(network, layout->modality_mlp[m][1], parameters, gradients, n_clips,
                   flow->hidden[m], d, flow->seen + m * d, N_MODALITIES * d, b->dseen + m * d,
                   N_MODALITIES * d, b->dhidden, d);
    vector_clear(n_clips * width, b->dpooled);
    layer_backward(network, layout->modality_mlp[m][0], parameters, gradients, n_clips, use->pooled,
                   width, flow->hidden[m], d, b->dhidden, d, b->dpooled, width);
    dropout_clips(&network->attention_dropout, site_of(flow, SITE_POOL_OUTPUT + m), n_clips,
                  network->batch->keys, 1, width, b->dpooled, width);
    real *dx = network->dx[stream_index(use->stream)];
    if (network_has_transformers(&network->config)) {
        dx = network->transformer.dcontext;
        vector_clear(use->pool.sequence->n_rows * width, dx);
    }
    attention_backward(&use->pool, &network->attention_scratch, b->dpooled,
                       gradient_of(layout->pool[m].key, gradients), dx,
                       gradients + layout->pool[m].context);
    if (network_has_transformers(&network->config))
        transform_backward(network, use, parameters, gradients);
}

/* What the losses say of the representations themselves. */
static void begin_representations(struct network *network, const struct flow_state *flow)
{
    int64_t n = network->batch->n_clips * N_MODALITIES * network->config.d;
    if (flow->dcompared)
        memcpy(network->backward.drepresentations, flow->dcompared, (size_t)n * sizeof(real));
    else
        vector_clear(n, network->backward.drepresentations);
}

/* From the score and the feature to the representations. */
static void score_flow_backward(struct network *network, struct flow_state *flow,
                                const real *parameters, real *gradients)
{
    if (network_is_late(&network->config)) {
        late_backward(network, flow, parameters, gradients);
        return;
    }
    read_off_backward(network, flow, parameters, gradients);
    if (concatenates(network)) {
        join_backward(network, flow, parameters, gradients);
        return;
    }
    gather_backward(network, flow, parameters, gradients);
    for (int m = 0; m < N_MODALITIES; m++)
        ask_backward(network, flow, m, parameters, gradients);
    form_queries_backward(network, flow, parameters, gradients);
}

void backward_flows(struct network *network, const real *parameters, real *gradients)
{
    int64_t d = network->config.d;
    vector_clear(network->layout.n_values, gradients);
    for (int s = 0; s < N_STREAMS; s++)
        vector_clear(network->sequences[s].n_rows * d, network->dx[s]);
    for (int f = 0; f < network->n_flows; f++) {
        struct flow_state *flow = &network->flows[f];
        begin_representations(network, flow);
        score_flow_backward(network, flow, parameters, gradients);
        imagine_backward(network, flow, network->layout.imagine, flow->imagined,
                         network->batch->n_clips, d, parameters, gradients, flow->seen,
                         network->backward.drepresentations, network->backward.dseen);
        for (int m = 0; m < N_MODALITIES; m++)
            represent_backward(network, flow, m, parameters, gradients);
    }
}

void backward_projections(struct network *network, const real *parameters,
                          const struct standardisation *standardisation, real *gradients)
{
    for (int s = 0; s < N_STREAMS; s++) {
        if (network->sequences[s].n_rows == 0)
            continue;
        enum valence_modality modality = valence_stream_modality(s);
        struct projection projection = stream_projection(network, s, parameters, standardisation);
        projection_backward(&projection, &network->projection_scratch, network->dx[s],
                            gradient_of(network->layout.project[modality], gradients));
    }
}
