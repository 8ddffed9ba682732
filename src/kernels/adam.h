/* Adam and AdamW over one block of parameters. */
#ifndef VALENCE_KERNELS_ADAM_H
#define VALENCE_KERNELS_ADAM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/real.h"

struct adam_options {
    double learning_rate;
    double beta1, beta2;
    double epsilon;
    double weight_decay;
    bool decoupled; /* AdamW: decays the parameters themselves instead of adding to the gradient */
    double gradient_scale; /* gradients count this much: 1, or less where their norm is clipped */
};

/* Updates parameters (p) and moments (m, v), all (n), from gradients (g); `step` counts from 1.
 *
 *   g = gradient_scale g + weight_decay p              (Adam: L2 in the gradient)
 *   p = p (1 - learning_rate weight_decay)             (AdamW instead)
 *   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *   p = p - learning_rate / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + epsilon)
 *
 * Every element is computed alone, so the result does not depend on the number of threads.
 *
 * Source: Kingma and Ba, arXiv 1412.6980; Loshchilov and Hutter, arXiv 1711.05101; as PyTorch
 * computes them. */
void adam_step(const struct adam_options *options, int64_t step, int64_t n, real *parameters,
               const real *gradients, real *first_moment, real *second_moment);

/* The Euclidean norm of a block, summed in double and in the same order whatever the number of
 * threads. */
double gradient_norm(int64_t n, const real *gradients);

#endif
