#include "model/losses.h"

#include <string.h>

#include "kernels/distance.h"
#include "kernels/rank_n_contrast.h"
#include "model/network_private.h"

/* MKD: what a flow imagined, or read in place, of its missing modalities against what the complete
 * flow has, which does not learn from it. The terms' means over the missing modalities. */
static void distil(struct network *network, struct flow_state *flow,
                   const struct flow_state *complete, double rep_weight, double cross_weight,
                   struct loss_terms *terms, double share)
{
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    int n_missing = __builtin_popcount(flow->missing);
    for (int m = 0; m < N_MODALITIES; m++) {
        if (!(flow->missing & VALENCE_BIT(m)))
            continue;
        int64_t view = (VALENCE_VIEW_AUDIO + m) * d, column = m * o;
        double part = share / n_missing;
        terms->rep +=
            part * root_mean_square(n_clips, d, (struct strided){flow->queries + view, N_VIEWS * d},
                                    (struct strided){complete->queries + view, N_VIEWS * d},
                                    rep_weight * part, flow->dqueries + view, NULL);
        terms->cross +=
            part * root_mean_square(n_clips * N_VIEWS, o,
                                    (struct strided){flow->cross + column, N_MODALITIES * o},
                                    (struct strided){complete->cross + column, N_MODALITIES * o},
                                    cross_weight * part, flow->dcross + column, NULL);
    }
}

static void clear_gradients(struct network *network, struct flow_state *flow)
{
    size_t n_clips = (size_t)network->batch->n_clips;
    size_t d = (size_t)network->config.d, o = (size_t)network->config.o;
    memset(flow->dscore, 0, n_clips * sizeof(real));
    memset(flow->dfeature, 0, n_clips * o * sizeof(real));
    memset(flow->dcontrast, 0, n_clips * (o / 2) * sizeof(real));
    memset(flow->dqueries, 0, n_clips * N_VIEWS * d * sizeof(real));
    memset(flow->dcross, 0, n_clips * N_VIEWS * N_MODALITIES * o * sizeof(real));
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

    terms->complete =
        mean_squared_error(n_clips, complete->score, labels, weights->complete, complete->dscore);
    if (network->n_flows == 1) /* one view of the batch is left to contrast */
        terms->rnc = rank_n_contrast(n_clips, o / 2, complete->contrast, NULL, labels, weights->rnc,
                                     complete->dcontrast, NULL, network->contrast_scratch);
    double share = network->n_flows > 1 ? 1.0 / (network->n_flows - 1) : 0;
    for (int f = 1; f < network->n_flows; f++) {
        struct flow_state *flow = &network->flows[f];
        terms->missing += share * mean_squared_error(n_clips, flow->score, labels,
                                                     weights->missing * share, flow->dscore);
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
