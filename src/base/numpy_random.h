/* NumPy's legacy random stream, for masks that must be the published ones to the last bit.
 *
 * The same values as numpy.random.RandomState(seed), or numpy.random.seed(seed) and the module's
 * functions, on every machine. Everything else in the library draws from base/random.h.
 *
 * Source: Matsumoto and Nishimura, "Mersenne Twister" (ACM TOMACS 1998), MT19937; NumPy,
 * numpy/random/src/distributions (legacy bounded integers by masked rejection). */
#ifndef VALENCE_BASE_NUMPY_RANDOM_H
#define VALENCE_BASE_NUMPY_RANDOM_H

#include <stdint.h>

#define NUMPY_RANDOM_WORDS 624

struct numpy_random {
    uint32_t words[NUMPY_RANDOM_WORDS];
    int position; /* of the next word */
};

/* RandomState(seed). */
void numpy_random_seed(struct numpy_random *random, uint32_t seed);

/* uniform(): [0, 1), 53 bits. */
double numpy_random_uniform(struct numpy_random *random);

/* randint(0, bound), 0 < bound < 2^32. A bound of 1 draws nothing, as in NumPy. */
uint32_t numpy_random_below(struct numpy_random *random, uint32_t bound);

#endif
