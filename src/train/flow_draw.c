#include "train/flow_draw.h"

#include "base/random.h"

int draw_flows(const struct valence_model_config *config, int64_t n_drawn, uint64_t seed,
               int64_t step, unsigned flows[VALENCE_MAX_FLOWS])
{
    int64_t n = config->n_flows - 1, order[VALENCE_MAX_FLOWS];
    bool drawn[VALENCE_MAX_FLOWS] = {true};
    for (int64_t i = 0; i < n; i++)
        order[i] = i + 1;
    if (n_drawn && n_drawn < n) {
        struct random_source source = random_source(seed, (uint64_t)step);
        random_shuffle(&source, order, n);
        n = n_drawn;
    }
    for (int64_t i = 0; i < n; i++)
        drawn[order[i]] = true;
    int n_flows = 0;
    for (int f = 0; f < config->n_flows; f++)
        if (drawn[f])
            flows[n_flows++] = config->flows[f];
    return n_flows;
}
