/* Late fusion: each modality has a score of its own, read off its representation, and the clip's is
 * their weighted mean. Of classes each has probabilities p_m of its own, and the clip's are
 *
 *   p = sum_m w_m p_m,   kept as outputs z = log p, whose softmax is p
 *
 * The weights are a softmax of three parameters, or all the same, over the modalities that the clip
 * has rows of; over all three where it has none. */
#include <math.h>

#include "kernels/cross_entropy.h"
#include "kernels/vector.h"
#include "model/network_private.h"

/* Whether a modality counts for a clip. */
static bool counts(const struct network *network, const struct flow_state *flow, int64_t clip,
                   int modality)
{
    bool has[N_MODALITIES], any = false;
    for (int m = 0; m < N_MODALITIES; m++) {
        const int64_t *offsets = network->uses[flow->use[m]].pool.sequence->offsets;
        has[m] = offsets[clip + 1] > offsets[clip];
        any = any || has[m];
    }
    return has[modality] || !any;
}

static void weigh(const struct network *network, struct flow_state *flow, const real *parameters)
{
    bool mean = network->config.modality_weights == VALENCE_WEIGHTS_MEAN;
    const real *logits = parameters + network->layout.late_weights;
    for (int64_t b = 0; b < network->batch->n_clips; b++) {
        double weights[N_MODALITIES], sum = 0;
        for (int m = 0; m < N_MODALITIES; m++) {
            double weight = mean ? 1 : exp((double)logits[m]);
            weights[m] = counts(network, flow, b, m) ? weight : 0;
            sum += weights[m];
        }
        for (int m = 0; m < N_MODALITIES; m++)
            flow->modality_weights[b * N_MODALITIES + m] = (real)(weights[m] / sum);
    }
}

/* log (w_m p_mj) of a clip's modality and class; minus infinity where it does not count. */
static double log_share(const struct network *network, const struct flow_state *flow, int64_t clip,
                        int modality, int64_t label)
{
    int64_t k = network->config.n_classes, at = clip * N_MODALITIES + modality;
    const real *z = flow->modality_outputs + at * k;
    return log((double)flow->modality_weights[at]) - cross_entropy_row(k, z, label);
}

/* Without underflow: z = log sum exp of the three logarithms. */
static void mix(struct network *network, struct flow_state *flow)
{
    int64_t k = network->config.n_classes;
    for (int64_t b = 0; b < network->batch->n_clips; b++)
        for (int64_t j = 0; j < k; j++) {
            double shares[N_MODALITIES], largest = -INFINITY, sum = 0;
            for (int m = 0; m < N_MODALITIES; m++) {
                shares[m] = log_share(network, flow, b, m, j);
                largest = fmax(largest, shares[m]);
            }
            for (int m = 0; m < N_MODALITIES; m++)
                sum += exp(shares[m] - largest);
            flow->outputs[b * k + j] = (real)(largest + log(sum));
        }
    network_classify(network, flow);
}

void late_forward(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    int64_t k = network_n_outputs(&network->config);
    for (int m = 0; m < N_MODALITIES; m++) {
        real *hidden = flow->cross_hidden[m];
        linear_forward(layer_of(network, layout->regressor[m][0], parameters), n_clips,
                       flow->seen + m * d, N_MODALITIES * d, hidden, o);
        relu_forward(n_clips, o, hidden, o);
        dropout_clips(&network->dropout, site_of(flow, SITE_CROSS_MLP + m), n_clips,
                      network->batch->keys, 1, o, hidden, o);
        linear_forward(layer_of(network, layout->regressor[m][1], parameters), n_clips, hidden, o,
                       flow->modality_outputs + m * k, N_MODALITIES * k);
    }
    weigh(network, flow, parameters);
    if (network->config.n_classes)
        mix(network, flow);
    for (int64_t b = 0; b < n_clips && !network->config.n_classes; b++)
        flow->score[b] = vector_dot(N_MODALITIES, flow->modality_weights + b * N_MODALITIES,
                                    flow->modality_outputs + b * N_MODALITIES);
}

/* Of one modality of one clip. */
static double own_error(const struct network *network, const real *outputs, const float *label,
                        double share, double weight, real *doutputs)
{
    if (network->config.n_classes)
        return share * cross_entropy(1, 1, network->config.n_classes, outputs, label,
                                     weight * share, doutputs);
    double difference = (double)outputs[0] - (double)*label;
    doutputs[0] += (real)(2 * weight * share * difference);
    return share * difference * difference;
}

double late_own_error(const struct network *network, const struct flow_state *flow,
                      const float *labels, double weight, real *dmodality_outputs)
{
    int64_t n_clips = network->batch->n_clips, k = network_n_outputs(&network->config);
    double sum = 0;
    for (int64_t b = 0; b < n_clips; b++) {
        int n = 0;
        for (int m = 0; m < N_MODALITIES; m++)
            n += counts(network, flow, b, m);
        for (int m = 0; m < N_MODALITIES; m++) {
            double share = counts(network, flow, b, m) ? 1.0 / (double)(n * network->n_whole) : 0;
            int64_t at = (b * N_MODALITIES + m) * k;
            sum += own_error(network, flow->modality_outputs + at, labels + b, share, weight,
                             dmodality_outputs + at);
        }
    }
    return sum;
}

/* Through the weighted mean: adds to the gradients of the own scores and of the logits. */
static void mean_backward(struct network *network, struct flow_state *flow, real *gradients)
{
    bool learned = network->config.modality_weights == VALENCE_WEIGHTS_LEARNED;
    for (int64_t b = 0; b < network->batch->n_clips; b++)
        for (int m = 0; m < N_MODALITIES; m++) {
            int64_t at = b * N_MODALITIES + m;
            real weighted = flow->dscore[b] * flow->modality_weights[at];
            flow->dmodality_outputs[at] += weighted;
            if (learned)
                gradients[network->layout.late_weights + m] +=
                    weighted * (flow->modality_outputs[at] - flow->score[b]);
        }
}

/* The same of classes, through z = log sum_m w_m p_m. With r_mj = w_m p_mj / p_j, the share of a
 * modality in a class's probability:
 *
 *   dz_mj = r_mj dz_j - p_mj sum_i r_mi dz_i,   dlogit_m = sum_j r_mj dz_j - w_m sum_j dz_j */
static void mixture_backward(struct network *network, struct flow_state *flow, real *gradients)
{
    bool learned = network->config.modality_weights == VALENCE_WEIGHTS_LEARNED;
    int64_t k = network->config.n_classes;
    for (int64_t b = 0; b < network->batch->n_clips; b++) {
        const real *z = flow->outputs + b * k, *dz = flow->doutputs + b * k;
        double all = 0;
        for (int64_t j = 0; j < k; j++)
            all += (double)dz[j];
        for (int m = 0; m < N_MODALITIES; m++) {
            int64_t at = b * N_MODALITIES + m;
            const real *own = flow->modality_outputs + at * k;
            double weight = (double)flow->modality_weights[at], through = 0;
            for (int64_t j = 0; j < k && weight > 0; j++)
                through += exp(log_share(network, flow, b, m, j) - (double)z[j]) * (double)dz[j];
            for (int64_t j = 0; j < k && weight > 0; j++)
                flow->dmodality_outputs[at * k + j] +=
                    (real)(exp(log_share(network, flow, b, m, j) - (double)z[j]) * (double)dz[j] -
                           exp(-cross_entropy_row(k, own, j)) * through);
            if (learned)
                gradients[network->layout.late_weights + m] += (real)(through - weight * all);
        }
    }
}

void late_backward(struct network *network, struct flow_state *flow, const real *parameters,
                   real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    int64_t k = network_n_outputs(&network->config);
    if (network->config.n_classes)
        mixture_backward(network, flow, gradients);
    else
        mean_backward(network, flow, gradients);
    for (int m = 0; m < N_MODALITIES; m++) {
        struct layer first = layout->regressor[m][0], second = layout->regressor[m][1];
        vector_clear(n_clips * o, b->dcross_hidden);
        linear_backward(layer_of(network, second, parameters), gradient_of(second, gradients),
                        n_clips, flow->cross_hidden[m], o, flow->dmodality_outputs + m * k,
                        N_MODALITIES * k, b->dcross_hidden, o);
        relu_backward(n_clips, o, flow->cross_hidden[m], o, network->dropout.scale,
                      b->dcross_hidden, o);
        linear_backward(layer_of(network, first, parameters), gradient_of(first, gradients),
                        n_clips, flow->seen + m * d, N_MODALITIES * d, b->dcross_hidden, o,
                        b->drepresentations + m * d, N_MODALITIES * d);
    }
}
