/* The network's memory: laid out for a batch by the same code that measures it. */
#include "model/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/threads.h"
#include "kernels/bf16_product.h"
#include "kernels/rank_n_contrast.h"
#include "model/network_private.h"
#include "model/operations.h"

/* ---- Layout ---- */

/* What a batch needs: from the batch itself, or a bound to measure for. */
struct extent {
    int64_t n_clips;
    int64_t n_rows[N_STREAMS];
    const int64_t *offsets[N_STREAMS]; /* NULL while measuring */
};

static real *take(struct network *network, int64_t n)
{
    return arena_take(&network->arena, n, sizeof(real));
}

int network_stream_read(unsigned missing, int modality)
{
    if (!(missing & VALENCE_BIT(modality)))
        return modality;
    return modality == VALENCE_TEXT ? VALENCE_STREAM_SIMULATED_TEXT : -1;
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

/* Lays out everything for the flows in network->flows[].missing. */
static void lay_out(struct network *network, const struct extent *extent)
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

/* Makes the arena large enough for an extent; a larger one stays. */
static int reserve(struct network *network, const struct extent *extent, const unsigned *flows,
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
    lay_out(network, extent);
    size_t needed = network->arena.peak;
    network->arena = kept;
    if (needed <= kept.capacity)
        return VALENCE_OK;
    arena_free(&network->arena);
    int status = arena_create(&network->arena, needed, "the activations of a batch", error);
    return status ? status : threads_check_room(error);
}

static double pass_work(const struct network *network, const double *n_rows, bool training)
{
    const struct valence_model_config *config = &network->config;
    double parts[VALENCE_N_COST_PARTS], sum = 0;
    network_operations(config, 1, n_rows, config->flows, config->n_flows, training, parts);
    for (int part = 0; part < VALENCE_N_COST_PARTS; part++)
        sum += parts[part] / 2;
    return sum;
}

static void measure_rows(struct network *network)
{
    for (int training = 0; training < 2; training++) {
        double none = pass_work(network, (const double[N_STREAMS]){0}, training);
        for (int s = 0; s < N_STREAMS; s++) {
            double n_rows[N_STREAMS] = {0};
            n_rows[s] = 1;
            network->row_work[training][s] = pass_work(network, n_rows, training) - none;
        }
    }
}

int network_create(const struct valence_model_config *config, struct network **network,
                   struct valence_error *error)
{
    *network = NULL;
    int status = valence_model_config_check(config, error);
    if (status)
        return status;
    struct network *made = calloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "the network");
    made->config = *config;
    network_layout_make(config, &made->layout, NULL);
    measure_rows(made);
    *network = made;
    return VALENCE_OK;
}

void network_free(struct network *network)
{
    if (network)
        arena_free(&network->arena);
    free(network);
}

int network_check_precision(enum precision precision, struct valence_error *error)
{
    if (precision == PRECISION_F32 || bf16_units() != BF16_NONE)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_CONFIG, "precision",
                    "precision: bf16 needs a processor with AMX or AVX-512 BF16, and this one has "
                    "neither; use f32");
}

void network_set_precision(struct network *network, enum precision precision)
{
    network->training_precision = precision;
}

int network_reserve(struct network *network, int64_t n_clips, const int64_t n_rows[N_STREAMS],
                    const unsigned *flows, int n_flows, bool training, struct valence_error *error)
{
    struct extent extent = {.n_clips = n_clips};
    memcpy(extent.n_rows, n_rows, sizeof extent.n_rows);
    network->batch = NULL;
    return reserve(network, &extent, flows, n_flows, training, error);
}

/* ---- Passes ---- */

/* Multiply-adds with a batch's rows that one thread does in some 8 ms. Clips alone are no reason
 * for more threads: their products are too small to be shared (kernels/parallel.h). */
#define SHARED_WORK 5e8

int network_threads(const struct network *network, const struct valence_batch *batch, bool training)
{
    double work = 0;
    for (int s = 0; s < N_STREAMS; s++)
        if (batch->streams[s].width)
            work +=
                network->row_work[training][s] * (double)batch->streams[s].offsets[batch->n_clips];
    return work < SHARED_WORK ? 1 : threads_count();
}

/* The calling thread alone from here on, if that is enough for the batch; for leave(). */
static int enter(const struct network *network, const struct valence_batch *batch, bool training)
{
    bool alone = network_threads(network, batch, training) < threads_count();
    return alone ? threads_enter(1) : 0;
}

static void leave(int before)
{
    if (before)
        threads_leave(before);
}

static struct extent extent_of(const struct valence_batch *batch)
{
    struct extent extent = {.n_clips = batch->n_clips};
    for (int s = 0; s < N_STREAMS; s++)
        if (batch->streams[s].width) {
            extent.n_rows[s] = batch->streams[s].offsets[batch->n_clips];
            extent.offsets[s] = batch->streams[s].offsets;
        }
    return extent;
}

/* Reserves and lays out for a batch that was checked and its flows. */
static int begin(struct network *network, const struct valence_batch *batch, const unsigned *flows,
                 int n_flows, bool training, uint64_t dropout_key, struct valence_error *error)
{
    struct extent extent = extent_of(batch);
    network->batch = batch;
    network->dropout = dropout_make(network->config.dropout, dropout_key);
    network->attention_dropout = dropout_make(network->config.attention_dropout, dropout_key);
    int status = reserve(network, &extent, flows, n_flows, training, error);
    if (!status)
        lay_out(network, &extent);
    return status;
}

/* Says where a batch holds a value that is not finite: looked for only once a result is not. */
int network_fail_not_finite(const struct valence_batch *batch, struct valence_error *error)
{
    for (int64_t clip = 0; clip < batch->n_clips; clip++) {
        int status = network_check_finite(batch, clip, error);
        if (status)
            return status;
    }
    return fail(error, VALENCE_ERROR_DATA,
                "the network's output is not finite although its input is: its parameters are not "
                "usable");
}

int network_part_forward(struct network *network, const real *parameters,
                         const struct standardisation *standardisation,
                         const struct valence_batch *batch, int64_t n_whole, const unsigned *flows,
                         int n_flows, const struct loss_weights *weights, uint64_t dropout_key,
                         struct loss_sums *sums, struct valence_error *error)
{
    if (network_is_closed_form(&network->config))
        return fail(error, VALENCE_ERROR_ARGUMENT, "model.fusion: %s is not trained by gradients",
                    valence_fusion_names[network->config.fusion]);
    int status = network_check_batch(&network->config, batch, error);
    if (status)
        return status;
    int before = enter(network, batch, true);
    status = begin(network, batch, flows, n_flows, true, dropout_key, error);
    if (!status) {
        network->n_whole = n_whole;
        forward_all(network, parameters, standardisation);
        losses_begin(network, weights, sums);
    }
    leave(before);
    return status;
}

const real *network_part_features(const struct network *network, int flow)
{
    return network->flows[flow].contrast;
}

real *network_part_feature_gradients(struct network *network, int flow)
{
    return network->flows[flow].dcontrast;
}

void network_part_backward(struct network *network, const real *parameters,
                           const struct loss_weights *weights, const struct loss_sums *whole,
                           real *gradients)
{
    int before = enter(network, network->batch, true);
    losses_backward(network, weights, whole);
    backward_flows(network, parameters, gradients);
    leave(before);
}

void network_part_project_backward(struct network *network, const real *parameters,
                                   const struct standardisation *standardisation, real *gradients)
{
    int before = enter(network, network->batch, true);
    backward_projections(network, parameters, standardisation, gradients);
    leave(before);
}

int64_t network_n_projection_values(const struct network *network)
{
    const struct layer *last = &network->layout.project[VALENCE_N_MODALITIES - 1];
    return last->bias + last->out;
}

int network_gradients(struct network *network, const real *parameters,
                      const struct standardisation *standardisation,
                      const struct valence_batch *batch, const unsigned *flows, int n_flows,
                      const struct loss_weights *weights, uint64_t dropout_key, real *gradients,
                      struct loss_terms *terms, struct valence_error *error)
{
    const real *features[MAX_FLOWS];
    real *dfeatures[MAX_FLOWS];
    struct loss_sums sums;
    int status = network_part_forward(network, parameters, standardisation, batch,
                                      batch ? batch->n_clips : 0, flows, n_flows, weights,
                                      dropout_key, &sums, error);
    if (status)
        return status;
    for (int f = 0; f < n_flows; f++) {
        features[f] = network_part_features(network, f);
        dfeatures[f] = network_part_feature_gradients(network, f);
    }
    double rnc = losses_contrast(batch->n_clips, network->config.o / 2, n_flows, batch->labels,
                                 weights->rnc, features, dfeatures, network->contrast_scratch);
    loss_terms_make(&network->config, flows, n_flows, batch->n_clips, weights, &sums, rnc, terms);
    if (!isfinite(terms->total))
        return network_fail_not_finite(batch, error);
    network_part_backward(network, parameters, weights, &sums, gradients);
    network_part_project_backward(network, parameters, standardisation, gradients);
    return VALENCE_OK;
}

static void give_outputs(const struct network *network, struct flow_output *outputs)
{
    for (int f = 0; f < network->n_flows; f++) {
        const struct flow_state *flow = &network->flows[f];
        outputs[f] =
            (struct flow_output){.score = flow->score,
                                 .outputs = network->config.n_classes ? flow->outputs : NULL,
                                 .probabilities = flow->probabilities,
                                 .feature = flow->feature,
                                 .rnc_feature = flow->contrast,
                                 .modality_weights = flow->modality_weights,
                                 .view_weights = flow->view_weights,
                                 .queries = flow->queries,
                                 .cross = flow->cross,
                                 .seen_cross = flow->seen_cross,
                                 .representations = flow->representations,
                                 .seen = flow->seen};
        for (int m = 0; m < N_MODALITIES; m++) {
            outputs[f].pool_weights[m] = network->uses[flow->use[m]].pool.weights;
            outputs[f].cross_weights[m] = flow->weights_of_cross[m];
            outputs[f].mean_rows[m] =
                network->mean_rows[stream_index(network->uses[flow->use[m]].stream)];
        }
    }
}

static bool has_finite_scores(const struct network *network, int64_t clip)
{
    for (int f = 0; f < network->n_flows; f++)
        if (!isfinite(network->flows[f].score[clip]))
            return false;
    return true;
}

int network_forward_each(struct network *network, const real *parameters,
                         const struct standardisation *standardisation,
                         const struct valence_batch *batch, const unsigned *flows, int n_flows,
                         struct flow_output *outputs, struct valence_error *error)
{
    int status = network_check_batch(&network->config, batch, error);
    if (status)
        return status;
    int before = enter(network, batch, false);
    status = begin(network, batch, flows, n_flows, false, 0, error);
    if (!status)
        forward_all(network, parameters, standardisation);
    leave(before);
    for (int64_t clip = 0; clip < batch->n_clips && !status; clip++)
        if (!has_finite_scores(network, clip))
            status = network_check_finite(batch, clip, error);
    if (!status)
        give_outputs(network, outputs);
    return status;
}

int network_forward(struct network *network, const real *parameters,
                    const struct standardisation *standardisation,
                    const struct valence_batch *batch, const unsigned *flows, int n_flows,
                    struct flow_output *outputs, struct valence_error *error)
{
    int status = network_forward_each(network, parameters, standardisation, batch, flows, n_flows,
                                      outputs, error);
    for (int64_t clip = 0; !status && clip < batch->n_clips; clip++)
        if (!has_finite_scores(network, clip))
            status = network_fail_not_finite(batch, error);
    return status;
}
