#include "model/losses.h"

#include <math.h>
#include <string.h>

#include "kernels/cross_entropy.h"
#include "kernels/distance.h"
#include "kernels/rank_n_contrast.h"
#include "model/network_private.h"

/* ---- What is compared ---- */

/* Two matrices whose distance is a term, and how many rows of them a clip has. */
struct comparison {
    struct strided x, y;
    int64_t rows_of_clip, width;
};

/* What distillation compares of a modality: its own view's query or, where that view does not ask,
 * its representation. */
static struct comparison modality_comparison(const struct network *network,
                                             const struct flow_state *flow, int m)
{
    const struct flow_state *complete = &network->flows[0];
    int64_t d = network->config.d, view = (VALENCE_VIEW_AUDIO + m) * d;
    if (compares_representations(network))
        return (struct comparison){{flow->representations + m * d, N_MODALITIES * d},
                                   {complete->representations + m * d, N_MODALITIES * d},
                                   1,
                                   d};
    return (struct comparison){
        {flow->queries + view, N_VIEWS * d}, {complete->queries + view, N_VIEWS * d}, 1, d};
}

static real *modality_gradient(const struct network *network, struct flow_state *flow, int m)
{
    int64_t d = network->config.d;
    return compares_representations(network) ? flow->dcompared + m * d
                                             : flow->dqueries + (VALENCE_VIEW_AUDIO + m) * d;
}

static struct comparison answer_comparison(const struct network *network,
                                           const struct flow_state *flow, int m)
{
    int64_t o = network->config.o, stride = N_MODALITIES * o;
    return (struct comparison){{flow->cross + m * o, stride},
                               {network->flows[0].cross + m * o, stride},
                               network_n_views(&network->config),
                               o};
}

static struct comparison feature_comparison(const struct network *network,
                                            const struct flow_state *flow)
{
    int64_t o = network->config.o;
    return (struct comparison){{flow->feature, o}, {network->flows[0].feature, o}, 1, o};
}

static double distance_of(const struct network *network, const struct comparison *c)
{
    return squared_distance(network->batch->n_clips * c->rows_of_clip, c->width, c->x, c->y);
}

/* The root of a squared distance over `elements` of each of n clips. */
static double root_of(double sum, int64_t n_clips, int64_t elements)
{
    return elements ? sqrt(sum / ((double)n_clips * (double)elements)) : 0;
}

static void distance_backward(const struct network *network, const struct comparison *c, double sum,
                              double weight, real *dx, real *dy)
{
    int64_t elements = c->rows_of_clip * c->width;
    double root = root_of(sum, network->n_whole, elements);
    root_mean_square_backward(network->batch->n_clips * c->rows_of_clip, c->width, c->x, c->y,
                              (double)network->n_whole * (double)elements, root, weight, dx, dy);
}

/* ---- The terms ---- */

/* The squared error of the score, or the cross-entropy of classes. */
static double error_of_outputs(struct network *network, struct flow_state *flow, double weight)
{
    int64_t n_clips = network->batch->n_clips;
    const float *labels = network->batch->labels;
    if (network->config.n_classes)
        return cross_entropy(n_clips, network->n_whole, network->config.n_classes, flow->outputs,
                             labels, weight, flow->doutputs);
    return mean_squared_error(n_clips, network->n_whole, flow->score, labels, weight, flow->dscore);
}

/* Of late fusion half of that and half of the modalities' own outputs', so that each of them learns
 * to stand for itself. */
static double score_error(struct network *network, struct flow_state *flow, double weight)
{
    if (!network_is_late(&network->config))
        return error_of_outputs(network, flow, weight);
    double own =
        late_own_error(network, flow, network->batch->labels, weight / 2, flow->dmodality_outputs);
    return (own + error_of_outputs(network, flow, weight / 2)) / 2;
}

static void clear_gradients(struct network *network, struct flow_state *flow)
{
    size_t n_clips = (size_t)network->batch->n_clips;
    size_t d = (size_t)network->config.d, o = (size_t)network->config.o;
    size_t n_views = (size_t)views_of(network);
    size_t n_outputs = (size_t)network_n_outputs(&network->config);
    memset(flow->doutputs, 0, n_clips * n_outputs * sizeof(real));
    memset(flow->dmodality_outputs, 0, n_clips * N_MODALITIES * n_outputs * sizeof(real));
    memset(flow->dfeature, 0, n_clips * o * sizeof(real));
    memset(flow->dcontrast, 0, n_clips * (o / 2) * sizeof(real));
    memset(flow->dqueries, 0, n_clips * n_views * d * sizeof(real));
    memset(flow->dcross, 0, n_clips * n_views * N_MODALITIES * o * sizeof(real));
    if (flow->dcompared)
        memset(flow->dcompared, 0, n_clips * N_MODALITIES * d * sizeof(real));
}

void loss_sums_add(struct loss_sums *sums, const struct loss_sums *part)
{
    sums->complete += part->complete;
    sums->missing += part->missing;
    for (int f = 0; f < MAX_FLOWS; f++) {
        for (int m = 0; m < N_MODALITIES; m++) {
            sums->rep[f][m] += part->rep[f][m];
            sums->cross[f][m] += part->cross[f][m];
        }
        sums->feature[f] += part->feature[f];
    }
}

void losses_begin(struct network *network, const struct loss_weights *weights,
                  struct loss_sums *sums)
{
    double share = network->n_flows > 1 ? 1.0 / (network->n_flows - 1) : 0;
    *sums = (struct loss_sums){0};
    for (int f = 0; f < network->n_flows; f++)
        clear_gradients(network, &network->flows[f]);
    sums->complete = score_error(network, &network->flows[0], weights->complete);
    for (int f = 1; f < network->n_flows; f++) {
        struct flow_state *flow = &network->flows[f];
        sums->missing += share * score_error(network, flow, weights->missing * share);
        for (int m = 0; m < N_MODALITIES; m++) {
            if (!(flow->missing & VALENCE_BIT(m)))
                continue;
            struct comparison modality = modality_comparison(network, flow, m);
            struct comparison answers = answer_comparison(network, flow, m);
            sums->rep[f][m] = distance_of(network, &modality);
            sums->cross[f][m] = distance_of(network, &answers);
        }
        struct comparison features = feature_comparison(network, flow);
        sums->feature[f] = distance_of(network, &features);
    }
}

/* MKD: what a flow imagined, or read in place, of its missing modalities against what the complete
 * flow has, which does not learn from it. The terms are means over the missing modalities. */
static void distil(struct network *network, int f, const struct loss_weights *weights,
                   const struct loss_sums *whole, double share)
{
    struct flow_state *flow = &network->flows[f];
    double part = share / __builtin_popcount(flow->missing);
    for (int m = 0; m < N_MODALITIES; m++) {
        if (!(flow->missing & VALENCE_BIT(m)))
            continue;
        struct comparison modality = modality_comparison(network, flow, m);
        struct comparison answers = answer_comparison(network, flow, m);
        distance_backward(network, &modality, whole->rep[f][m], weights->rep * part,
                          modality_gradient(network, flow, m), NULL);
        distance_backward(network, &answers, whole->cross[f][m], weights->cross * part,
                          flow->dcross + m * network->config.o, NULL);
    }
}

void losses_backward(struct network *network, const struct loss_weights *weights,
                     const struct loss_sums *whole)
{
    double share = network->n_flows > 1 ? 1.0 / (network->n_flows - 1) : 0;
    for (int f = 1; f < network->n_flows; f++) {
        struct flow_state *flow = &network->flows[f];
        struct comparison features = feature_comparison(network, flow);
        distil(network, f, weights, whole, share);
        distance_backward(network, &features, whole->feature[f], weights->feature * share,
                          flow->dfeature, network->flows[0].dfeature);
    }
}

double losses_contrast(int64_t n_clips, int64_t width, int n_flows, const float *labels,
                       double weight, const real *const *features, real *const *gradients,
                       void *scratch)
{
    if (weight == 0) /* sorting all pairs of clips can take longer than the network */
        return 0;
    if (n_flows == 1) /* one view of the batch is left to contrast */
        return rank_n_contrast(n_clips, width, features[0], NULL, labels, weight, gradients[0],
                               NULL, scratch);
    double share = 1.0 / (n_flows - 1), sum = 0;
    for (int f = 1; f < n_flows; f++)
        sum += share * rank_n_contrast(n_clips, width, features[0], features[f], labels,
                                       weight * share, gradients[0], gradients[f], scratch);
    return sum;
}

void loss_terms_make(const struct valence_model_config *config, const unsigned *flows, int n_flows,
                     int64_t n_clips, const struct loss_weights *weights,
                     const struct loss_sums *sums, double rnc, struct loss_terms *terms)
{
    double share = n_flows > 1 ? 1.0 / (n_flows - 1) : 0;
    int64_t answers = network_n_views(config) * config->o;
    *terms = (struct loss_terms){.complete = sums->complete, .missing = sums->missing, .rnc = rnc};
    for (int f = 1; f < n_flows; f++) {
        double part = share / __builtin_popcount(flows[f]);
        for (int m = 0; m < N_MODALITIES; m++)
            if (flows[f] & VALENCE_BIT(m)) {
                terms->rep += part * root_of(sums->rep[f][m], n_clips, config->d);
                terms->cross += part * root_of(sums->cross[f][m], n_clips, answers);
            }
        terms->feature += share * root_of(sums->feature[f], n_clips, config->o);
    }
    terms->total = weights->complete * terms->complete + weights->missing * terms->missing +
                   weights->rep * terms->rep + weights->cross * terms->cross +
                   weights->feature * terms->feature + weights->rnc * terms->rnc;
}
