/* What is wrong with a data set, from its summary: findings in words, each with a remedy. */
#ifndef VALENCE_DATA_DIAGNOSIS_H
#define VALENCE_DATA_DIAGNOSIS_H

#include "data/data_summary.h"
#include "data/published_splits.h"

#define DIAGNOSIS_MAX_FINDINGS 128

struct finding {
    const char *name;   /* "constant-columns": what programs tell it by */
    bool is_note;       /* good to know; else a warning */
    char text[320];     /* what is the case */
    const char *remedy; /* what to do; NULL for most notes */
};

struct diagnosis {
    int n, n_warnings;
    struct finding findings[DIAGNOSIS_MAX_FINDINGS];
    const struct published_split *published; /* compared with; NULL: none is near */
};

/* Compares with `published`, or with the nearest where it is NULL. */
void diagnose(const struct data_summary *summary, const struct published_split *published,
              struct diagnosis *diagnosis);

#endif
