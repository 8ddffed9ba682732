#include "kernels/ridge.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

struct ridge {
    int64_t n, p;
    bool by_rows;    /* the Gram matrix is that of the rows */
    int64_t size;    /* of the Gram matrix: n or p */
    const double *x; /* (n, p): centred, rows times sqrt(s) */
    const double *y; /* (n): likewise */
    double y_mean;
    double *x_mean; /* (p) */
    double *gram;   /* (size, size), the lower triangle */
    double *factor; /* (size, size) */
    double *right;  /* (size) */
};

void ridge_free(struct ridge *ridge)
{
    if (!ridge)
        return;
    free(ridge->x_mean);
    free(ridge->gram);
    free(ridge->factor);
    free(ridge->right);
    free(ridge);
}

/* The intercept takes up the weighted means; what is left is centred. */
static void centre(struct ridge *ridge, double *x, double *y, const double *s)
{
    int64_t n = ridge->n, p = ridge->p;
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += s[i];
    for (int64_t i = 0; i < n; i++) {
        ridge->y_mean += s[i] / total * y[i];
        for (int64_t j = 0; j < p; j++)
            ridge->x_mean[j] += s[i] / total * x[i * p + j];
    }
    for (int64_t i = 0; i < n; i++) {
        double root = sqrt(s[i]);
        y[i] = root * (y[i] - ridge->y_mean);
        for (int64_t j = 0; j < p; j++)
            x[i * p + j] = root * (x[i * p + j] - ridge->x_mean[j]);
    }
}

int ridge_create(int64_t n, int64_t p, double *x, double *y, const double *s, struct ridge **ridge,
                 struct valence_error *error)
{
    *ridge = NULL;
    int64_t size = n < p ? n : p;
    struct ridge *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a ridge regression");
    *made = (struct ridge){.n = n, .p = p, .by_rows = n < p, .size = size, .x = x, .y = y};
    made->x_mean = allocate(p, sizeof *made->x_mean);
    made->gram = allocate(size * size, sizeof *made->gram);
    made->factor = allocate(size * size, sizeof *made->factor);
    made->right = allocate(size, sizeof *made->right);
    if (!made->x_mean || !made->gram || !made->factor || !made->right) {
        ridge_free(made);
        return fail_memory(error, 2 * (size_t)(size * size) * sizeof(double),
                           "a ridge regression's Gram matrix");
    }
    centre(made, x, y, s);
    cblas_dsyrk(CblasRowMajor, CblasLower, made->by_rows ? CblasNoTrans : CblasTrans, (blasint)size,
                (blasint)(made->by_rows ? p : n), 1, x, (blasint)p, 0, made->gram, (blasint)size);
    *ridge = made;
    return VALENCE_OK;
}

/* ---- Cholesky ---- */

#define BLOCK 64

static bool factor_block(int64_t n, double *a, int64_t stride)
{
    for (int64_t j = 0; j < n; j++) {
        double *row = a + j * stride;
        double pivot = row[j] - cblas_ddot((blasint)j, row, 1, row, 1);
        if (!(pivot > 0))
            return false;
        row[j] = sqrt(pivot);
        for (int64_t i = j + 1; i < n; i++) {
            double *other = a + i * stride;
            other[j] = (other[j] - cblas_ddot((blasint)j, other, 1, row, 1)) / row[j];
        }
    }
    return true;
}

/* The lower triangle of a becomes L with L L' = a. False if a is not positive definite. */
static bool factorise(int64_t n, double *a)
{
    for (int64_t k = 0; k < n; k += BLOCK) {
        int64_t width = n - k < BLOCK ? n - k : BLOCK, below = n - k - width;
        double *diagonal = a + k * n + k, *panel = diagonal + width * n;
        if (!factor_block(width, diagonal, n))
            return false;
        if (!below)
            break;
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (blasint)below,
                    (blasint)width, 1, diagonal, (blasint)n, panel, (blasint)n);
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (blasint)below, (blasint)width, -1,
                    panel, (blasint)n, 1, panel + width, (blasint)n);
    }
    return true;
}

/* ---- Solving ---- */

int ridge_solve(struct ridge *ridge, double penalty, double *w, double *b,
                struct valence_error *error)
{
    int64_t size = ridge->size;
    blasint n = (blasint)ridge->n, p = (blasint)ridge->p;
    memcpy(ridge->factor, ridge->gram, (size_t)(size * size) * sizeof(double));
    for (int64_t i = 0; i < size; i++)
        ridge->factor[i * size + i] += penalty;
    if (!factorise(size, ridge->factor))
        return fail_key(error, VALENCE_ERROR_DATA, "ridge.penalty",
                        "ridge regression: a penalty of %g is too small for these columns",
                        penalty);
    if (ridge->by_rows) /* w = X' (X X' + penalty)^-1 y */
        memcpy(ridge->right, ridge->y, (size_t)size * sizeof(double));
    else /* w = (X' X + penalty)^-1 X' y */
        cblas_dgemv(CblasRowMajor, CblasTrans, n, p, 1, ridge->x, p, ridge->y, 1, 0, ridge->right,
                    1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (blasint)size, ridge->factor,
                (blasint)size, ridge->right, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, (blasint)size, ridge->factor,
                (blasint)size, ridge->right, 1);
    if (ridge->by_rows)
        cblas_dgemv(CblasRowMajor, CblasTrans, n, p, 1, ridge->x, p, ridge->right, 1, 0, w, 1);
    else
        memcpy(w, ridge->right, (size_t)size * sizeof(double));
    *b = ridge->y_mean - cblas_ddot(p, w, 1, ridge->x_mean, 1);
    return VALENCE_OK;
}
