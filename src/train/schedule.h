/* The learning rate over the epochs. */
#ifndef VALENCE_TRAIN_SCHEDULE_H
#define VALENCE_TRAIN_SCHEDULE_H

#include <stdint.h>

struct schedule {
    int64_t warm_up_epochs; /* the factor rises linearly to 1 over these; 0: none */
    int64_t step_every;     /* epochs between two decays after them; 0: never */
    double gamma;           /* what each decay multiplies by */
};

/* The factor of the learning rate in epoch 0, 1, ...
 *
 *   (epoch + 1) / warm_up_epochs                              while epoch < warm_up_epochs
 *   gamma ^ floor((epoch + 1 - warm_up_epochs) / step_every)  after that
 *
 * Source: the published training program of arXiv 2410.15029. */
double schedule_factor(const struct schedule *schedule, int64_t epoch);

#endif
