#include "train/validation.h"

#include <math.h>

#include "kernels/cross_entropy.h"

int validate(struct network *network, const float *parameters,
             const struct standardisation *standardisation, const struct label_transform *labels,
             struct batch_loader *loader, const int64_t *clips, int64_t n, int64_t batch_size,
             const unsigned *flows, int n_flows, int64_t n_classes, float *scores, double *mae,
             struct valence_error *error)
{
    double sums[VALENCE_MAX_FLOWS] = {0};
    int64_t done = 0;
    batch_loader_start(loader, clips, n, batch_size);
    for (;;) {
        const struct valence_batch *batch;
        struct flow_output outputs[VALENCE_MAX_FLOWS];
        int status = batch_loader_next(loader, &batch, error);
        if (status)
            return status;
        if (!batch)
            break;
        status = network_forward(network, parameters, standardisation, batch, flows, n_flows,
                                 outputs, error);
        if (status)
            return status;
        for (int f = 0; f < n_flows; f++)
            for (int64_t i = 0; i < batch->n_clips; i++) {
                int64_t k = outputs[f].outputs ? n_classes : 0;
                if (k) {
                    scores[f * n + done + i] = outputs[f].score[i];
                    sums[f] +=
                        cross_entropy_row(k, outputs[f].outputs + i * k, (int64_t)batch->labels[i]);
                    continue;
                }
                float score = outputs[f].score[i] * labels->factor + labels->offset;
                scores[f * n + done + i] = score;
                sums[f] += fabs((double)score - (double)batch->labels[i]);
            }
        done += batch->n_clips;
    }
    for (int f = 0; f < n_flows; f++)
        mae[f] = sums[f] / (double)n;
    return VALENCE_OK;
}
