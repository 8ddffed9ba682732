/* The largest eigenvalues of the covariance, by subspace iteration.
 *
 *   V <- orthonormal(C V), then the eigenvectors of the small matrix V' C V (Rayleigh and Ritz)
 *
 * A few vectors more than are wanted take part, so that the error falls by the ratio of the first
 * eigenvalue left out to the last one wanted at each iteration. */
#include "kernels/principal.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

#define MORE_VECTORS   8
#define MAX_ITERATIONS 2000
#define TOLERANCE      1e-11 /* of a residual, to the largest eigenvalue */

/* ---- Small symmetric matrices ---- */

/* One rotation of rows and columns p and q of a (n, n) that makes a[p, q] zero; `vectors` (n, n)
 * holds the eigenvectors as rows. */
static void rotate(int n, double *a, double *vectors, int p, int q)
{
    double apq = a[p * n + q];
    if (apq == 0)
        return;
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < n; k++) {
        double kp = a[k * n + p], kq = a[k * n + q];
        a[k * n + p] = c * kp - s * kq;
        a[k * n + q] = s * kp + c * kq;
    }
    for (int k = 0; k < n; k++) {
        double pk = a[p * n + k], qk = a[q * n + k];
        a[p * n + k] = c * pk - s * qk;
        a[q * n + k] = s * pk + c * qk;
        pk = vectors[p * n + k];
        qk = vectors[q * n + k];
        vectors[p * n + k] = c * pk - s * qk;
        vectors[q * n + k] = s * pk + c * qk;
    }
}

/* Jacobi's method: the diagonal of a becomes the eigenvalues. */
static void solve_small(int n, double *a, double *vectors)
{
    memset(vectors, 0, (size_t)(n * n) * sizeof *vectors);
    for (int i = 0; i < n; i++)
        vectors[i * n + i] = 1;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, all = 0;
        for (int i = 0; i < n * n; i++) {
            all += a[i] * a[i];
            off += i / n == i % n ? 0 : a[i] * a[i];
        }
        if (off <= 1e-30 * all)
            return;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                rotate(n, a, vectors, p, q);
    }
}

/* ---- Large ones ---- */

/* What one search needs, with p vectors of `width`. */
struct subspace {
    int64_t width;
    int p;
    const double *matrix; /* (width, width), symmetric */
    double *vectors;      /* (p, width), orthonormal */
    double *images;       /* (p, width): the matrix times each */
    double *small;        /* (p, p) */
    double *turn;         /* (p, p) */
    double *values;       /* (p), falling */
};

/* Gram and Schmidt, twice over for its rounding. A vector that depends on those before it becomes
 * zero: the matrix has no further direction. */
static void orthonormalise(struct subspace *s)
{
    for (int i = 0; i < s->p; i++) {
        double *v = s->vectors + i * s->width;
        double before = cblas_dnrm2((blasint)s->width, v, 1);
        for (int round = 0; round < 2; round++)
            for (int j = 0; j < i; j++) {
                const double *u = s->vectors + j * s->width;
                double along = cblas_ddot((blasint)s->width, u, 1, v, 1);
                cblas_daxpy((blasint)s->width, -along, u, 1, v, 1);
            }
        double norm = cblas_dnrm2((blasint)s->width, v, 1);
        bool independent = norm > 1e-12 * before && norm > 0;
        cblas_dscal((blasint)s->width, independent ? 1 / norm : 0, v, 1);
    }
}

static void multiply(struct subspace *s)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->p, (blasint)s->width,
                (blasint)s->width, 1, s->vectors, (blasint)s->width, s->matrix, (blasint)s->width,
                0, s->images, (blasint)s->width);
}

/* Turns vectors and images by the rows of s->turn, those of the largest values first. */
static void turn(struct subspace *s, double *room)
{
    int p = s->p;
    for (int i = 0; i < p; i++) { /* by insertion */
        int from = i;
        for (int j = i + 1; j < p; j++)
            if (s->small[j * p + j] > s->small[from * p + from])
                from = j;
        s->values[i] = s->small[from * p + from];
        s->small[from * p + from] = s->small[i * p + i];
        for (int k = 0; k < p; k++) {
            double swapped = s->turn[i * p + k];
            s->turn[i * p + k] = s->turn[from * p + k];
            s->turn[from * p + k] = swapped;
        }
    }
    double *const both[] = {s->vectors, s->images};
    for (int i = 0; i < 2; i++) {
        memcpy(room, both[i], (size_t)(p * s->width) * sizeof *room);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p, (blasint)s->width, p, 1, s->turn,
                    p, room, (blasint)s->width, 0, both[i], (blasint)s->width);
    }
}

/* ||C v - value v|| of the first n vectors is as small as rounding allows. */
static bool has_converged(const struct subspace *s, int n)
{
    for (int i = 0; i < n; i++) {
        double squares = 0;
        for (int64_t j = 0; j < s->width; j++) {
            double rest = s->images[i * s->width + j] - s->values[i] * s->vectors[i * s->width + j];
            squares += rest * rest;
        }
        if (sqrt(squares) > TOLERANCE * s->values[0])
            return false;
    }
    return true;
}

static void search(struct subspace *s, int n, double *room)
{
    struct random_source source = random_source(1, 1);
    for (int64_t i = 0; i < s->p * s->width; i++)
        s->vectors[i] = random_normal(&source);
    for (int i = 0; i < MAX_ITERATIONS; i++) {
        orthonormalise(s);
        multiply(s);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s->p, s->p, (blasint)s->width, 1,
                    s->vectors, (blasint)s->width, s->images, (blasint)s->width, 0, s->small, s->p);
        solve_small(s->p, s->small, s->turn);
        turn(s, room);
        if (has_converged(s, n))
            return;
        memcpy(s->vectors, s->images, (size_t)(s->p * s->width) * sizeof *room);
    }
    orthonormalise(s); /* directions that the data hardly tell apart */
}

/* ---- Components ---- */

/* Centres a copy of x in double precision and gives its covariance. */
static int covariance(struct principal *principal, int64_t n, const real *x, double *matrix,
                      struct valence_error *error)
{
    int64_t width = principal->width;
    double *centred = allocate(n * width, sizeof *centred);
    if (!centred)
        return fail_memory(error, (size_t)(n * width) * sizeof *centred, "principal components");
    for (int64_t i = 0; i < n * width; i++)
        principal->mean[i % width] += (double)x[i] / (double)n;
    for (int64_t i = 0; i < n * width; i++)
        centred[i] = (double)x[i] - principal->mean[i % width];
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)width, (blasint)width, (blasint)n,
                1.0 / (double)(n > 1 ? n - 1 : 1), centred, (blasint)width, centred, (blasint)width,
                0, matrix, (blasint)width);
    for (int64_t j = 0; j < width; j++)
        principal->total += matrix[j * width + j];
    free(centred);
    return VALENCE_OK;
}

static void take_components(struct principal *principal, const struct subspace *s)
{
    for (int i = 0; i < principal->n_components; i++) {
        const double *from = s->vectors + i * s->width;
        double *to = principal->components + i * s->width, sign = 1, largest = 0;
        for (int64_t j = 0; j < s->width; j++)
            if (fabs(from[j]) > largest) {
                largest = fabs(from[j]);
                sign = from[j] < 0 ? -1 : 1;
            }
        for (int64_t j = 0; j < s->width; j++)
            to[j] = sign * from[j];
        principal->variances[i] = s->values[i] > 0 ? s->values[i] : 0;
    }
}

static int find_components(struct principal *principal, int64_t n, const real *x,
                           struct valence_error *error)
{
    int64_t width = principal->width;
    int p = principal->n_components + MORE_VECTORS;
    struct subspace s = {.width = width, .p = p < width ? p : (int)width};
    int64_t size = s.p * width;
    double *block = allocate(width * width + 3 * size + 2 * s.p * s.p + s.p, sizeof *block);
    if (!block)
        return fail_memory(error, (size_t)(width * width) * sizeof *block, "a covariance");
    s.matrix = block;
    s.vectors = block + width * width;
    s.images = s.vectors + size;
    s.small = s.images + 2 * size; /* behind the room that turn() needs */
    s.turn = s.small + s.p * s.p;
    s.values = s.turn + s.p * s.p;
    int status = covariance(principal, n, x, block, error);
    if (!status) {
        search(&s, principal->n_components, s.images + size);
        take_components(principal, &s);
    }
    free(block);
    return status;
}

int principal_make(int64_t n, int64_t width, const real *x, int n_components,
                   struct principal *principal, struct valence_error *error)
{
    *principal = (struct principal){.width = width, .n_components = n_components};
    principal->mean = allocate(width, sizeof(double));
    principal->components = allocate(n_components * width, sizeof(double));
    principal->variances = allocate(n_components, sizeof(double));
    int status = principal->mean && principal->components && principal->variances
                     ? find_components(principal, n, x, error)
                     : fail_memory(error, (size_t)width * sizeof(double), "principal components");
    if (status)
        principal_free(principal);
    return status;
}

void principal_free(struct principal *principal)
{
    free(principal->mean);
    free(principal->components);
    free(principal->variances);
    *principal = (struct principal){0};
}

void principal_project(const struct principal *principal, int64_t n, const real *x,
                       float *coordinates)
{
    int64_t width = principal->width;
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < principal->n_components; c++) {
            double sum = 0;
            for (int64_t j = 0; j < width; j++)
                sum += ((double)x[i * width + j] - principal->mean[j]) *
                       principal->components[c * width + j];
            coordinates[i * principal->n_components + c] = (float)sum;
        }
}
