#include "kernels/logistic.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* Steps that are remembered, and steps and trials that are made at most. */
enum { MEMORY = 10, MAX_STEPS = 2000, MAX_TRIALS = 40 };
#define TOLERANCE 1e-8

/* All vectors are parameters: w (k, p), then b (k). */
struct solver {
    const struct logistic *problem;
    double penalty, total; /* of s */
    int64_t size;
    double *z;                    /* (n, k) */
    double *at, *gradient;        /* (size) */
    double *next, *next_gradient; /* (size) */
    double *direction;            /* (size) */
    double *steps, *changes;      /* (MEMORY, size): of the parameters and of the gradient */
    double curvatures[MEMORY];    /* 1 / (step . change) */
    int n_kept, last;
};

/* ---- The function ---- */

static void linear(const struct logistic *l, int64_t first, int64_t n, const double *w,
                   const double *b, double *z)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(z + i * l->k, b, (size_t)l->k * sizeof *z);
    if (l->p > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)l->k, (int)l->p, 1,
                    l->x + first * l->p, (int)l->p, w, (int)l->p, 1, z, (int)l->k);
}

/* -log softmax of one row, which becomes its probabilities. */
static double row_loss(int64_t k, int label, double *z)
{
    double largest = z[0], sum = 0, own = z[label];
    for (int64_t j = 1; j < k; j++)
        largest = fmax(largest, z[j]);
    for (int64_t j = 0; j < k; j++) {
        z[j] = exp(z[j] - largest);
        sum += z[j];
    }
    for (int64_t j = 0; j < k; j++)
        z[j] /= sum;
    return largest + log(sum) - own;
}

double logistic_loss(const struct logistic *l, int64_t first, int64_t end, const double *w,
                     const double *b)
{
    double sum = 0;
    double *z = allocate(l->k, sizeof *z);
    if (!z)
        return NAN;
    for (int64_t i = first; i < end; i++) {
        linear(l, i, 1, w, b, z);
        sum += l->s[i] * row_loss(l->k, l->labels[i], z);
    }
    free(z);
    return sum;
}

/* The value at `at`, and its gradient. */
static double value_at(struct solver *solver, const double *at, double *gradient)
{
    const struct logistic *l = solver->problem;
    const double *w = at, *b = at + l->k * l->p;
    double sum = 0, *db = gradient + l->k * l->p;
    linear(l, 0, l->n, w, b, solver->z);
    memset(db, 0, (size_t)l->k * sizeof *db);
    for (int64_t i = 0; i < l->n; i++) {
        double *z = solver->z + i * l->k;
        sum += l->s[i] * row_loss(l->k, l->labels[i], z);
        z[l->labels[i]] -= 1;
        for (int64_t j = 0; j < l->k; j++) {
            z[j] *= l->s[i];
            db[j] += z[j];
        }
    }
    for (int64_t i = 0; i < l->k * l->p; i++) {
        gradient[i] = solver->penalty * w[i];
        sum += solver->penalty / 2 * w[i] * w[i];
    }
    if (l->p > 0)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)l->k, (int)l->p, (int)l->n, 1,
                    solver->z, (int)l->k, l->x, (int)l->p, 1, gradient, (int)l->p);
    return sum;
}

/* ---- L-BFGS ---- */

static double dot(const struct solver *solver, const double *a, const double *b)
{
    return cblas_ddot((int)solver->size, a, 1, b, 1);
}

static void add(const struct solver *solver, double factor, const double *from, double *to)
{
    cblas_daxpy((int)solver->size, factor, from, 1, to, 1);
}

/* The two loops: minus the gradient, times an estimate of the inverse Hessian. */
static void choose_direction(struct solver *solver)
{
    double factors[MEMORY], *d = solver->direction;
    memcpy(d, solver->gradient, (size_t)solver->size * sizeof *d);
    for (int i = 0; i < solver->n_kept; i++) {
        int at = (solver->last - i + MEMORY) % MEMORY;
        factors[at] = solver->curvatures[at] * dot(solver, solver->steps + at * solver->size, d);
        add(solver, -factors[at], solver->changes + at * solver->size, d);
    }
    if (solver->n_kept) {
        const double *change = solver->changes + solver->last * solver->size;
        double scale = 1 / (solver->curvatures[solver->last] * dot(solver, change, change));
        cblas_dscal((int)solver->size, scale, d, 1);
    }
    for (int i = solver->n_kept - 1; i >= 0; i--) {
        int at = (solver->last - i + MEMORY) % MEMORY;
        double back = solver->curvatures[at] * dot(solver, solver->changes + at * solver->size, d);
        add(solver, factors[at] - back, solver->steps + at * solver->size, d);
    }
    cblas_dscal((int)solver->size, -1, d, 1);
}

static void remember(struct solver *solver)
{
    int at = (solver->last + 1) % MEMORY;
    double *step = solver->steps + at * solver->size;
    double *change = solver->changes + at * solver->size;
    for (int64_t i = 0; i < solver->size; i++) {
        step[i] = solver->next[i] - solver->at[i];
        change[i] = solver->next_gradient[i] - solver->gradient[i];
    }
    double curvature = dot(solver, step, change);
    if (!(curvature > 0))
        return; /* nothing but rounding is left */
    solver->curvatures[at] = 1 / curvature;
    solver->last = at;
    solver->n_kept += solver->n_kept < MEMORY;
}

/* Goes down the direction by halves until the value is small enough; false where it never is. */
static bool take_step(struct solver *solver, double *value)
{
    double slope = dot(solver, solver->gradient, solver->direction);
    double step = solver->n_kept ? 1 : fmin(1, 1 / sqrt(-slope));
    for (int trial = 0; trial < MAX_TRIALS; trial++, step /= 2) {
        memcpy(solver->next, solver->at, (size_t)solver->size * sizeof *solver->next);
        add(solver, step, solver->direction, solver->next);
        double next = value_at(solver, solver->next, solver->next_gradient);
        if (next <= *value + 1e-4 * step * slope) {
            *value = next;
            return true;
        }
    }
    return false;
}

static bool is_solved(const struct solver *solver)
{
    double largest = 0;
    for (int64_t i = 0; i < solver->size; i++)
        largest = fmax(largest, fabs(solver->gradient[i]));
    return largest <= TOLERANCE * solver->total;
}

static bool minimise(struct solver *solver)
{
    double value = value_at(solver, solver->at, solver->gradient);
    for (int i = 0; i < MAX_STEPS && !is_solved(solver); i++) {
        double before = value;
        choose_direction(solver);
        if (!take_step(solver, &value) || !(value < before))
            return i > 0; /* rounding hides what could still be gained */
        remember(solver);
        double *other = solver->at, *other_gradient = solver->gradient;
        solver->at = solver->next;
        solver->gradient = solver->next_gradient;
        solver->next = other;
        solver->next_gradient = other_gradient;
    }
    return is_solved(solver);
}

int logistic_solve(const struct logistic *l, double penalty, double *w, double *b,
                   struct valence_error *error)
{
    int64_t n_weights = l->k * l->p, size = n_weights + l->k;
    double *memory = allocate((5 + 2 * MEMORY) * size + l->n * l->k, sizeof *memory);
    if (!memory)
        return fail_memory(error, (size_t)((5 + 2 * MEMORY) * size + l->n * l->k) * sizeof *memory,
                           "a logistic regression");
    struct solver solver = {.problem = l, .penalty = penalty, .size = size, .last = -1};
    double **parts[] = {&solver.at, &solver.gradient, &solver.next, &solver.next_gradient,
                        &solver.direction};
    for (int i = 0; i < 5; i++)
        *parts[i] = memory + i * size;
    solver.steps = memory + 5 * size;
    solver.changes = solver.steps + MEMORY * size;
    solver.z = solver.changes + MEMORY * size;
    for (int64_t i = 0; i < l->n; i++)
        solver.total += l->s[i];
    memcpy(solver.at, w, (size_t)n_weights * sizeof *w);
    memcpy(solver.at + n_weights, b, (size_t)l->k * sizeof *b);
    bool solved = minimise(&solver);
    memcpy(w, solver.at, (size_t)n_weights * sizeof *w);
    memcpy(b, solver.at + n_weights, (size_t)l->k * sizeof *b);
    free(memory);
    return solved ? VALENCE_OK
                  : fail(error, VALENCE_ERROR_DATA,
                         "logistic regression with the penalty %g did not converge in %d steps",
                         penalty, MAX_STEPS);
}
