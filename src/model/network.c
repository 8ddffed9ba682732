/* Networks: made, given room, and passed forward and backward. */
#include "model/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/threads.h"
#include "kernels/bf16_product.h"
#include "model/network_private.h"
#include "model/operations.h"

int network_stream_read(unsigned missing, int modality)
{
    if (!(missing & VALENCE_BIT(modality)))
        return modality;
    return modality == VALENCE_TEXT ? VALENCE_STREAM_SIMULATED_TEXT : -1;
}

/* ---- Networks ---- */

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
    return memory_reserve(network, &extent, flows, n_flows, training, error);
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
    int status = memory_reserve(network, &extent, flows, n_flows, training, error);
    if (!status)
        memory_lay_out(network, &extent);
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
