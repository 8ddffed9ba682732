/* The element type of every kernel: float in the product, double in the build that the gradient
 * tests use. */
#ifndef VALENCE_KERNELS_REAL_H
#define VALENCE_KERNELS_REAL_H

#ifdef VALENCE_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
