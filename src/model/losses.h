/* The four losses over the flows (arXiv 2410.15029, section 2.4), with their gradients. */
#ifndef VALENCE_MODEL_LOSSES_H
#define VALENCE_MODEL_LOSSES_H

#include "valence/model.h"

struct loss_weights {
    double complete; /* task: mean squared error of the complete flow */
    double missing;  /* task: of the flows that miss something, their mean */
    /* MKD: representation of the imagined modality against the complete flow's, detached */
    double rep;
    double cross;   /* MKD: its cross-attention output likewise */
    double feature; /* RS: root mean square between the flows' features; both sides learn */
    double rnc;     /* rank-n-contrast over both flows' projected features */
};

struct loss_terms {
    double complete, missing, rep, cross, feature, rnc; /* unweighted; 0 if there is no such flow */
    double total;                                       /* weighted sum */
};

/* What the parts of a batch add up to before any of them can go backward: the squared errors' own
 * terms, which are sums over clips, and squared distances, of which the terms are the roots. */
struct loss_sums {
    double complete, missing;
    double rep[VALENCE_MAX_FLOWS][VALENCE_N_MODALITIES];
    double cross[VALENCE_MAX_FLOWS][VALENCE_N_MODALITIES];
    double feature[VALENCE_MAX_FLOWS];
};

/* Adds a part's to those of the parts before it. */
void loss_sums_add(struct loss_sums *sums, const struct loss_sums *part);

/* The terms of a batch of `n_clips` clips with these sums and this rank-n-contrast loss. */
void loss_terms_make(const struct valence_model_config *config, const unsigned *flows, int n_flows,
                     int64_t n_clips, const struct loss_weights *weights,
                     const struct loss_sums *sums, double rnc, struct loss_terms *terms);

#endif
