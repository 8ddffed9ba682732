/* The network's memory: laid out for a batch by the same code that measures it. */
#include <string.h>

#include "base/threads.h"
#include "kernels/rank_n_contrast.h"
#include "model/network_private.h"

static real *take(struct network *network, int64_t n)
{
    return arena_take(&network->arena, n, sizeof(real));
}

/* Groups the flows' readings of each modality into uses of its attentions. What transformers make
 * of a modality's rows depends on all that the flow reads. */
static void find_uses(struct network *network)
{
    bool alone = network->training || network_has_transformers(&network->config);
    network->n_uses = 0;
    for (int m = 0; m < N_MODALITIES; m++)
        for (int f = 0; f < network->n_flows; f++) {
            int stream = network_stream_read(network->flows[f].missing, m), u = 0;
            while (u < network->n_uses &&
                   (alone || network->uses[u].modality != m || network->uses[u].stream != stream))
                u++;
            struct attention_use *use = &network->uses[u];
            if (u == network->n_uses) {
                *use = (struct attention_use){.modality = m, .stream = stream};
                network->n_uses++;
            }
            network->flows[f].use[m] = u;
            network->flows[f].slot[m] = use->n_flows;
            use->flows[use->n_flows++] = f;
        }
}

/* Of rows x, (rows, d). */
static void lay_out_attention(struct network *network, struct attention *attention,
                              const struct ragged *sequence, int64_t d, const real *x,
                              int n_queries, bool shared_query)
{
    *attention = (struct attention){.sequence = sequence,
                                    .x = x,
                                    .n_queries = n_queries,
                                    .query_stride = shared_query ? 0 : n_queries * d,
                                    .dropout = network->attention_dropout,
                                    .clip_keys = network->batch ? network->batch->keys : NULL};
    attention->output = take(network, sequence->n_clips * n_queries * d);
    attention->weights = take(network, n_queries * sequence->n_rows);
    if (network->training) {
        attention->keys = take(network, sequence->n_rows * d);
        attention->masks = arena_take(&network->arena, sequence->n_rows * dropout_words(d),
                                      sizeof *attention->masks);
    }
}

static void lay_out_use(struct network *network, struct attention_use *use, int64_t n_clips)
{
    int64_t d = network->config.d;
    int n_queries = use->n_flows * views_of(network);
    int s = stream_index(use->stream);
    int64_t pool_width = network_pool_width(&network->config);
    const struct ragged *sequence = &network->sequences[s];
    const real *rows = network->x[s];
    if (network_has_transformers(&network->config)) {
        transform_lay_out_use(network, use, sequence);
        rows = use->context;
    }
    lay_out_attention(network, &use->pool, sequence, pool_width, rows, 1, true);
    lay_out_attention(network, &use->cross, sequence, d, network->x[s], n_queries, false);
    use->pooled = take(network, n_clips * pool_width);
    use->asked = take(network, n_clips * n_queries * d);
    use->gathered = take(network, n_clips * n_queries * d);
    use->cross.queries = use->asked;
}

/* A flow's queries and answers lie in the use's memory where it is the only one there. */
static void lay_out_readings(struct network *network, struct flow_state *flow, int64_t n_clips)
{
    int64_t d = network->config.d, n_views = views_of(network);
    for (int m = 0; m < N_MODALITIES; m++) {
        struct attention_use *use = &network->uses[flow->use[m]];
        bool alone = use->n_flows == 1;
        flow->asked[m] = alone ? use->asked : take(network, n_clips * n_views * d);
        flow->gathered[m] = alone ? use->gathered : take(network, n_clips * n_views * d);
        flow->weights_of_cross[m] =
            alone ? use->cross.weights : take(network, n_views * use->cross.sequence->n_rows);
    }
}

static void lay_out_imagination(struct network *network, struct imagination_state *state,
                                int64_t rows, int64_t width)
{
    state->transition[0] = take(network, rows * width);
    state->transition[1] = take(network, rows * width);
    state->encoded = take(network, rows * width / 2);
}

static void lay_out_flow(struct network *network, struct flow_state *flow, int64_t n_clips)
{
    int64_t d = network->config.d, o = network->config.o;
    int64_t n_views = n_clips * views_of(network);
    lay_out_readings(network, flow, n_clips);
    for (int m = 0; m < N_MODALITIES; m++) {
        flow->hidden[m] = take(network, n_clips * d);
        flow->cross_hidden[m] = take(network, n_views * 2 * o);
        if (!imagines(network, flow, m))
            continue;
        lay_out_imagination(network, &flow->imagined[m], n_clips, d);
        lay_out_imagination(network, &flow->imagined_cross[m], n_views, o);
    }
    bool imagined = imagines_any(network, flow);
    flow->seen = take(network, n_clips * N_MODALITIES * d);
    flow->representations = imagined ? take(network, n_clips * N_MODALITIES * d) : flow->seen;
    flow->seen_cross = take(network, n_views * N_MODALITIES * o);
    flow->cross = imagined ? take(network, n_views * N_MODALITIES * o) : flow->seen_cross;
    flow->weight_hidden[0] = take(network, n_clips * d);
    flow->weight_hidden[1] = take(network, n_clips * d);
    flow->modality_weights = take(network, n_clips * N_MODALITIES);
    flow->views = take(network, n_views * d);
    flow->queries = take(network, n_views * d);
    flow->mixed = take(network, n_views * o);
    flow->view_hidden[0] = take(network, n_clips * 2 * o);
    flow->view_hidden[1] = take(network, n_clips * o);
    flow->view_weights = take(network, n_views);
    flow->feature = take(network, n_clips * o);
    flow->score = flow->outputs = take(network, n_clips);
    if (network->config.n_classes) {
        flow->outputs = take(network, n_clips * network->config.n_classes);
        flow->probabilities = take(network, n_clips * network->config.n_classes);
    }
    flow->modality_outputs =
        take(network, n_clips * N_MODALITIES * network_n_outputs(&network->config));
    flow->contrast_hidden = take(network, n_clips * o / 2);
    flow->contrast = take(network, n_clips * o / 2);
    if (!network->training)
        return;
    flow->dscore = flow->doutputs = take(network, n_clips);
    if (network->config.n_classes)
        flow->doutputs = take(network, n_clips * network->config.n_classes);
    flow->dmodality_outputs =
        take(network, n_clips * N_MODALITIES * network_n_outputs(&network->config));
    flow->dfeature = take(network, n_clips * o);
    flow->dcontrast = take(network, n_clips * o / 2);
    flow->dqueries = take(network, n_views * d);
    flow->dcompared =
        compares_representations(network) ? take(network, n_clips * N_MODALITIES * d) : NULL;
    flow->dcross = take(network, n_views * N_MODALITIES * o);
}

static void lay_out_backward(struct network *network, int64_t n_clips)
{
    struct backward_state *b = &network->backward;
    int64_t d = network->config.d, o = network->config.o;
    int64_t n_views = n_clips * views_of(network);
    int64_t imagined = n_clips * d > n_views * o ? n_clips * d : n_views * o;
    b->dmodality_weights = take(network, n_clips * N_MODALITIES);
    b->drepresentations = take(network, n_clips * N_MODALITIES * d);
    b->dseen = take(network, n_clips * N_MODALITIES * d);
    b->dhidden = take(network, n_clips * d);
    b->dpooled = take(network, n_clips * network_pool_width(&network->config));
    b->dweight_hidden[0] = take(network, n_clips * d);
    b->dweight_hidden[1] = take(network, n_clips * d);
    b->dviews = take(network, n_views * d);
    b->dasked = take(network, n_views * d);
    b->dgathered = take(network, n_views * d);
    b->dcross_hidden = take(network, n_views * 2 * o);
    b->dseen_cross = take(network, n_views * N_MODALITIES * o);
    b->dmixed = take(network, n_views * o);
    b->dview_hidden[0] = take(network, n_clips * 2 * o);
    b->dview_hidden[1] = take(network, n_clips * o);
    b->dview_weights = take(network, n_views);
    b->dcontrast_hidden = take(network, n_clips * o / 2);
    for (int i = 0; i < 3; i++)
        b->dimagined[i] = take(network, imagined);
}

static int64_t stream_width(const struct network *network, int stream)
{
    return network->config.widths[valence_stream_modality(stream)];
}

static void lay_out_sequences(struct network *network, const struct extent *extent)
{
    int64_t d = network->config.d;
    bool measuring = !network->arena.block;
    bool linear = network->config.fusion == VALENCE_FUSION_LINEAR;
    int64_t *nothing =
        arena_take(&network->arena, extent->n_clips + 1, sizeof *nothing); /* offsets of nothing */
    if (!measuring)
        memset(nothing, 0, (size_t)(extent->n_clips + 1) * sizeof *nothing);
    for (int s = 0; s <= N_STREAMS; s++) {
        int64_t n_rows = s < N_STREAMS ? extent->n_rows[s] : 0;
        const int64_t *offsets = n_rows > 0 ? extent->offsets[s] : nothing;
        ragged_make(&network->sequences[s], extent->n_clips, n_rows, offsets, &network->arena);
        network->x[s] = take(network, n_rows * d);
        network->dx[s] = network->training ? take(network, n_rows * d) : NULL;
        network->mean_rows[s] =
            linear && n_rows ? take(network, extent->n_clips * stream_width(network, s)) : NULL;
    }
}

void memory_lay_out(struct network *network, const struct extent *extent)
{
    int64_t max_width = 0, max_segments = 0, max_queries = 1;
    network->arena.used = 0;
    lay_out_sequences(network, extent);
    find_uses(network);
    for (int u = 0; u < network->n_uses; u++) {
        struct attention_use *use = &network->uses[u];
        lay_out_use(network, use, extent->n_clips);
        int64_t segments = use->cross.sequence->n_segments;
        max_segments = segments > max_segments ? segments : max_segments;
        max_queries = use->cross.n_queries > max_queries ? use->cross.n_queries : max_queries;
    }
    for (int f = 0; f < network->n_flows; f++)
        lay_out_flow(network, &network->flows[f], extent->n_clips);
    for (int m = 0; m < N_MODALITIES; m++)
        if (network->config.widths[m] > max_width)
            max_width = network->config.widths[m];
    projection_scratch_make(&network->projection_scratch, network->config.d, max_width,
                            network->training, &network->arena);
    attention_scratch_make(&network->attention_scratch, network_pool_width(&network->config),
                           max_queries, max_segments, &network->arena);
    if (network_has_transformers(&network->config))
        transform_lay_out(network);
    if (network->training) {
        lay_out_backward(network, extent->n_clips);
        network->contrast_scratch =
            arena_take(&network->arena, (int64_t)rank_n_contrast_scratch_bytes(extent->n_clips), 1);
    }
}

int memory_reserve(struct network *network, const struct extent *extent, const unsigned *flows,
                   int n_flows, bool training, struct valence_error *error)
{
    struct arena kept = network->arena;
    threads_prepare();
    network->training = training;
    network->precision = training ? network->training_precision : PRECISION_F32;
    network->n_flows = n_flows;
    for (int f = 0; f < n_flows; f++)
        network->flows[f] = (struct flow_state){.missing = flows[f]};
    arena_measure(&network->arena);
    memory_lay_out(network, extent);
    size_t needed = network->arena.peak;
    network->arena = kept;
    if (needed <= kept.capacity)
        return VALENCE_OK;
    arena_free(&network->arena);
    int status = arena_create(&network->arena, needed, "the activations of a batch", error);
    return status ? status : threads_check_room(error);
}
