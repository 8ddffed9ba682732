/* Principal components: the directions in which rows vary most. */
#ifndef VALENCE_KERNELS_PRINCIPAL_H
#define VALENCE_KERNELS_PRINCIPAL_H

#include <stdint.h>

#include "kernels/real.h"
#include "valence/error.h"

/* The principal components of the rows of x, (n, width): unit vectors (n_components, width) by
 * falling variance, each with its largest entry positive, as scikit-learn's PCA has them. */
struct principal {
    int64_t width;
    int n_components;
    double *mean;       /* (width) */
    double *components; /* (n_components, width) */
    double *variances;  /* (n_components), of n - 1 degrees of freedom */
    double total;       /* the variance of all directions together */
};

/* Free with principal_free(), which also takes a structure of zeros; zero on failure. At least one
 * row; n_components from 1 to width. Errors: MEMORY. */
int principal_make(int64_t n, int64_t width, const real *x, int n_components,
                   struct principal *principal, struct valence_error *error);
void principal_free(struct principal *principal);

/* The rows' coordinates along the components: (n, n_components). */
void principal_project(const struct principal *principal, int64_t n, const real *x,
                       float *coordinates);

#endif
