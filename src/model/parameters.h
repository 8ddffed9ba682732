/* The one place that knows the network's parameters: a table of names and shapes from which
 * offsets, files, gradients and optimizer state follow. Parameters, gradients and moments are
 * blocks of parameter_table.n_values reals each. */
#ifndef VALENCE_MODEL_PARAMETERS_H
#define VALENCE_MODEL_PARAMETERS_H

#include "kernels/real.h"
#include "valence/model.h"

#define MAX_PARAMETERS 480

/* In place of a fan-in: how a tensor begins that is not part of a linear layer. */
enum initial_values { INITIAL_CONTEXT = 0, INITIAL_ONES = -1, INITIAL_ZEROS = -2 };

struct parameter {
    char name[80];    /* the published checkpoint's: "frame_dim_reshape_0.weight" */
    int64_t shape[2]; /* (out, in) of a weight, (1, d) of a context vector, (n, 0) of a bias */
    int n_dims;       /* 1 or 2 */
    int64_t n_values;
    int64_t fan_in; /* of the layer the tensor belongs to, or an enum initial_values */
    int64_t offset; /* into the block */
};

struct parameter_table {
    int n;
    int64_t n_values;
    struct parameter parameters[MAX_PARAMETERS];
};

/* The table of a configuration that valence_model_config_check() accepts. */
void parameter_table_make(const struct valence_model_config *config, struct parameter_table *table);

/* The entry of this name, or NULL. */
const struct parameter *parameter_find(const struct parameter_table *table, const char *name);

/* Draws PyTorch's defaults: Linear weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)),
 * context vectors from Xavier's normal distribution, a layer norm's gain 1. The same seed gives the
 * same values, whatever else the table holds. */
void parameters_initialise(const struct parameter_table *table, uint64_t seed, real *values);

/* After that: lets the learned weights of modalities and views start near their means, 1/3 and 1/7,
 * by their layers' biases.
 *
 * Near 0, where random weights start, a feature is a product of three small factors and learns
 * slowly; distillation meanwhile pulls the answers with a gradient of the same norm however small
 * they are, and some seeds end at 0, where the task has no gradient at all (docs/results.md). */
void parameters_start_at_means(const struct valence_model_config *config, real *values);

#endif
