#include "model/losses.h"

#include <string.h>

#include "kernels/cross_entropy.h"
#include "kernels/distance.h"
#include "kernels/rank_n_contrast.h"
#include "model/network_private.h"

/* What distillation compares of a modality: its own view's query or, where that view does not ask,
 * its representation. The distance's gradient goes to the flow. */
static double compare_modality(struct network *network, struct flow_state *flow,
                               const struct flow_state *complete, int m, double weight)
{
    int64_t n_clips = network->batch->n_clips, d = network->config.d;
    int64_t view = (VALENCE_VIEW_AUDIO + m) * d;
    if (compares_representations(network))
        return root_mean_square(
            n_clips, d, (struct strided){flow->representations + m * d, N_MODALITIES * d},
            (struct strided){complete->representations + m * d, N_MODALITIES * d}, weight,
            flow->dcompared + m * d, NULL);
    return root_mean_square(n_clips, d, (struct strided){flow->queries + view, N_VIEWS * d},
                            (struct strided){complete->queries + view, N_VIEWS * d}, weight,
                            flow->dqueries + view, NULL);
}

/* The same of the answers: all views', the fused one's alone, or none. */
static double compare_answers(struct network *network, struct flow_state *flow,
                              const struct flow_state *complete, int m, double weight)
{
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    int n_views = network_n_views(&network->config);
    if (n_views == 0)
        return 0;
    int64_t rows = n_views == N_VIEWS ? n_clips * N_VIEWS : n_clips;
    int64_t stride = n_views == N_VIEWS ? N_MODALITIES * o : N_VIEWS * N_MODALITIES * o;
    return root_mean_square(rows, o, (struct strided){flow->cross + m * o, stride},
                            (struct strided){complete->cross + m * o, stride}, weight,
                            flow->dcross + m * o, NULL);
}

/* MKD: what a flow imagined, or read in place, of its missing modalities against what the complete
 * flow has, which does not learn from it. The terms' means over the missing modalities. */
static void distil(struct network *network, struct flow_state *flow,
                   const struct flow_state *complete, double rep_weight, double cross_weight,
                   struct loss_terms *terms, double share)
{
    int n_missing = __builtin_popcount(flow->missing);
    for (int m = 0; m < N_MODALITIES; m++) {
        if (!(flow->missing & VALENCE_BIT(m)))
            continue;
        double part = share / n_missing;
        terms->rep += part * compare_modality(network, flow, complete, m, rep_weight * part);
        terms->cross += part * compare_answers(network, flow, complete, m, cross_weight * part);
    }
}

/* The squared error of the score, or the cross-entropy of classes; of late fusion half of that and
 * half of the modalities' own scores', so that each of them learns to stand for itself. */
static double score_error(struct network *network, struct flow_state *flow, double weight)
{
    int64_t n_clips = network->batch->n_clips;
    const float *labels = network->batch->labels;
    if (network->config.n_classes)
        return cross_entropy(n_clips, network->config.n_classes, flow->outputs, labels, weight,
                             flow->doutputs);
    if (!network_is_late(&network->config))
        return mean_squared_error(n_clips, flow->score, labels, weight, flow->dscore);
    double own = late_own_error(network, flow, labels, weight / 2, flow->dmodality_scores);
    return (own + mean_squared_error(n_clips, flow->score, labels, weight / 2, flow->dscore)) / 2;
}

static void clear_gradients(struct network *network, struct flow_state *flow)
{
    size_t n_clips = (size_t)network->batch->n_clips;
    size_t d = (size_t)network->config.d, o = (size_t)network->config.o;
    size_t n_outputs = (size_t)network_n_outputs(&network->config);
    memset(flow->doutputs, 0, n_clips * n_outputs * sizeof(real));
    memset(flow->dmodality_scores, 0, n_clips * N_MODALITIES * sizeof(real));
    memset(flow->dfeature, 0, n_clips * o * sizeof(real));
    memset(flow->dcontrast, 0, n_clips * (o / 2) * sizeof(real));
    memset(flow->dqueries, 0, n_clips * N_VIEWS * d * sizeof(real));
    memset(flow->dcross, 0, n_clips * N_VIEWS * N_MODALITIES * o * sizeof(real));
    if (flow->dcompared)
        memset(flow->dcompared, 0, n_clips * N_MODALITIES * d * sizeof(real));
}

void losses_all(struct network *network, const struct loss_weights *weights,
                struct loss_terms *terms)
{
    int64_t n_clips = network->batch->n_clips, o = network->config.o;
    const float *labels = network->batch->labels;
    struct flow_state *complete = &network->flows[0];
    *terms = (struct loss_terms){0};
    for (int f = 0; f < network->n_flows; f++)
        clear_gradients(network, &network->flows[f]);

    terms->complete = score_error(network, complete, weights->complete);
    if (network->n_flows == 1) /* one view of the batch is left to contrast */
        terms->rnc = rank_n_contrast(n_clips, o / 2, complete->contrast, NULL, labels, weights->rnc,
                                     complete->dcontrast, NULL, network->contrast_scratch);
    double share = network->n_flows > 1 ? 1.0 / (network->n_flows - 1) : 0;
    for (int f = 1; f < network->n_flows; f++) {
        struct flow_state *flow = &network->flows[f];
        terms->missing += share * score_error(network, flow, weights->missing * share);
        distil(network, flow, complete, weights->rep, weights->cross, terms, share);
        terms->feature +=
            share * root_mean_square(n_clips, o, (struct strided){flow->feature, o},
                                     (struct strided){complete->feature, o},
                                     weights->feature * share, flow->dfeature, complete->dfeature);
        terms->rnc += share * rank_n_contrast(n_clips, o / 2, complete->contrast, flow->contrast,
                                              labels, weights->rnc * share, complete->dcontrast,
                                              flow->dcontrast, network->contrast_scratch);
    }
    terms->total = weights->complete * terms->complete + weights->missing * terms->missing +
                   weights->rep * terms->rep + weights->cross * terms->cross +
                   weights->feature * terms->feature + weights->rnc * terms->rnc;
}
