/* The four losses over the flows (arXiv 2410.15029, section 2.4), with their gradients. */
#ifndef VALENCE_MODEL_LOSSES_H
#define VALENCE_MODEL_LOSSES_H

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

#endif
