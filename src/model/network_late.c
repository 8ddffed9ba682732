/* Late fusion: each modality has a score of its own, read off its representation, and the clip's is
 * their weighted mean. The weights are a softmax of three parameters, or all the same, over the
 * modalities that the clip has rows of; over all three where it has none. */
#include <math.h>

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

void late_forward(struct network *network, struct flow_state *flow, const real *parameters)
{
    const struct network_layout *layout = &network->layout;
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    for (int m = 0; m < N_MODALITIES; m++) {
        real *hidden = flow->cross_hidden[m];
        linear_forward(layer_of(network, layout->regressor[m][0], parameters), n_clips,
                       flow->seen + m * d, N_MODALITIES * d, hidden, o);
        relu_forward(n_clips, o, hidden, o);
        dropout_clips(&network->dropout, site_of(flow, SITE_CROSS_MLP + m), n_clips,
                      network->batch->keys, 1, o, hidden, o);
        linear_forward(layer_of(network, layout->regressor[m][1], parameters), n_clips, hidden, o,
                       flow->modality_scores + m, N_MODALITIES);
    }
    weigh(network, flow, parameters);
    for (int64_t b = 0; b < n_clips; b++)
        flow->score[b] = vector_dot(N_MODALITIES, flow->modality_weights + b * N_MODALITIES,
                                    flow->modality_scores + b * N_MODALITIES);
}

double late_own_error(const struct network *network, const struct flow_state *flow,
                      const float *labels, double weight, real *dmodality_scores)
{
    int64_t n_clips = network->batch->n_clips;
    double sum = 0;
    for (int64_t b = 0; b < n_clips; b++) {
        int n = 0;
        for (int m = 0; m < N_MODALITIES; m++)
            n += counts(network, flow, b, m);
        for (int m = 0; m < N_MODALITIES; m++) {
            double share = counts(network, flow, b, m) ? 1.0 / (double)(n * network->n_whole) : 0;
            double difference =
                (double)flow->modality_scores[b * N_MODALITIES + m] - (double)labels[b];
            sum += share * difference * difference;
            dmodality_scores[b * N_MODALITIES + m] += (real)(2 * weight * share * difference);
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
            flow->dmodality_scores[at] += weighted;
            if (learned)
                gradients[network->layout.late_weights + m] +=
                    weighted * (flow->modality_scores[at] - flow->score[b]);
        }
}

void late_backward(struct network *network, struct flow_state *flow, const real *parameters,
                   real *gradients)
{
    const struct network_layout *layout = &network->layout;
    struct backward_state *b = &network->backward;
    int64_t n_clips = network->batch->n_clips, d = network->config.d, o = network->config.o;
    mean_backward(network, flow, gradients);
    for (int m = 0; m < N_MODALITIES; m++) {
        struct layer first = layout->regressor[m][0], second = layout->regressor[m][1];
        vector_clear(n_clips * o, b->dcross_hidden);
        linear_backward(layer_of(network, second, parameters), gradient_of(second, gradients),
                        n_clips, flow->cross_hidden[m], o, flow->dmodality_scores + m, N_MODALITIES,
                        b->dcross_hidden, o);
        relu_backward(n_clips, o, flow->cross_hidden[m], o, network->dropout.scale,
                      b->dcross_hidden, o);
        linear_backward(layer_of(network, first, parameters), gradient_of(first, gradients),
                        n_clips, flow->seen + m * d, N_MODALITIES * d, b->dcross_hidden, o,
                        b->drepresentations + m * d, N_MODALITIES * d);
    }
}
