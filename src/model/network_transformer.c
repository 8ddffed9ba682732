/* Cross-modal transformers: each modality's rows read those of the two others, before they are
 * pooled. Blocks keep what came in and what attention answered, the dearest part; all else of a
 * block is computed again on the way back, so that memory grows little with the number of blocks.
 *
 *   a = x + out(attention(query(norm(x)), key(norm(s)), value(norm(s))))
 *   y = a + hidden(norm(a)),  hidden(z) = W2 relu(W1 z)
 *
 * x: the rows of a modality, s: those of the other one, projected and with their positions, the
 * same for all blocks. Dropout falls on both sums' second terms and on the hidden layer. A clip
 * without rows of the other modality gets the attention's 0.
 *
 * Source: Tsai et al., Multimodal Transformer for Unaligned Multimodal Language Sequences, ACL
 * 2019; attention pooling takes the place of its transformers over the joined rows. */
#include <math.h>
#include <string.h>

#include "kernels/layer_norm.h"
#include "kernels/vector.h"
#include "model/network_private.h"

enum { SITE_ATTENTION, SITE_HIDDEN, SITE_OUT };

/* One block, with the two sequences that it works on. */
struct block {
    struct network *network;
    const struct transformer_layers *layers;
    const real *parameters;
    const struct ragged *rows;  /* of x */
    const struct ragged *other; /* of s */
    const real *x, *s;
    real *answer, *log_sums; /* of the attention: (rows, d), (rows, heads) */
    uint32_t site;
};

static uint32_t site_of_block(const struct flow_state *flow, int modality, int k, int layer)
{
    uint32_t pair = (uint32_t)(modality * N_OTHERS + k);
    uint32_t block = (flow->missing * N_MODALITIES * N_OTHERS + pair) * VALENCE_MAX_LAYERS;
    return SITES_PER_FLOW * (VALENCE_ALL_MODALITIES + 1) + (block + (uint32_t)layer) * 4;
}

static struct layer_norm norm_of(const struct block *block, struct norm_place place)
{
    return (struct layer_norm){block->parameters + place.gain, block->parameters + place.bias,
                               block->network->config.d};
}

static void linear(const struct block *block, struct layer layer, int64_t n, const real *x, real *y)
{
    linear_forward(layer_of(block->network, layer, block->parameters), n, x, layer.in, y,
                   layer.out);
}

static void drop(const struct block *block, int site, int64_t width, real *x)
{
    dropout_sequences(&block->network->dropout, block->site + (uint32_t)site, block->rows,
                      block->network->batch->keys, width, x);
}

static struct sequence_attention attention_of(const struct block *block)
{
    struct transformer_state *state = &block->network->transformer;
    return (struct sequence_attention){.asking = block->rows,
                                       .answering = block->other,
                                       .d = block->network->config.d,
                                       .n_heads = block->network->config.n_heads,
                                       .q = state->q,
                                       .k = state->k,
                                       .v = state->v,
                                       .y = block->answer,
                                       .log_sums = block->log_sums};
}

/* ---- Forward ---- */

/* Fills the network's transformer state; `y`, which may be x, is NULL on the way back, where the
 * attention's answer is there already. */
static void block_forward(const struct block *block, real *y)
{
    struct transformer_state *state = &block->network->transformer;
    const struct transformer_layers *layers = block->layers;
    int64_t d = block->network->config.d, n = block->rows->n_rows, n_other = block->other->n_rows;
    layer_norm_forward(norm_of(block, layers->norm[0]), n, block->x, d, state->normed, d);
    layer_norm_forward(norm_of(block, layers->norm[0]), n_other, block->s, d, state->other, d);
    linear(block, layers->query, n, state->normed, state->q);
    linear(block, layers->key, n_other, state->other, state->k);
    linear(block, layers->value, n_other, state->other, state->v);
    if (y) {
        struct sequence_attention attention = attention_of(block);
        sequence_attention_forward(&attention, &block->network->sequence_scratch);
    }
    linear(block, layers->out, n, block->answer, state->middle);
    drop(block, SITE_ATTENTION, d, state->middle);
    vector_add_scaled(n * d, 1, block->x, state->middle);
    layer_norm_forward(norm_of(block, layers->norm[1]), n, state->middle, d, state->hidden_in, d);
    linear(block, layers->hidden[0], n, state->hidden_in, state->hidden);
    relu_forward(n, 4 * d, state->hidden, 4 * d);
    drop(block, SITE_HIDDEN, 4 * d, state->hidden);
    if (!y)
        return;
    linear(block, layers->hidden[1], n, state->hidden, y);
    drop(block, SITE_OUT, d, y);
    vector_add_scaled(n * d, 1, state->middle, y);
}

static struct block block_of(struct network *network, const struct attention_use *use, int k,
                             int layer, const real *parameters)
{
    const struct flow_state *flow = &network->flows[use->flows[0]];
    int m = use->modality, other = network_other_modality(m, k);
    int s = stream_index(network->uses[flow->use[other]].stream);
    return (struct block){.network = network,
                          .layers = &network->layout.transformer[m][k][layer],
                          .parameters = parameters,
                          .rows = use->pool.sequence,
                          .other = &network->sequences[s],
                          .x = use->inputs[k][layer],
                          .s = network->x[s],
                          .answer = use->answers[k][layer],
                          .log_sums = use->log_sums[k][layer],
                          .site = site_of_block(flow, m, k, layer)};
}

void transform_forward(struct network *network, struct attention_use *use, const real *parameters)
{
    int64_t d = network->config.d, n = use->pool.sequence->n_rows;
    int n_layers = (int)network->config.n_layers;
    for (int k = 0; k < N_OTHERS && n > 0; k++) {
        memcpy(use->inputs[k][0], network->x[stream_index(use->stream)],
               (size_t)(n * d) * sizeof(real));
        for (int layer = 0; layer < n_layers; layer++) {
            struct block block = block_of(network, use, k, layer, parameters);
            block_forward(&block, use->inputs[k][layer + 1]);
        }
        struct block last = block_of(network, use, k, 0, parameters);
        layer_norm_forward(norm_of(&last, network->layout.last_norm[use->modality][k]), n,
                           use->inputs[k][n_layers], d, use->context + k * d, N_OTHERS * d);
    }
}

/* sin and cos of the row's number in its clip, at wavelengths from 2 pi to 10000 times that. */
static void add_position(int64_t number, int64_t d, real *x)
{
    for (int64_t j = 0; j < d; j += 2) {
        double angle = (double)number / pow(10000, (double)j / (double)d);
        x[j] += (real)sin(angle);
        x[j + 1] += (real)cos(angle);
    }
}

void transform_positions(struct network *network)
{
    int64_t d = network->config.d;
    for (int s = 0; s < N_STREAMS; s++) {
        const struct ragged *sequence = &network->sequences[s];
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < sequence->n_segments; i++) {
            struct segment segment = sequence->segments[i];
            for (int64_t row = segment.first; row < segment.first + segment.n; row++)
                add_position(row - sequence->offsets[segment.clip], d, network->x[s] + row * d);
        }
    }
}

/* ---- Backward ---- */

static void linear_back(const struct block *block, struct layer layer, real *gradients, int64_t n,
                        const real *x, const real *dy, real *dx)
{
    linear_backward(layer_of(block->network, layer, block->parameters),
                    gradient_of(layer, gradients), n, x, layer.in, dy, layer.out, dx, layer.in);
}

static void norm_back(const struct block *block, struct norm_place place, real *gradients,
                      int64_t n, const real *x, const real *dy, int64_t dy_stride, real *dx)
{
    int64_t d = block->network->config.d;
    layer_norm_backward(norm_of(block, place), n, x, d, dy, dy_stride, gradients + place.gain,
                        gradients + place.bias, dx, d);
}

/* A sum's second term has the gradient of the sum, less what dropout took. */
static void begin_term(const struct block *block, int site, const real *dy, real *term)
{
    int64_t d = block->network->config.d;
    memcpy(term, dy, (size_t)(block->rows->n_rows * d) * sizeof *term);
    drop(block, site, d, term);
}

/* Through the hidden layers: dy, of the block's output, becomes that of its middle. */
static void hidden_backward(const struct block *block, real *gradients, real *dy)
{
    struct transformer_state *state = &block->network->transformer;
    const struct transformer_layers *layers = block->layers;
    int64_t d = block->network->config.d, n = block->rows->n_rows;
    begin_term(block, SITE_OUT, dy, state->dterm);
    vector_clear(n * 4 * d, state->dhidden);
    linear_back(block, layers->hidden[1], gradients, n, state->hidden, state->dterm,
                state->dhidden);
    relu_backward(n, 4 * d, state->hidden, 4 * d, block->network->dropout.scale, state->dhidden,
                  4 * d);
    vector_clear(n * d, state->dnormed);
    linear_back(block, layers->hidden[0], gradients, n, state->hidden_in, state->dhidden,
                state->dnormed);
    norm_back(block, layers->norm[1], gradients, n, state->middle, state->dnormed, d, dy);
}

/* Through the attention: dy, of the middle, becomes dx; adds to ds. */
static void attention_back(const struct block *block, real *gradients, real *dy, real *ds)
{
    struct transformer_state *state = &block->network->transformer;
    const struct transformer_layers *layers = block->layers;
    int64_t d = block->network->config.d, n = block->rows->n_rows, n_other = block->other->n_rows;
    struct sequence_attention attention = attention_of(block);
    begin_term(block, SITE_ATTENTION, dy, state->dterm);
    vector_clear(n * d, state->danswer);
    linear_back(block, layers->out, gradients, n, block->answer, state->dterm, state->danswer);
    sequence_attention_backward(&attention, &block->network->sequence_scratch, state->danswer,
                                state->dq, state->dk, state->dv);
    vector_clear(n * d, state->dnormed);
    vector_clear(n_other * d, state->dother);
    linear_back(block, layers->query, gradients, n, state->normed, state->dq, state->dnormed);
    linear_back(block, layers->key, gradients, n_other, state->other, state->dk, state->dother);
    linear_back(block, layers->value, gradients, n_other, state->other, state->dv, state->dother);
    norm_back(block, layers->norm[0], gradients, n, block->x, state->dnormed, d, dy);
    norm_back(block, layers->norm[0], gradients, n_other, block->s, state->dother, d, ds);
}

void transform_backward(struct network *network, const struct attention_use *use,
                        const real *parameters, real *gradients)
{
    int64_t d = network->config.d, n = use->pool.sequence->n_rows;
    real *dy = network->transformer.dy;
    int n_layers = (int)network->config.n_layers;
    for (int k = 0; k < N_OTHERS && n > 0; k++) {
        struct block block = block_of(network, use, k, 0, parameters);
        int other = stream_index(
            network
                ->uses[network->flows[use->flows[0]].use[network_other_modality(use->modality, k)]]
                .stream);
        vector_clear(n * d, dy);
        norm_back(&block, network->layout.last_norm[use->modality][k], gradients, n,
                  use->inputs[k][n_layers], network->transformer.dcontext + k * d, N_OTHERS * d,
                  dy);
        for (int layer = n_layers - 1; layer >= 0; layer--) {
            block = block_of(network, use, k, layer, parameters);
            block_forward(&block, NULL);
            hidden_backward(&block, gradients, dy);
            attention_back(&block, gradients, dy, network->dx[other]);
        }
        vector_add_scaled(n * d, 1, dy, network->dx[stream_index(use->stream)]);
    }
}

/* ---- Memory ---- */

static real *take(struct network *network, int64_t n)
{
    return arena_take(&network->arena, n, sizeof(real));
}

void transform_lay_out_use(struct network *network, struct attention_use *use,
                           const struct ragged *sequence)
{
    int64_t n = sequence->n_rows, d = network->config.d;
    use->context = take(network, n * N_OTHERS * d);
    int n_layers = (int)network->config.n_layers;
    for (int k = 0; k < N_OTHERS; k++)
        for (int i = 0; i <= n_layers; i++) {
            bool own = network->training || i == 0; /* scoring keeps none of them */
            use->inputs[k][i] = own ? take(network, n * d) : use->inputs[k][0];
            if (i == n_layers)
                break;
            use->answers[k][i] = own ? take(network, n * d) : use->answers[k][0];
            use->log_sums[k][i] =
                own ? take(network, n * network->config.n_heads) : use->log_sums[k][0];
        }
}

void transform_lay_out(struct network *network)
{
    struct transformer_state *state = &network->transformer;
    int64_t d = network->config.d, n = 0;
    for (int s = 0; s < N_STREAMS; s++)
        n = network->sequences[s].n_rows > n ? network->sequences[s].n_rows : n;
    real **const rows[] = {&state->normed, &state->other,   &state->q,         &state->k,
                           &state->v,      &state->middle,  &state->hidden_in, &state->dy,
                           &state->dterm,  &state->dnormed, &state->dother,    &state->dq,
                           &state->dk,     &state->dv,      &state->danswer};
    enum { N_FORWARD = 7, N_ALL = sizeof rows / sizeof rows[0] };
    for (int i = 0; i < (network->training ? N_ALL : N_FORWARD); i++)
        *rows[i] = take(network, n * d);
    state->hidden = take(network, n * 4 * d);
    sequence_attention_scratch_make(&network->sequence_scratch, &network->arena);
    if (!network->training)
        return;
    state->dhidden = take(network, n * 4 * d);
    state->dcontext = take(network, n * N_OTHERS * d);
}
